import {readFileSync, renameSync} from 'node:fs';
import {relative} from 'node:path';
import {DEFAULT_SETTINGS, readImage, trainEsrgan} from 'tfjs-ragan/node';
import type {TrainSettings} from 'tfjs-ragan/node';
import type {PhotoPair} from '../../../src/node/photos/pairs.js';
import {PhotoStore} from '../../../src/node/photos/store.js';
import {disposePhotos, validationPhoto} from '../../../src/node/runs/evaluation.js';
import {savedSettings} from '../../../src/node/runs/resumed-settings.js';
import {activateBackend} from '../../support/backends.js';
import {placed, writePng} from '../../support/photos.js';
import {temporaryFolder} from '../../support/temporary-folder.js';

const inFolder = temporaryFolder();
/** What no shrinking makes of the other. */
const dark = (x: number, y: number) => placed(y, x).map(value => value / 2);

function writePairs(folder: string, count: number): [low: string, high: string] {
  for (let i = 0; i < count; i++) {
    const name = `${String(i).padStart(2, '0')}.png`;
    writePng(inFolder(folder, 'low', name), 20 + i, 21, dark);
    writePng(inFolder(folder, 'high', name), 40 + 2 * i, 42, placed);
  }
  return [inFolder(folder, 'low'), inFolder(folder, 'high')];
}

const settings = (changed: Partial<TrainSettings>): TrainSettings => ({
  ...DEFAULT_SETTINGS,
  ...{scale: 2, filters: 4, growth: 2, blocks: 1, discriminatorFilters: 2, patch: 16, batch: 2},
  ...{warmupSteps: 4, steps: 4, backend: 'wasm', threads: 1},
  ...changed,
});

/** Runs to the end or to a step; resolves to the pairs learned from, and what was said. */
async function run(changed: Partial<TrainSettings>, stopAt?: number) {
  const open = jest.spyOn(PhotoStore, 'open');
  const warnings: string[] = [];
  const abort = new AbortController();
  let measuredOn = '';
  await trainEsrgan(
    settings(changed),
    {
      onWarning: message => warnings.push(message),
      onStart: ({validation}) => (measuredOn = validation),
      onStep: step => step === stopAt && abort.abort(),
    },
    abort.signal,
  );
  const learned = open.mock.calls.map(([photos]) => (photos as PhotoPair[]).map(({low, high}) => [low, high]));
  open.mockRestore();
  return {measuredOn, learned, warnings};
}

const weightsIn = (out: string) => readFileSync(inFolder(out, 'model', 'weights.bin')).toString('base64');

beforeAll(() => activateBackend('wasm'));

test('a run of pairs holds a tenth out, and goes on as one that was not stopped', async () => {
  const pairs = writePairs('many', 12);
  const whole = await run({pairs, out: inFolder('whole')});
  expect(whole).toMatchObject({measuredOn: `1 of ${pairs[0]} and ${pairs[1]}, held out of training`, warnings: []});
  const names = Array.from({length: 11}, (_, i) => `${String(i + 1).padStart(2, '0')}.png`);
  const expected = names.map(name => [inFolder('many', 'low', name), inFolder('many', 'high', name)]);
  expect(whole.learned).toEqual([expected, expected]);

  await run({pairs, out: inFolder('stopped')}, 3);
  const saved = await savedSettings(inFolder('stopped'));
  expect([saved.data, saved.pairs]).toEqual([undefined, pairs]);
  expect((await run({...saved, resume: true})).warnings).toEqual([]);
  expect(weightsIn('stopped')).toBe(weightsIn('whole'));
  expect(readFileSync(inFolder('whole', 'report.html'), 'utf8')).toContain(`${pairs[0]} and ${pairs[1]}`);
});

test('what it is measured on can be pairs of its own, which are not learned from', async () => {
  const pairs = writePairs('own', 4);
  const validation = writePairs('others', 2);
  const separate = await run({pairs, validation, out: inFolder('own-run')}, 1);
  expect(separate).toMatchObject({measuredOn: `2 of ${validation.join(' and ')}`, warnings: []});
  expect(separate.learned[0]).toHaveLength(4);
  await expect(run({pairs, validation: pairs, out: inFolder('none')})).rejects.toThrow(
    `every photo of --pairs ${pairs.join(' and ')} is in --validation ${pairs.join(' and ')} too`,
  );
  // Photos for pairs, and pairs for photos.
  const mixed = await run({pairs, validation: validation[1], out: inFolder('mixed')}, 1);
  expect(mixed.measuredOn).toBe(`2 of ${validation[1]}`);
  expect((await run({data: pairs[1], validation, out: inFolder('mixed-2')}, 1)).measuredOn).toBe(separate.measuredOn);
});

test('folders are found after they have moved with the run', async () => {
  const pairs = writePairs('here/photos', 3);
  await run({pairs, out: inFolder('here', 'run')}, 1);
  renameSync(inFolder('here'), inFolder('there'));
  const moved = await savedSettings(inFolder('there', 'run'));
  expect(moved.pairs!.map(path => relative(inFolder('there'), path))).toEqual(['photos/low', 'photos/high']);
  const {learned, warnings} = await run({...moved, resume: true}, 2);
  expect([learned[0]!.length, warnings]).toEqual([3, []]);
});

test('a pair is measured by its own low-resolution side, of the same middle', async () => {
  const [low, high] = writePairs('measured', 1).map(folder => `${folder}/00.png`) as [string, string];
  const photo = await validationPhoto({low, high}, 2, 33);
  expect([photo.file, photo.size]).toEqual([high, {width: 40, height: 42}]);
  expect([photo.truth.shape, photo.low.shape]).toEqual([
    [32, 32, 3],
    [16, 16, 3],
  ]);
  const [small, large] = [await readImage(low), await readImage(high)];
  // The middle begins at 4, 5 of the truth, and so at 2, 2 of the small one.
  expect(await photo.low.array()).toEqual(await small.slice([2, 2, 0], [16, 16, 3]).array());
  expect(await photo.truth.array()).toEqual(await large.slice([4, 4, 0], [32, 32, 3]).array());
  disposePhotos([photo]);
  await expect(validationPhoto({low, high}, 4)).rejects.toThrow(
    `${low} has 20 x 21 pixels and ${high} 40 x 42: for a scale of 4 they would be 80 x 84`,
  );
});

test('settings of photos that cannot be are refused, and pairs of another scale before anything is written', async () => {
  const refusal = async (changed: Partial<TrainSettings>) =>
    trainEsrgan(settings({out: inFolder('refused'), ...changed})).catch((error: Error) => error.message);
  const pairs = writePairs('refusals', 1);
  expect(await refusal({data: 'a', pairs})).toBe('--data and --pairs both name photos to learn from: give one');
  expect(await refusal({})).toBe('--data must be a folder of photos, but it is missing');
  expect(await refusal({pairs: ['a'] as never})).toBe('--pairs must be two folders, low and high, but it is ["a"]');
  expect(await refusal({data: 'a', validation: ['a', 'b', 'c'] as never})).toBe(
    '--validation must be a folder, or two of pairs, but it is ["a","b","c"]',
  );
  expect(await refusal({pairs, scale: 4})).toBe(
    `${inFolder('refusals', 'low', '00.png')} has 20 x 21 pixels and ${inFolder('refusals', 'high', '00.png')} 40 x 42: ` +
      'for a scale of 4 they would be 80 x 84',
  );
  expect(() => readFileSync(inFolder('refused', 'checkpoint.bin'))).toThrow('ENOENT');
});
