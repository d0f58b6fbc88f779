import {activateBackend} from '../support/backends.js';
import {describeInChromium} from '../support/chromium.js';
import {ScriptedPage, bundleForPage} from '../support/page.js';
import {expectClose} from '../support/values.js';
import type {Resumption, Training} from './train.js';
import {train} from './train.js';

test.each(['tfjs-ragan', 'tfjs-ragan/wasm'])('%s needs nothing of Node', async entry => {
  const {inputs} = await bundleForPage(`export * from '${entry}'`, __dirname);
  const own = Object.entries(inputs).filter(([file]) => file.startsWith(process.env.TEST_BUILT ? 'dist/' : 'src/'));
  expect(own.length).toBeGreaterThan(5);
  // TensorFlow.js asks for modules of Node too, which its package.json tells bundlers to leave empty.
  const imported = own.flatMap(([, {imports}]) => imports.map(({path}) => path));
  expect(imported.filter(path => !/^(src|dist|node_modules\/@tensorflow)\//.test(path))).toEqual([]);
  expect(own.map(([file]) => file).filter(file => /\/(node|cli)\//.test(file))).toEqual([]);
});

const STEPS = 3;

describeInChromium('training in a page', () => {
  let page: ScriptedPage;
  const inNode: Record<string, Training> = {};

  beforeAll(async () => {
    for (const backend of ['cpu', 'wasm']) {
      await activateBackend(backend);
      inNode[backend] = await train(backend === 'cpu' ? 1 : STEPS);
    }
    page = new ScriptedPage((await bundleForPage(`export * from './page.ts'`, __dirname)).code);
    await page.open();
  });
  afterAll(() => page?.close());

  test.each([
    ['on one thread where it is not cross-origin isolated', '/plain', 1],
    ['on several threads where it is', '/isolated', 2],
  ])('works on wasm, %s', async (_, path, expectedThreads) => {
    const {losses, tensors, threads, isolated} = await page.evaluate<Training & {threads: number; isolated: boolean}>(
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
    const {losses} = await page.evaluate<Training>('/plain', `page.trainOnCpu(1)`);
    expectSameLosses(losses, inNode.cpu!.losses);
    expectSameLosses(losses, inNode.wasm!.losses.slice(0, 1));
  });

  test('goes on from IndexedDB as if it had not stopped, bit for bit', async () => {
    const {whole, resumed, state, step} = await page.evaluate<Resumption>('/plain', `page.resumeOnCpu()`);
    expect([state, step, whole.length]).toEqual([{photos: 'mine'}, 5, 4]);
    expect(resumed).toEqual(whole);
  });
});

function expectSameLosses(actual: Training['losses'], expected: Training['losses']): void {
  expect(actual.map(Object.keys)).toEqual(expected.map(Object.keys));
  for (const [step, losses] of expected.entries()) {
    for (const [name, loss] of Object.entries(losses)) expectClose([actual[step]![name]!], [loss]);
  }
}
