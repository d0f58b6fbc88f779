import {spawn, spawnSync} from 'node:child_process';
import {existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync} from 'node:fs';
import fs from 'node:fs/promises';
import {hostname} from 'node:os';
import {takeRunFolder} from '../../../src/node/runs/folder.js';
import {appendToLog, readLog, rewindLog} from '../../../src/node/runs/log.js';
import {temporaryFolder} from '../../support/temporary-folder.js';

const inFolder = temporaryFolder();
const start = (path: string) => takeRunFolder(path, {resume: false});

describe('a run folder', () => {
  test('is one run at a time, of this process or another', async () => {
    const path = inFolder('taken');
    const folder = await start(path);
    await expect(start(path)).rejects.toThrow(
      `cannot use the run folder ${path}: the run with process number ${process.pid} is using it; if there is none, remove ${path}/run.lock`,
    );
    // The refusal took nothing from the one who holds it.
    await expect(start(path)).rejects.toThrow('is using it');
    await folder.release();
    expect(existsSync(path)).toBe(false);

    const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    mkdirSync(path);
    writeFileSync(`${path}/run.lock`, String(other.pid));
    await expect(start(path)).rejects.toThrow(`the run with process number ${other.pid} is using it`);
    expect(readFileSync(`${path}/run.lock`, 'utf8')).toBe(String(other.pid));
    other.kill('SIGKILL');
    await new Promise(resolve => other.on('exit', resolve));
    await (await start(path)).release();

    // Another container's processes are not to be seen from here, and may have the same numbers.
    for (const number of [process.pid, other.pid]) {
      mkdirSync(path, {recursive: true});
      writeFileSync(`${path}/run.lock`, `${number} another-host`);
      await expect(start(path)).rejects.toThrow(
        `the run with process number ${number} on another-host is using it; if there is none, remove ${path}/run.lock`,
      );
    }
  });

  test('whose run was killed is free', async () => {
    const dead = spawnSync(process.execPath, ['-e', '']).pid;
    // A process in a container always has the same number, so a lock may bear this one's.
    for (const holder of [String(dead), String(process.pid), `${process.pid} ${hostname()}`, '', 'nonsense']) {
      const path = inFolder('killed', 'run');
      mkdirSync(path, {recursive: true});
      writeFileSync(`${path}/run.lock`, holder);
      const folder = await start(path);
      const [pid, host] = readFileSync(`${path}/run.lock`, 'utf8').split(' ');
      expect([pid, host]).toEqual([String(process.pid), hostname()]);
      await folder.release();
      expect(readdirSync(path)).toEqual([]);
    }
  });

  test('with a run in it is resumed, not written over, and one without is not resumed', async () => {
    const [path, empty] = [inFolder('begun'), `${inFolder('empty', 'here')}/below/run`];
    for (const name of ['log.jsonl', 'checkpoint.bin']) {
      writeFileSync(inFolder('begun', name), '');
      await expect(start(path)).rejects.toThrow(`${path} already holds a run: add --resume`);
    }
    await (await takeRunFolder(path, {resume: true})).release();
    expect(readdirSync(path).sort()).toEqual(['checkpoint.bin', 'log.jsonl']);
    await expect(takeRunFolder(empty, {resume: true})).rejects.toThrow(`nothing to resume in ${empty}`);
    // Folders made for it are gone, and only those.
    expect(readdirSync(inFolder('empty'))).toEqual([]);
  });

  // Node's own way to make folders never ends there.
  (process.platform === 'linux' ? test : test.skip)('is refused where no folder can be made', async () => {
    await expect(start('/proc/x/y')).rejects.toThrow(
      'cannot use the run folder /proc/x/y: no folder can be made in /proc',
    );
    await expect(start('/dev/null/y')).rejects.toThrow(
      'cannot use the run folder /dev/null/y: part of the path is not a folder',
    );
  });

  test('on a full disk is left as it was', async () => {
    const spy = jest.spyOn(fs, 'writeFile').mockImplementation(async path => {
      await (await fs.open(path as string, 'w')).close();
      throw Object.assign(new Error('ENOSPC'), {code: 'ENOSPC'});
    });
    const path = inFolder('full', 'run');
    await expect(start(path)).rejects.toThrow(`cannot use the run folder ${path}: no space is left on the disk`);
    spy.mockRestore();
    expect(existsSync(path)).toBe(false);
  });
});

test('a log survives a line cut short, and goes back to where a resumed run begins', async () => {
  const log = inFolder('log', 'log.jsonl');
  expect(await readLog(log)).toEqual([]);
  for (const step of [10, 20, 30]) await appendToLog(log, {step, content: step === 20 ? NaN : 0.5});
  writeFileSync(log, '{"step": 40, "con', {flag: 'a'});
  expect(await readLog(log)).toEqual([
    {step: 10, content: 0.5},
    {step: 20, content: null},
    {step: 30, content: 0.5},
  ]);
  await rewindLog(log, 20);
  await appendToLog(log, {step: 30, content: 0.25});
  expect((await readLog(log)).map(({step, content}) => [step, content])).toEqual([
    [10, 0.5],
    [20, null],
    [30, 0.25],
  ]);
  await expect(appendToLog(inFolder('log'), {})).rejects.toThrow(`cannot write ${inFolder('log')}: it is a folder`);
});
