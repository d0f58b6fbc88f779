import {mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync} from 'node:fs';
import {basename, join, relative} from 'node:path';
import {DEFAULT_SETTINGS, readCheckpointState, trainEsrgan} from 'tfjs-ragan/node';
import type {TrainSettings} from 'tfjs-ragan/node';
import {highOf} from '../../../src/node/photos/pairs.js';
import {PhotoStore} from '../../../src/node/photos/store.js';
import {savedSettings} from '../../../src/node/runs/resumed-settings.js';
import {listPhotos, listRunPhotos} from '../../../src/node/runs/photos.js';
import {locatePaths} from '../../../src/node/runs/saved-paths.js';
import {activateBackend} from '../../support/backends.js';
import {placed, writePng} from '../../support/photos.js';
import {temporaryFolder} from '../../support/temporary-folder.js';

const inFolder = temporaryFolder();
const photo = (...names: string[]) =>
  writePng(inFolder(...names), 40, 40, (x, y) => placed(x, (y + basename(names.at(-1)!).length) % 40));
const photos = (folder: string, count: number) => {
  for (let i = 0; i < count; i++) photo(folder, `photo-${String(i).padStart(2, '0')}.png`);
};
const settings = (changed: Partial<TrainSettings>): TrainSettings => ({
  ...DEFAULT_SETTINGS,
  ...{
    data: inFolder('photos'),
    scale: 2,
    filters: 4,
    growth: 2,
    blocks: 1,
    discriminatorFilters: 2,
    patch: 16,
    batch: 2,
  },
  ...{warmupSteps: 3, steps: 3, sampleEvery: 1, backend: 'wasm', threads: 1},
  ...changed,
});

/** Runs to the end or to a step; resolves to the photos learned from, in each stage, and what was said. */
async function run(changed: Partial<TrainSettings>, stopAt?: number) {
  const open = jest.spyOn(PhotoStore, 'open');
  const warnings: string[] = [];
  const abort = new AbortController();
  let said = {photos: 0, validation: ''};
  const result = await trainEsrgan(
    settings(changed),
    {
      onWarning: message => warnings.push(message),
      onStart: info => (said = info),
      onStep: step => step === stopAt && abort.abort(),
    },
    abort.signal,
  );
  const {data} = settings(changed);
  const learned = open.mock.calls.map(([files]) => (files as string[]).map(file => relative(data!, file)).sort());
  open.mockRestore();
  return {...said, result, learned, warnings};
}

beforeAll(() => activateBackend('wasm'));

describe('what runs have made is no photo', () => {
  const listed = async (folder: string, out?: string) => {
    const warnings: string[] = [];
    const files = await listPhotos(inFolder(folder), message => warnings.push(message), out);
    return {names: files.map(file => relative(inFolder(folder), file)), warnings};
  };

  test.each([['run.lock'], ['checkpoint.bin'], ['log.jsonl', 'summary.json']])(
    'in a folder with %s',
    async (...marks) => {
      const folder = marks.join();
      for (const name of ['a.png', 'samples/b.png', 'runs/one/samples/end.png', 'runs/one/mine.png', 'runs/c.png']) {
        photo(folder, name);
      }
      expect((await listed(folder)).names).toHaveLength(5);
      for (const mark of marks) writeFileSync(inFolder(folder, 'runs', 'one', mark), '');
      expect(await listed(folder)).toEqual({
        names: ['a.png', 'runs/c.png', 'samples/b.png'],
        warnings: [`leaving out 2 pictures in ${inFolder(folder)}/runs/one: a training run keeps its own there`],
      });
      // A folder that is itself a run's holds photos too.
      for (const mark of marks) writeFileSync(inFolder(folder, mark), '');
      expect((await listed(folder)).names).toEqual(['a.png', 'runs/c.png']);
      rmSync(inFolder(folder, 'a.png'));
      rmSync(inFolder(folder, 'runs', 'c.png'));
      await expect(listed(folder)).rejects.toThrow(
        `no photo in the folder ${inFolder(folder)}: its pictures are those of training runs`,
      );
    },
  );

  test.each(['within/run', '.'])('by a run that is kept in --data, at %s', async place => {
    const data = place === '.' ? 'as-data' : 'below-data';
    photos(data, 3);
    const out = inFolder(data, place);
    const names = ['photo-00.png', 'photo-01.png', 'photo-02.png'];
    const first = await run({data: inFolder(data), out}, 4);
    expect(first).toMatchObject({photos: 3, learned: [names, names]});
    const second = await run({data: inFolder(data), out, resume: true});
    expect(second).toMatchObject({photos: 3, learned: [names]});
    expect(second.warnings.filter(message => message.startsWith('leaving out'))).toHaveLength(1);
  });
});

describe('photos to measure on are not learned from', () => {
  test('where --validation is within --data, through a link too', async () => {
    photos('outer', 3);
    photo('outer', 'inner', 'a.png');
    photo('outer', 'inner', 'b.png');
    symlinkSync(inFolder('outer', 'inner'), inFolder('link'));
    for (const validation of [inFolder('outer', 'inner'), inFolder('link')]) {
      const warnings: string[] = [];
      const {data} = await listRunPhotos({data: inFolder('outer'), validation, out: 'none', scale: 2}, message =>
        warnings.push(message),
      );
      expect(data.map(file => basename(highOf(file)))).toEqual(['photo-00.png', 'photo-01.png', 'photo-02.png']);
      expect(warnings).toEqual([
        `2 of 5 photos in ${inFolder('outer')} are not learned from: they are in ${validation}`,
      ]);
    }
    const {learned, validation} = await run({
      data: inFolder('outer'),
      validation: inFolder('outer', 'inner'),
      out: inFolder('outer-run'),
    });
    expect(learned[0]).toEqual(['photo-00.png', 'photo-01.png', 'photo-02.png']);
    expect(validation).toBe(`2 of ${inFolder('outer', 'inner')}`);
  });

  test.each(['outer', '.'])('and where --validation holds all of --data, it is refused (%s)', async folder => {
    await expect(
      listRunPhotos({data: inFolder('outer'), validation: inFolder(folder), out: 'none', scale: 2}, () => undefined),
    ).rejects.toThrow(`every photo of --data ${inFolder('outer')} is in --validation ${inFolder(folder)} too`);
  });
});

describe('a run that goes on', () => {
  const heldOutOf = async (out: string) =>
    ((await readCheckpointState(inFolder(out, 'checkpoint.bin'))) as {measuredOn: {names: string[]; heldOut: boolean}})
      .measuredOn;

  test('keeps what it is measured on when photos come, and tells of those that are gone', async () => {
    photos('growing', 20);
    const options = {data: inFolder('growing'), out: inFolder('growing-run'), warmupSteps: 60};
    const first = await run(options, 1);
    const heldOut = ['photo-00.png', 'photo-10.png'];
    expect(await heldOutOf('growing-run')).toEqual({from: 'data', names: heldOut, heldOut: true});
    expect(first.learned[0]).toHaveLength(18);
    // They would move every tenth.
    for (const name of ['a.png', 'b.png', 'c/d.png']) photo('growing', name);
    const second = await run({...options, resume: true}, 2);
    expect(second.learned[0]).toEqual([...first.learned[0]!, 'a.png', 'b.png', 'c/d.png'].sort());
    expect(second).toMatchObject({validation: first.validation, warnings: []});

    renameSync(inFolder('growing', 'photo-10.png'), inFolder('kept.png'));
    const third = await run({...options, resume: true}, 3);
    expect(third.warnings).toEqual([`measured on so far, and not in ${inFolder('growing')} any more: photo-10.png`]);
    expect(third.validation).toBe(`1 of ${inFolder('growing')}, held out of training`);
    expect(third.learned[0]).toEqual(second.learned[0]);
    // Back again, it is not learned from either.
    renameSync(inFolder('kept.png'), inFolder('growing', 'photo-10.png'));
    expect((await run({...options, resume: true}, 4)).learned[0]).toEqual(second.learned[0]);

    for (const name of heldOut) rmSync(inFolder('growing', name));
    const last = await run({...options, resume: true}, 5);
    expect(last.warnings).toEqual([
      `none of the photos measured on so far is in ${inFolder('growing')}, so others are: photo-00.png, photo-10.png`,
    ]);
    expect((await heldOutOf('growing-run')).names).toHaveLength(2);
    expect(last.learned[0]).toHaveLength(19);
  });

  test('of too few photos to hold any out goes on with those it was measured on', async () => {
    photos('few', 3);
    const options = {data: inFolder('few'), out: inFolder('few-run'), warmupSteps: 20};
    await run(options, 1);
    for (let i = 0; i < 10; i++) photo('few', `a-${i}.png`);
    const {validation, learned} = await run({...options, resume: true}, 2);
    expect(validation).toContain(`3 of ${inFolder('few')} that are learned from too`);
    expect(learned[0]).toHaveLength(13);
  });

  test('finds its photos from another working directory, and after it has moved with them', async () => {
    const started = process.cwd();
    try {
      photos('here/photos', 3);
      photos('here/others', 1);
      mkdirSync(inFolder('elsewhere'));
      process.chdir(inFolder('here'));
      await run({data: 'photos', validation: 'others', out: 'run'}, 1);
      // Another folder of that name is not meant.
      photo('elsewhere', 'photos', 'wrong.png');
      process.chdir(inFolder('elsewhere'));
      for (const [out, stop] of [
        ['../here/run', 2],
        ['../there/run', 3],
      ] as const) {
        if (stop === 3) renameSync(inFolder('here'), inFolder('there'));
        const {learned, warnings} = await run({...(await savedSettings(out)), out, resume: true}, stop);
        expect([learned[0]!.length, warnings]).toEqual([3, []]);
      }
    } finally {
      process.chdir(started);
    }
  });
});

test('the relative paths of earlier checkpoints are looked for from the run and from the working directory', async () => {
  photos('old/photos', 1);
  const located = (saved: Partial<TrainSettings>, out: string) =>
    locatePaths({...settings({}), data: 'photos', ...saved}, out);
  const run = inFolder('old', 'runs', 'one');
  expect((await located({out: 'runs/one'}, run)).data).toBe(inFolder('old', 'photos'));
  // With an absolute --out nothing says where the other was meant from.
  expect((await located({out: run}, run)).data).toBe('photos');
  expect((await located({out: 'runs/one', init: 'gone'}, run)).init).toBe('gone');
  expect((await located({out: 'runs/one', validation: join(run, 'none')}, run)).validation).toBe(join(run, 'none'));
});
