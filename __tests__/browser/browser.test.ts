import type {Metafile} from 'esbuild';
import {build} from 'esbuild';
import {readFileSync} from 'node:fs';
import type {Server} from 'node:http';
import {createServer} from 'node:http';
import type {AddressInfo} from 'node:net';
import {dirname, join} from 'node:path';
import type {Browser} from 'playwright-core';
import {activateBackend} from '../support/backends.js';
import {describeInChromium, launchChromium} from '../support/chromium.js';
import {expectClose} from '../support/values.js';
import type {Training} from './train.js';
import {train} from './train.js';

const root = join(__dirname, '../..');
const wasmFolder = join(dirname(require.resolve('@tensorflow/tfjs-backend-wasm/package.json')), 'wasm-out');

/** Bundles a script for a page as it would be shipped: minified, with nothing left out. */
async function bundle(contents: string): Promise<{code: string; inputs: Metafile['inputs']}> {
  const {outputFiles, metafile} = await build({
    stdin: {contents, resolveDir: __dirname},
    bundle: true,
    platform: 'browser',
    format: 'iife',
    globalName: 'page',
    minify: true,
    write: false,
    metafile: true,
    absWorkingDir: root,
    logLevel: 'silent',
    // The paths in tsconfig.json lead to the sources; without them the name leads to the built package.
    ...(process.env.TEST_BUILT ? {tsconfigRaw: {}} : {}),
  });
  return {code: outputFiles[0]!.text, inputs: metafile.inputs};
}

test.each(['tfjs-ragan', 'tfjs-ragan/wasm'])('%s needs nothing of Node', async entry => {
  const {inputs} = await bundle(`export * from '${entry}'`);
  const own = Object.entries(inputs).filter(([file]) => file.startsWith(process.env.TEST_BUILT ? 'dist/' : 'src/'));
  expect(own.length).toBeGreaterThan(5);
  // TensorFlow.js asks for modules of Node too, which its package.json tells bundlers to leave empty.
  const imported = own.flatMap(([, {imports}]) => imports.map(({path}) => path));
  expect(imported.filter(path => !/^(src|dist|node_modules\/@tensorflow)\//.test(path))).toEqual([]);
  expect(own.map(([file]) => file).filter(file => /\/(node|cli)\//.test(file))).toEqual([]);
});

const STEPS = 3;

describeInChromium('training in a page', () => {
  let server: Server;
  let browser: Browser;
  let origin: string;
  const inNode: Record<string, Training> = {};

  beforeAll(async () => {
    for (const backend of ['cpu', 'wasm']) {
      await activateBackend(backend);
      inNode[backend] = await train(backend === 'cpu' ? 1 : STEPS);
    }
    server = createServer(respond((await bundle(`export * from './page.ts'`)).code));
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    browser = await launchChromium();
  });

  afterAll(async () => {
    await browser?.close();
    server?.close();
  });

  /** The value of an expression in a page of its own, in which nothing goes wrong. */
  async function evaluate<T>(path: string, expression: string): Promise<T> {
    const tab = await browser.newPage();
    // The backend takes half of the cores it sees: two threads, whatever the machine.
    await tab.addInitScript(`Object.defineProperty(navigator, 'hardwareConcurrency', {value: 4})`);
    const problems: string[] = [];
    tab.on('console', message => {
      if (message.type() === 'error') problems.push(message.text());
    });
    tab.on('pageerror', error => problems.push(error.message));
    tab.on('requestfailed', request => problems.push(request.url()));
    try {
      await tab.goto(origin + path);
      return await tab.evaluate<T>(expression);
    } finally {
      await tab.close();
      expect(problems).toEqual([]);
    }
  }

  test.each([
    ['on one thread where it is not cross-origin isolated', '/plain', 1],
    ['on several threads where it is', '/isolated', 2],
  ])('works on wasm, %s', async (_, path, expectedThreads) => {
    const {losses, tensors, threads, isolated} = await evaluate<Training & {threads: number; isolated: boolean}>(
      path,
      `page.trainOnWasm(${STEPS}).then(result => ({...result, isolated: crossOriginIsolated}))`,
    );
    expect(isolated).toBe(path === '/isolated');
    expect(threads).toBe(expectedThreads);
    expectSameLosses(losses, inNode.wasm!.losses);
    // Adam makes its moments in the first step.
    expect(tensors.slice(1)).toEqual(tensors.slice(1).map(() => tensors[0]));
  });

  test('starts at the same losses on the cpu backend', async () => {
    const {losses} = await evaluate<Training>('/plain', `page.trainOnCpu(1)`);
    expectSameLosses(losses, inNode.cpu!.losses);
    expectSameLosses(losses, inNode.wasm!.losses.slice(0, 1));
  });
});

function expectSameLosses(actual: Training['losses'], expected: Training['losses']): void {
  expect(actual.map(Object.keys)).toEqual(expected.map(Object.keys));
  for (const [step, losses] of expected.entries()) {
    for (const [name, loss] of Object.entries(losses)) expectClose([actual[step]![name]!], [loss]);
  }
}

/** Serves the page under `/plain`, under `/isolated` with the headers that allow threads, and the wasm binaries. */
function respond(script: string): Parameters<typeof createServer>[1] {
  const html = '<!doctype html><link rel="icon" href="data:,"><script src="/script.js"></script>';
  return ({url = '/'}, response) => {
    const send = (type: string, body: string | Buffer) => response.setHeader('Content-Type', type).end(body);
    if (url === '/isolated') {
      response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
      response.setHeader('Cross-Origin-Embedder-Policy', 'require-corp');
    }
    if (url === '/plain' || url === '/isolated') send('text/html', html);
    else if (url === '/script.js') send('text/javascript', script);
    else if (/^\/wasm\/[\w-]+\.wasm$/.test(url)) send('application/wasm', readFileSync(join(wasmFolder, url.slice(6))));
    else response.writeHead(404).end();
  };
}
