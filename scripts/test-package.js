// Packs the package as npm would publish it and tests that tarball: publint, are-the-types-wrong, an installation in an
// empty folder, and the tests of the entry points against the built files.
import {execFileSync} from 'node:child_process';
import {mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

const {exports: entries, version} = JSON.parse(readFileSync('package.json', 'utf8'));
const run = (command, ...args) =>
  execFileSync(command, args, {stdio: 'inherit', env: {...process.env, TEST_BUILT: '1'}});

/** Prints how the installed package answers a page that asks for its script. */
const WATCH = `
  import {mkdirSync, writeFileSync} from 'node:fs';
  import {spawn} from 'node:child_process';
  for (const name of ['log.jsonl', 'summary.json']) {
    mkdirSync('run', {recursive: true});
    writeFileSync('run/' + name, '{}');
  }
  const watch = spawn('node_modules/.bin/tfjs-ragan', ['watch', 'run', '--port', '0']);
  watch.stdout.once('data', async text => {
    const [url] = /http:\\S+/.exec(text);
    console.log((await fetch(url + 'scripts/watch/page/main.js')).status);
    watch.kill();
  });`;

/** Installs the tarball as a user would and tries what it brings: every entry, both ways, and the commands. */
function tryInstalled(tarball, project) {
  const inProject = (command, ...args) => execFileSync(command, args, {cwd: project, encoding: 'utf8'}).trim();
  const expect = (what, actual, expected) => {
    if (actual !== expected) throw new Error(`installed, ${what} gives ${actual} instead of ${expected}`);
  };
  mkdirSync(project);
  writeFileSync(join(project, 'package.json'), '{"private": true}');
  run(
    'npm',
    'install',
    '--prefix',
    project,
    '--prefer-offline',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
    tarball,
  );
  // The others are files, not modules.
  const modules = Object.keys(entries).filter(name => typeof entries[name] === 'object');
  for (const entry of modules) {
    const name = `tfjs-ragan${entry.slice(1)}`;
    const count =
      'names => Object.keys(names).filter(name => !/^(__esModule|default|module.exports)$/.test(name)).length';
    const required = inProject(process.execPath, '-p', `(${count})(require('${name}'))`);
    const imported = inProject(process.execPath, '-e', `import('${name}').then(${count}).then(console.log)`);
    expect(`require('${name}')`, required, imported);
    if (!(required > 0)) throw new Error(`installed, ${name} holds nothing`);
  }
  for (const name of ['x4', 'x4-sharp']) {
    const file = `tfjs-ragan/models/${name}/model.json`;
    expect(`the format of ${file}`, inProject(process.execPath, '-p', `require('${file}').format`), 'layers-model');
  }
  expect('npx tfjs-ragan --version', inProject('npx', '--no-install', 'tfjs-ragan', '--version'), version);
  const help = inProject('npx', '--no-install', 'tfjs-ragan', 'bench', '--help').split(' [')[0];
  expect('npx tfjs-ragan bench --help', help, 'Usage: tfjs-ragan bench');
  expect('the script of the page of watch', inProject(process.execPath, '--input-type=module', '-e', WATCH), '200');
}

const folder = mkdtempSync(join(tmpdir(), 'tfjs-ragan-'));
try {
  run('npm', 'run', 'build');
  run('npm', 'pack', '--silent', '--ignore-scripts', '--pack-destination', folder);
  const tarball = join(
    folder,
    readdirSync(folder).find(file => file.endsWith('.tgz')),
  );
  run('npx', 'publint', tarball, '--strict');
  // Resolution of Node 10 knows no entry points besides the main one, and this package needs Node 20.
  run('npx', 'attw', tarball, '--profile', 'node16');
  tryInstalled(tarball, join(folder, 'project'));
  run(
    'npx',
    'jest',
    '__tests__/(losses|models|package|browser)/',
    'images/upscale.test',
    'training/(gan|goldens|saved-gan).test',
  );
} finally {
  rmSync(folder, {recursive: true, force: true});
}
