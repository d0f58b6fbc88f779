import {spawnSync} from 'node:child_process';
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {pathToFileURL} from 'node:url';
import {describeOnTensorFlow, tensorFlow} from '../support/backends.js';
import {placed, writePng} from '../support/photos.js';
import {temporaryFolder} from '../support/temporary-folder.js';

const inFolder = temporaryFolder();
const built = pathToFileURL(join(__dirname, '../../dist/esm/node/index.js')).href;

/** Trains in a process of its own, on the built package, up to `stop` or to the end. */
function train(out: string, resume: boolean, stop?: number): unknown {
  const small = {scale: 2, filters: 4, growth: 2, blocks: 1, discriminatorFilters: 2, patch: 16, batch: 2};
  const stages = {warmupSteps: 8, steps: 8, sampleEvery: 0, backend: tensorFlow};
  const settings = {...small, ...stages, data: inFolder('photos'), out: inFolder(out), resume};
  const program = `
    import {DEFAULT_SETTINGS, trainEsrgan} from '${built}';
    const abort = new AbortController();
    const onStep = step => step === ${stop} && abort.abort();
    const settings = {...DEFAULT_SETTINGS, ...${JSON.stringify(settings)}};
    const {finished, step} = await trainEsrgan(settings, {onStep, onWarning: () => undefined}, abort.signal);
    console.log(JSON.stringify({finished, step}));`;
  const {stdout, stderr} = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {encoding: 'utf8'});
  const [last] = stdout.trim().split('\n').slice(-1);
  if (!last) throw new Error(stderr);
  return JSON.parse(last);
}

describeOnTensorFlow('a run of captured steps', () => {
  test('that was stopped in each stage and resumed ends with the weights of one that was not, bit for bit', () => {
    for (let i = 0; i < 3; i++) writePng(inFolder('photos', `photo-${i}.png`), 48, 40 + i, (x, y) => placed(y + i, x));
    expect(train('whole', false)).toEqual({finished: true, step: 16});
    expect(train('run', false, 3)).toEqual({finished: false, step: 3});
    expect(train('run', true, 11)).toEqual({finished: false, step: 11});
    expect(train('run', true)).toEqual({finished: true, step: 16});
    const read = (out: string, file: string) => readFileSync(inFolder(out, file)).toString('base64');
    expect(read('run', 'model/weights.bin')).toBe(read('whole', 'model/weights.bin'));
    const summary = JSON.parse(readFileSync(inFolder('run', 'summary.json'), 'utf8')) as {captured: boolean};
    expect(summary.captured).toBe(true);
  }, 120_000);
});
