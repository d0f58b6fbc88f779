// Packs the package as npm would publish it and tests that tarball: publint, are-the-types-wrong, and the tests of the
// entry points against the built files, installed by name.
import {execFileSync} from 'node:child_process';
import {mkdtempSync, readdirSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

const run = (command, ...args) =>
  execFileSync(command, args, {stdio: 'inherit', env: {...process.env, TEST_BUILT: '1'}});
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
  run('npx', 'jest', '__tests__/(losses|models|images|training|package|browser)/');
} finally {
  rmSync(folder, {recursive: true, force: true});
}
