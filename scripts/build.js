// Builds dist/esm and dist/cjs from src with the TypeScript compiler: the same files twice, so that what a
// stack trace names is what the repository holds. What was there before stays until all of it is built: npx builds a
// clone when it first runs a command there, and another command may be running.
import {execFileSync} from 'node:child_process';
import {chmodSync, existsSync, renameSync, rmSync, writeFileSync} from 'node:fs';
import {createRequire} from 'node:module';

const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
const building = `dist.${process.pid}.tmp`;
try {
  for (const kind of ['esm', 'cjs']) {
    const options = ['-p', `tsconfig.${kind}.json`, '--outDir', `${building}/${kind}`];
    execFileSync(process.execPath, [tsc, ...options], {stdio: 'inherit'});
  }
  writeFileSync(`${building}/cjs/package.json`, '{"type": "commonjs"}\n');
  chmodSync(`${building}/esm/cli/main.js`, 0o755);
  const before = `dist.${process.pid}.old`;
  if (existsSync('dist')) renameSync('dist', before);
  renameSync(building, 'dist');
  rmSync(before, {recursive: true, force: true});
} finally {
  rmSync(building, {recursive: true, force: true});
}
