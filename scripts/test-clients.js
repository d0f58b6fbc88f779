// Tests models against the programs that they come from and are written for, the large ones among them: UpscalerJS's
// larger models, spandrel, which needs PyTorch, and torchvision, which comes with it.
//   npm run test:clients [-- --dir FOLDER]
// They are installed in that folder, and kept there; without it in one that is removed at the end. Some gigabytes.
import {execFileSync} from 'node:child_process';
import {existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join, resolve} from 'node:path';
import {parseArgs} from 'node:util';

const {values: options} = parseArgs({options: {dir: {type: 'string'}}});
const folder = options.dir ? resolve(options.dir) : mkdtempSync(join(tmpdir(), 'tfjs-ragan-clients-'));
const run = (command, ...args) =>
  execFileSync(command, args, {stdio: 'inherit', env: {...process.env, TFJS_RAGAN_CLIENTS: folder}});

try {
  mkdirSync(folder, {recursive: true});
  if (!existsSync(join(folder, 'node_modules'))) {
    const {devDependencies} = JSON.parse(readFileSync('package.json', 'utf8'));
    const models = ['default-model', 'esrgan-slim', 'esrgan-medium', 'esrgan-thick'].map(name => `@upscalerjs/${name}`);
    writeFileSync(join(folder, 'package.json'), '{"private": true}');
    const packages = models.map(name => `${name}@${devDependencies[name] ?? '1.0.0'}`);
    run('npm', 'install', '--prefix', folder, '--legacy-peer-deps', '--no-audit', '--no-fund', ...packages);
  }
  if (!existsSync(join(folder, 'python'))) {
    run('python3', '-m', 'venv', join(folder, 'python'));
    run(join(folder, 'python/bin/pip'), 'install', '-q', 'spandrel==0.4.2', 'torch==2.15.0');
  }
  run('npx', 'jest', '__tests__/clients');
} finally {
  if (!options.dir) rmSync(folder, {recursive: true, force: true});
}
