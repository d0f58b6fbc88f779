import {spawn, spawnSync} from 'node:child_process';
import {existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync} from 'node:fs';
import {hostname} from 'node:os';
import {join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {pathToFileURL} from 'node:url';
import {isProcess, thisProcess} from '../../../src/node/system/process-identity.js';
import {takeRunFolder} from '../../../src/node/runs/folder.js';
import {takeRunLock} from '../../../src/node/runs/lock.js';
import {temporaryFolder} from '../../support/temporary-folder.js';

const inFolder = temporaryFolder();
const root = join(__dirname, '../../..');
const built = (name: string) => JSON.stringify(pathToFileURL(join(root, 'dist/esm', name)).href);
const run = (program: string) => spawn(process.execPath, ['--input-type=module', '--eval', program]);
const onLinux = process.platform === 'linux' ? test : test.skip;

/** Makes a file as if it had been written so many seconds ago. */
function writeEarlier(path: string, content: string, seconds: number): void {
  writeFileSync(path, content);
  const then = Date.now() / 1000 - seconds;
  utimesSync(path, then, then);
}

describe('a lock from elsewhere', () => {
  const [pid, host, numbers, start] = thisProcess().split(' ') as [string, string, string, string];
  const elsewhere = [
    `${pid} another-host`,
    `${pid} another-host ${numbers} ${start}`,
    // A container of the same name, whose processes have numbers of their own; the machine before it was started anew.
    `${pid} ${host} another-boot/pid:[1] ${start}`,
    `99999999 ${host} another-boot/pid:[1] ${start}`,
  ];

  test.each(elsewhere)('(%s) counts until it has been silent for five minutes', async content => {
    const path = inFolder('elsewhere', 'run.lock');
    const [number, itsHost] = content.split(' ');
    writeEarlier(path, content, 100);
    await expect(takeRunLock(path)).rejects.toThrow(
      new RegExp(
        `^the run with process number ${number} on ${itsHost} is using it; if there is none, remove ${path} ` +
          `\\(its last sign of life is 10[0-5] s old; without one for 5 minutes it counts as gone\\)$`,
      ),
    );
    expect(readFileSync(path, 'utf8')).toBe(content);
    expect(readdirSync(inFolder('elsewhere'))).toEqual(['run.lock']);
    writeEarlier(path, content, 301);
    await (await takeRunLock(path)).release();
    expect(readdirSync(inFolder('elsewhere'))).toEqual([]);
  });
});

describe('a lock of this machine', () => {
  onLinux('is free where its number is that of a later process, or of one that has ended unseen', async () => {
    const path = inFolder('here', 'run.lock');
    const [, host, numbers] = thisProcess().split(' ');
    const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    writeFileSync(path, `${other.pid} ${host} ${numbers} 1`);
    await (await takeRunLock(path)).release();
    // Whose parent, a shell that has become a sleep, never asks what became of it.
    const parent = spawn('sh', ['-c', 'sleep 0.1 & echo $!; exec sleep 100']);
    const zombie = await new Promise<string>(resolve =>
      parent.stdout.once('data', (text: Buffer) => resolve(text.toString().trim())),
    );
    expect(isProcess(`${zombie} ${hostname()}`)).toBe('running');
    while (isProcess(`${zombie} ${hostname()}`) === 'running') await sleep(20);
    expect(process.kill(Number(zombie), 0)).toBe(true);
    writeFileSync(path, `${zombie} ${hostname()}`);
    await (await takeRunLock(path)).release();
    for (const child of [other, parent]) child.kill('SIGKILL');
  });

  test('of a run that stands still for long is not', async () => {
    const path = inFolder('still', 'run.lock');
    const holder = run(
      `import {takeRunLock} from ${built('node/runs/lock.js')};
      await takeRunLock(${JSON.stringify(path)}); console.log('held'); setInterval(() => {}, 1000);`,
    );
    await new Promise(resolve => holder.stdout.once('data', resolve));
    holder.kill('SIGSTOP');
    const old = Date.now() / 1000 - 3600;
    utimesSync(path, old, old);
    await expect(takeRunLock(path)).rejects.toThrow(`the run with process number ${holder.pid} is using it`);
    holder.kill('SIGKILL');
  });
});

test('a held lock is written anew while its holder lives', async () => {
  jest.useFakeTimers({doNotFake: ['setTimeout', 'setImmediate', 'nextTick', 'performance', 'queueMicrotask']});
  const path = inFolder('beat', 'run.lock');
  const lock = await takeRunLock(path);
  writeEarlier(path, thisProcess(), 3600);
  jest.advanceTimersByTime(10_000);
  jest.useRealTimers();
  for (let i = 0; i < 100 && Date.now() - statSync(path).mtimeMs > 60_000; i++) await sleep(20);
  expect(Date.now() - statSync(path).mtimeMs).toBeLessThan(60_000);
  expect(readFileSync(path, 'utf8')).toBe(thisProcess());
  await lock.release();
});

test('a run whose lock or folder is gone is told so, and takes nothing from who has it now', async () => {
  const path = inFolder('lost', 'run');
  const folder = await takeRunFolder(path, {resume: false});
  await folder.requireLock();
  writeFileSync(join(path, 'run.lock'), '1 another-host');
  await expect(folder.requireLock()).rejects.toThrow(
    `${path}/run.lock is another run's by now: this run stops, so as to write over nothing`,
  );
  rmSync(path, {recursive: true});
  await expect(folder.requireLock()).rejects.toThrow(`${path}/run.lock was removed: this run stops`);
  mkdirSync(path);
  writeFileSync(join(path, 'run.lock'), '1 another-host');
  await folder.release();
  expect(readFileSync(join(path, 'run.lock'), 'utf8')).toBe('1 another-host');
});

test('what a killed run left half-written is removed by the next', async () => {
  const half = '0d0a1b2c-1111-4222-8333-444455556666.tmp';
  const path = inFolder('half', 'run');
  for (const name of [`checkpoint.bin.${half}`, `model/weights.bin.${half}`, 'model/mine.tmp']) {
    writeFileSync(inFolder('half', 'run', name), '');
  }
  await (await takeRunFolder(path, {resume: false})).release();
  expect(readdirSync(path)).toEqual(['model']);
  expect(readdirSync(join(path, 'model'))).toEqual(['mine.tmp']);
});

test('of many processes that race for a lock, some of which are killed, one has it at a time', async () => {
  const path = inFolder('race', 'run.lock');
  const inside = inFolder('race', 'inside');
  const program = `
    import {rmSync, readFileSync, writeFileSync} from 'node:fs';
    import {setTimeout as sleep} from 'node:timers/promises';
    import {isProcess} from ${built('node/system/process-identity.js')};
    import {takeRunLock} from ${built('node/runs/lock.js')};
    const inside = ${JSON.stringify(inside)};
    process.on('uncaughtException', error => { console.log('failed: ' + error.message); process.exit(1); });
    for (const end = Date.now() + 6000; Date.now() < end;) {
      const lock = await takeRunLock(${JSON.stringify(path)}).catch(error => {
        if (!/is using it/.test(error.message)) throw error;
      });
      if (!lock) continue;
      try { writeFileSync(inside, String(process.pid), {flag: 'wx'}); }
      catch (error) {
        const other = Number(readFileSync(inside, 'utf8'));
        if (isProcess(String(other)) === 'running') throw new Error('two are inside: ' + process.pid + ' and ' + other);
        writeFileSync(inside, String(process.pid));
      }
      await lock.require();
      await sleep(Math.random() * 20);
      if (Math.random() < 0.05) process.kill(process.pid, 'SIGKILL');
      rmSync(inside);
      await lock.release();
      console.log('held');
    }`;
  // The first one found is of a container that is gone.
  writeEarlier(path, '1 another-host', 3600);
  let printed = '';
  const until = Date.now() + 6000;
  const racer = async (): Promise<void> => {
    const child = run(program);
    child.stdout.on('data', (text: Buffer) => (printed += text.toString()));
    child.stderr.on('data', (text: Buffer) => (printed += text.toString()));
    const by = await new Promise(resolve => child.on('close', (_, signal) => resolve(signal)));
    if (by === 'SIGKILL' && Date.now() < until) await racer();
  };
  await Promise.all(Array.from({length: 5}, racer));
  const lines = printed.trim().split('\n');
  expect(lines.filter(line => line !== 'held')).toEqual([]);
  expect(lines.length).toBeGreaterThan(10);
  if (existsSync(path)) await (await takeRunLock(path)).release();
}, 60_000);

test('thisProcess names this process, and spawned ones by turns', () => {
  expect(isProcess(thisProcess())).toBe('this one');
  const {pid} = spawnSync(process.execPath, ['-e', '']);
  expect(isProcess(thisProcess().replace(/^\d+/, String(pid)))).toBe('gone');
});
