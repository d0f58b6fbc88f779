import {spawn} from 'node:child_process';
import {existsSync, renameSync, writeFileSync} from 'node:fs';
import {pathToFileURL} from 'node:url';
import {join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {holdLock} from '../../../src/node/system/lock.js';
import {temporaryFolder} from '../../support/temporary-folder.js';

const inFolder = temporaryFolder();

test('is held by one at a time, and the others are told that they wait', async () => {
  const path = inFolder('one', 'setup.lock');
  let [holders, most] = [0, 0];
  const onWait = jest.fn();
  await Promise.all(
    [1, 2, 3].map(async () => {
      const release = await holdLock(path, onWait);
      most = Math.max(most, ++holders);
      await sleep(50);
      holders--;
      await release();
    }),
  );
  expect(most).toBe(1);
  expect(onWait).toHaveBeenCalledTimes(2);
  expect(existsSync(path)).toBe(false);
});

test('is kept while its holder lives, and taken once it is dead', async () => {
  const path = inFolder('two', 'setup.lock');
  const module = pathToFileURL(join(__dirname, '../../../dist/esm/node/system/lock.js')).href;
  const program = `import {holdLock} from '${module}'; await holdLock('${path}', () => {}); setInterval(() => {}, 1000);`;
  const holder = spawn(process.execPath, ['--input-type=module', '--eval', program]);
  while (!existsSync(path)) await sleep(20);
  const taken = holdLock(path, () => undefined);
  const first = await Promise.race([taken, sleep(12_000)]);
  expect(first).toBeUndefined();
  holder.kill('SIGKILL');
  await (
    await taken
  )();
});

test('taken from one that was stopped for long, is not released by it', async () => {
  const path = inFolder('three', 'setup.lock');
  const release = await holdLock(path, () => undefined);
  writeFileSync(`${path}.new`, '');
  renameSync(`${path}.new`, path);
  await release();
  expect(existsSync(path)).toBe(true);
});
