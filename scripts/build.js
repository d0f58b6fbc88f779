// Builds dist/esm and dist/cjs from src with the TypeScript compiler: the same files twice, so that what a
// stack trace names is what the repository holds.
import {execFileSync} from 'node:child_process';
import {chmodSync, rmSync, writeFileSync} from 'node:fs';
import {createRequire} from 'node:module';

const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
rmSync('dist', {recursive: true, force: true});
for (const kind of ['esm', 'cjs']) {
  execFileSync(process.execPath, [tsc, '-p', `tsconfig.${kind}.json`], {stdio: 'inherit'});
}
writeFileSync('dist/cjs/package.json', '{"type": "commonjs"}\n');
chmodSync('dist/esm/cli/main.js', 0o755);
