import {spawn} from 'node:child_process';
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import {request} from 'node:http';
import {connect, createServer} from 'node:net';
import type {AddressInfo} from 'node:net';
import {join} from 'node:path';
import {thisProcess} from '../../../src/node/system/process-identity.js';
import type {Watch} from '../../../src/node/watch/server.js';
import {watchRun} from '../../../src/node/watch/server.js';
import {readLogPart} from '../../../src/node/watch/log-part.js';
import {listSheets} from '../../../src/node/watch/sheets.js';
import type {WatchState} from '../../../src/node/watch/state.js';
import {placed, writePng} from '../../support/photos.js';
import {root} from '../../support/program.js';
import {log, makeRun} from '../../support/run.js';
import {temporaryFolder} from '../../support/temporary-folder.js';

const inFolder = temporaryFolder();

/** An answer to a request that is sent as it is: neither the path nor the headers are mended. */
function ask(url: string, {path = '/', host, method = 'GET'}: {path?: string; host?: string; method?: string} = {}) {
  const {hostname, port, host: itsHost} = new URL(url);
  return new Promise<{status: number; body: Buffer; headers: NodeJS.Dict<string | string[]>}>((resolve, reject) => {
    const asking = request({hostname, port, path, method, setHost: false, headers: {Host: host ?? itsHost}}, answer => {
      const parts: Buffer[] = [];
      answer.on('data', (part: Buffer) => parts.push(part));
      answer.on('end', () =>
        resolve({status: answer.statusCode!, body: Buffer.concat(parts), headers: answer.headers}),
      );
    });
    asking.on('error', reject).end();
  });
}

/** Everything in a folder: names, contents and times. */
function everything(folder: string): unknown[] {
  return readdirSync(folder, {recursive: true, encoding: 'utf8'})
    .sort()
    .map(name => {
      const status = statSync(join(folder, name));
      const content = status.isFile() ? readFileSync(join(folder, name)).toString('base64') : '';
      return [name, status.mtimeMs, status.ctimeMs, content];
    });
}

describe('what is served', () => {
  let run: string;
  let watch: Watch;
  beforeAll(async () => {
    writeFileSync(inFolder('secret.png'), 'secret');
    mkdirSync(inFolder('elsewhere'), {recursive: true});
    writeFileSync(inFolder('elsewhere', 'hidden.png'), 'secret');
    run = makeRun(inFolder('run'));
    symlinkSync(inFolder('secret.png'), join(run, 'samples', 'link.png'));
    symlinkSync(inFolder('elsewhere'), join(run, 'samples', 'folder.png'));
    mkdirSync(join(run, 'samples', 'really.png'));
    writeFileSync(join(run, 'samples', 'notes.txt'), 'secret');
    watch = await watchRun(run, 0);
  });
  afterAll(() => watch.close());

  test('are the page, its parts and the pictures', async () => {
    for (const [path, type] of [
      ['/', 'text/html'],
      ['/style.css', 'text/css'],
      ['/icon.svg', 'image/svg+xml'],
      ['/scripts/watch/page/main.js', 'text/javascript'],
      ['/scripts/runs/line-chart.js', 'text/javascript'],
      ['/state', 'application/json'],
      ['/samples/step-000010.png?abc', 'image/png'],
    ] as const) {
      const {status, headers, body} = await ask(watch.url, {path});
      expect([path, status, headers['content-type']]).toEqual([path, 200, `${type}; charset=utf-8`]);
      expect(headers['content-security-policy']).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self'; /);
      expect(body.length).toBeGreaterThan(20);
      expect((await ask(watch.url, {path, method: 'HEAD'})).body).toHaveLength(0);
    }
    const picture = await ask(watch.url, {path: '/samples/step-000010.png'});
    expect(picture.body).toEqual(readFileSync(join(run, 'samples', 'step-000010.png')));
  });

  test.each([
    '/samples/../../secret.png',
    '/samples/..%2f..%2fsecret.png',
    '/samples/%2e%2e/%2e%2e/secret.png',
    '/samples/%2e%2e%2f%2e%2e%2fsecret.png',
    '/samples/..%5c..%5csecret.png',
    '/samples/%252e%252e%252f%252e%252e%252fsecret.png',
    '/samples/link.png',
    '/samples/folder.png/hidden.png',
    '/samples/folder.png%2fhidden.png',
    '/samples/really.png',
    '/samples/step-000010.png%00.png',
    '/samples/%00.png',
    '/samples/%E0%A4%A.png',
    '/samples/notes.txt',
    '/samples/',
    '/samples//etc/hostname.png',
    '/samples/%2fetc%2fpasswd',
    '/../secret.png',
    '//etc/passwd',
    '/etc/passwd',
    '/log.jsonl',
    '/checkpoint.bin',
    '/scripts/../../package.json',
    '/scripts/watch/page/../../index.js',
    '/scripts/watch/server.js',
    'http://127.0.0.1/../secret.png',
    'file:///etc/passwd',
    '/state/..',
  ])('nothing else: %s', async path => {
    const {status, body} = await ask(watch.url, {path});
    expect([status, body.toString()]).toEqual([404, '404\n']);
  });

  test('a run whose parts are links out of it shows none of them', async () => {
    const linked = inFolder('linked');
    mkdirSync(linked);
    writeFileSync(join(linked, 'summary.json'), '{}');
    writeFileSync(inFolder('elsewhere', 'log.jsonl'), '{"step": 1, "secret": 1}\n');
    symlinkSync(inFolder('elsewhere', 'log.jsonl'), join(linked, 'log.jsonl'));
    symlinkSync(inFolder('elsewhere'), join(linked, 'samples'));
    const other = await watchRun(linked, 0);
    try {
      expect((await ask(other.url, {path: '/samples/hidden.png'})).status).toBe(404);
      const {sheets, log} = JSON.parse((await ask(other.url, {path: '/state'})).body.toString()) as WatchState;
      expect([sheets, log.records]).toEqual([[], []]);
    } finally {
      await other.close();
    }
    // The folder itself may be one.
    symlinkSync(run, inFolder('by-link'));
    expect((await readLogPart(inFolder('by-link'), '')).records).toHaveLength(31);
  });

  test('to nobody who calls it by another name, and to no other machine', async () => {
    const {port} = new URL(watch.url);
    for (const host of [
      'evil.example',
      `evil.example:${port}`,
      '127.0.0.1',
      '127.0.0.1:1',
      `127.0.0.1:${port}.evil`,
      '',
    ]) {
      for (const path of ['/', '/state', '/samples/step-000010.png']) {
        expect((await ask(watch.url, {path, host})).status).toBe(403);
      }
    }
    expect((await ask(watch.url, {host: `localhost:${port}`})).status).toBe(200);
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS'])
      expect((await ask(watch.url, {method})).status).toBe(405);
    // Listening on every address, it would be there on these too.
    for (const address of ['127.0.0.2', '::1']) {
      const connected = await new Promise(resolve => {
        const socket = connect(Number(port), address, () => resolve(true)).on('error', () => resolve(false));
        socket.on('connect', () => socket.destroy());
      });
      expect([address, connected]).toEqual([address, false]);
    }
  });

  test('and nothing in the run is changed', async () => {
    const before = everything(run);
    for (const path of ['/', '/state', '/state?place=1-99', '/samples/step-000010.png', '/samples/none.png']) {
      await ask(watch.url, {path});
    }
    const another = await watchRun(run, 0);
    await another.close();
    expect(everything(run)).toEqual(before);
  });
});

test('a run is told of as it is: running while its lock is held, its settings from its checkpoint', async () => {
  const run = makeRun(inFolder('status'));
  const watch = await watchRun(run, 0);
  const state = async (place = '') =>
    JSON.parse((await ask(watch.url, {path: `/state?place=${place}`})).body.toString()) as WatchState;
  try {
    expect(await state()).toMatchObject({name: 'status', running: false, settings: {}});
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    writeFileSync(join(run, 'run.lock'), `${child.pid}`);
    expect((await state()).running).toBe(true);
    const ended = new Promise(resolve => child.on('exit', resolve));
    child.kill('SIGKILL');
    await ended;
    expect((await state()).running).toBe(false);
    // Of this process, which trains nothing.
    writeFileSync(join(run, 'run.lock'), thisProcess());
    expect((await state()).running).toBe(false);
    expect(await state((await state()).log.place)).not.toHaveProperty('settings');
    rmSync(run, {recursive: true});
    expect(await state()).toMatchObject({running: false, sheets: [], log: {records: []}});
  } finally {
    await watch.close();
  }
});

describe('a log that grows', () => {
  const steps = ({records}: {records: object[]}) => records.map(record => (record as {step: number}).step);

  test('is read on from where it was read to, in whole lines', async () => {
    const run = makeRun(inFolder('log'), {steps: 2, sheets: []});
    const first = await readLogPart(run, '');
    expect([steps(first), first.fromStart, first.more]).toEqual([[0, 1, 2], true, false]);
    appendFileSync(join(run, 'log.jsonl'), '{"step": 3, "conte');
    const half = await readLogPart(run, first.place);
    expect(half).toEqual({records: [], place: first.place, fromStart: false, more: false});
    appendFileSync(join(run, 'log.jsonl'), 'nt": 1}\nnonsense\nnull\n{"step": 4}\n');
    const rest = await readLogPart(run, half.place);
    expect([steps(rest), rest.fromStart]).toEqual([[3, 4], false]);
    for (const place of ['x', '1', '-', '0-0', '1-99999999999999999999', `${rest.place}9`]) {
      expect([place, steps(await readLogPart(run, place))]).toEqual([place, [0, 1, 2, 3, 4]]);
    }
  });

  test('and is written anew by a run that is resumed is read anew', async () => {
    const run = makeRun(inFolder('anew'), {steps: 2, sheets: []});
    const {place} = await readLogPart(run, '');
    cpSync(join(run, 'log.jsonl'), join(run, 'new'));
    renameSync(join(run, 'new'), join(run, 'log.jsonl'));
    log(run, {step: 9});
    const anew = await readLogPart(run, place);
    expect([steps(anew), anew.fromStart]).toEqual([[0, 1, 2, 9], true]);
    rmSync(join(run, 'log.jsonl'));
    expect(await readLogPart(run, anew.place)).toEqual({records: [], place: '', fromStart: true, more: false});
  });

  test('is read in parts where it is long', async () => {
    const run = makeRun(inFolder('long'), {steps: 0, sheets: []});
    const line = (step: number) => JSON.stringify({step, filling: 'x'.repeat(1000)}) + '\n';
    appendFileSync(join(run, 'log.jsonl'), Array.from({length: 9000}, (_, i) => line(i + 1)).join(''));
    // Longer than any line is.
    appendFileSync(join(run, 'log.jsonl'), 'x'.repeat(9e6) + '\n' + line(9001));
    const read: number[] = [];
    let [place, parts] = ['', 0];
    for (let more = true; more; parts++) {
      const part = await readLogPart(run, place);
      read.push(...steps(part));
      ({place, more} = part);
    }
    expect(read).toEqual(Array.from({length: 9002}, (_, i) => i));
    expect(parts).toBeGreaterThan(3);
  });
});

test('sample sheets come in the order of training', async () => {
  const run = makeRun(inFolder('sheets'), {sheets: [100, 20]});
  const sheet = (name: string) => writePng(join(run, 'samples', name), 4, 4, placed);
  sheet('after-warm-up.png');
  sheet('step-000200.png');
  sheet('step-1000000.png');
  sheet('end.png');
  sheet('step-000300.png.0.tmp');
  const [last, warm] = ['step-1000000', 'after-warm-up'];
  const names = (await listSheets(run)).map(({name}) => name);
  expect(names.filter(name => name.startsWith('step'))).toEqual(['step-000020', 'step-000100', 'step-000200', last]);
  expect(names.at(-1)).toBe('end');
  expect(names).toContain(warm);
  expect(names).toHaveLength(6);
});

describe('the command', () => {
  const main = join(root, 'dist/esm/cli/main.js');
  function start(...args: string[]) {
    const child = spawn(process.execPath, [main, 'watch', ...args]);
    const printed = {stdout: '', stderr: ''};
    child.stdout.on('data', (text: Buffer) => (printed.stdout += text.toString()));
    child.stderr.on('data', (text: Buffer) => (printed.stderr += text.toString()));
    return {child, printed, ended: new Promise<number | null>(resolve => child.on('close', resolve))};
  }

  test('prints its address and goes on until it is stopped', async () => {
    const run = makeRun(inFolder('told'));
    const {child, printed, ended} = start(run, '--port', '0');
    while (!printed.stdout.includes('\n')) await new Promise(resolve => setTimeout(resolve, 20));
    const [, url] = /^.*told is shown at (http:\/\/127\.0\.0\.1:\d+\/) until Ctrl-C\n$/.exec(printed.stdout)!;
    expect((await ask(url!)).status).toBe(200);
    child.kill('SIGINT');
    expect([await ended, printed.stderr]).toEqual([0, '']);
  });

  test('refuses what it cannot show in one line', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await new Promise(resolve => taken.on('listening', resolve));
    const {port} = taken.address() as AddressInfo;
    const refusals: [string[], string][] = [
      [[inFolder('nowhere')], `cannot watch ${inFolder('nowhere')}: it does not exist`],
      [
        [inFolder('elsewhere')],
        `cannot watch ${inFolder('elsewhere')}: it holds no run; give the folder that train was given as --out`,
      ],
      [
        [makeRun(inFolder('busy')), '--port', String(port)],
        `port ${port} is in use: choose another with --port, or 0 for any`,
      ],
    ];
    for (const [args, message] of refusals) {
      const {printed, ended} = start(...args);
      expect([await ended, printed.stdout, printed.stderr]).toEqual([2, '', `tfjs-ragan: ${message}\n`]);
    }
    taken.close();
    for (const port of ['x', '-1', '65536', '1.5']) {
      const {printed, ended} = start(inFolder('busy'), '--port', port);
      expect(await ended).toBe(2);
      expect(printed.stderr).toContain('It must be a whole number from 0 to 65535.');
    }
  });
});
