import * as tf from '@tensorflow/tfjs';
import {createHash} from 'node:crypto';
import {readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {compactGenerator, esrganGenerator, readSafetensors, writeSafetensors} from 'tfjs-ragan';
import type {SafetensorsTensor} from 'tfjs-ragan';
import {loadModel, saveModel} from 'tfjs-ragan/node';
import {describeOnBackends} from '../../support/backends.js';
import {readGoldens} from '../../support/golden.js';
import {temporaryFolder} from '../../support/temporary-folder.js';
import {expectClose} from '../../support/values.js';

interface NetworkCase {
  file: string;
  inputShape: [number, number, number, number];
  input: number[];
  output: number[];
}
type Tensors = Record<string, SafetensorsTensor>;

const inFolder = temporaryFolder();
const {cases} = readGoldens<{cases: NetworkCase[]}>('nets/networks');
const goldenFile = (name: string) => join(__dirname, '../../goldens/nets', name);
const tensorsOf = (path: string): Tensors => readSafetensors(readFileSync(path)).tensors;
const [basicsr, original] = ['rrdb_x4_basicsr.safetensors', 'rrdb_x4_original.safetensors'];
const [unshuffle, compact2, compact4] = ['rrdb_x2_unshuffle', 'compact_x2', 'compact_x4'].map(name => `${name}.safetensors`) as [string, string, string];

/** The tensors with a checksum in place of their numbers, which Jest compares one by one. */
function summed(tensors: Tensors): Record<string, Omit<SafetensorsTensor, 'data'> & {data: string}> {
  const sum = ({data}: SafetensorsTensor) => createHash('sha256').update(data).digest('hex');
  return Object.fromEntries(Object.entries(tensors).map(([name, one]) => [name, {...one, data: sum(one)}]));
}

/** Writes the tensors of a golden file anew, under other names. */
function rewritten(file: string, name: string, change: (tensors: Tensors) => Tensors): string {
  writeFileSync(inFolder(name), writeSafetensors(change(tensorsOf(goldenFile(file)))));
  return inFolder(name);
}
const renamed = (rename: (name: string) => string) => (tensors: Tensors) =>
  Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [rename(name), tensor]));
/** Of ESRGAN's own repository. */
const esrganName = (name: string) =>
  name
    .replace(/^body\.(\d+)\.rdb/, 'RRDB_trunk.$1.RDB')
    .replace('conv_body', 'trunk_conv')
    .replace('conv_up', 'upconv')
    .replace('conv_hr', 'HRconv');

async function outputOf(path: string, file: string): Promise<{got: number[]; expected: number[]}> {
  const {input, inputShape, output: expected} = cases.find(one => one.file === file)!;
  const model = await loadModel(path);
  const output = tf.tidy(() => model.predict(tf.tensor4d(input, inputShape)) as tf.Tensor);
  const got = Array.from(await output.data());
  output.dispose();
  model.dispose();
  return {got, expected};
}

describeOnBackends('a safetensors file', () => {
  test.each([
    ["BasicSR's names", goldenFile(basicsr), basicsr],
    ["ESRGAN's first names, in 16 bits", goldenFile(original), original],
    ["Real-ESRGAN's names, with pixel unshuffle", goldenFile(unshuffle), unshuffle],
    ["Real-ESRGAN's names, of a compact network for 2 times", goldenFile(compact2), compact2],
    ["Real-ESRGAN's names, of a compact network for 4 times", goldenFile(compact4), compact4],
    ["ESRGAN's names", rewritten(basicsr, 'esrgan.safetensors', renamed(esrganName)), basicsr],
    ['a prefix', rewritten(basicsr, 'params.safetensors', renamed(name => `params_ema.${name}`)), basicsr],
  ])('by %s gives the network that PyTorch has, and leaks nothing', async (_, path, file) => {
    const {numTensors} = tf.memory();
    const {got, expected} = await outputOf(path, file);
    expectClose(got, expected, 2e-6);
    expect(tf.memory().numTensors).toBe(numTensors);
  });

  test.each([basicsr, original, unshuffle, compact4])('that is written from %s holds the same numbers', async file => {
    const weights = file === original ? 'float16' : 'float32';
    const model = await loadModel(goldenFile(file));
    const {numTensors} = tf.memory();
    await saveModel(model, inFolder('again.safetensors'), {format: 'safetensors', weights});
    expect(tf.memory().numTensors).toBe(numTensors);
    model.dispose();
    const [before, after] = [goldenFile(file), inFolder('again.safetensors')].map(path => summed(tensorsOf(path)));
    if (file !== original) expect(after).toEqual(before);
    else expect(new Set(Object.values(after!).map(({data}) => data))).toEqual(new Set(Object.values(before!).map(({data}) => data)));
  });

  test.each(['float16', 'bfloat16'] as const)('of a compact network in %s has the numbers of the file', async dtype => {
    const [exact, path] = [goldenFile(compact4), inFolder(`compact-${dtype}.safetensors`)];
    const rounded = Object.entries(tensorsOf(exact)).map(([name, tensor]) => [name, {...tensor, dtype}] as const);
    writeFileSync(path, writeSafetensors(Object.fromEntries(rounded)));
    const {got, expected} = await outputOf(path, compact4);
    expectClose(got, expected, dtype === 'float16' ? 1e-3 : 1e-2);
    const model = await loadModel(path);
    await saveModel(model, inFolder('again.safetensors'), {format: 'safetensors', weights: dtype});
    model.dispose();
    expect(summed(tensorsOf(inFolder('again.safetensors')))).toEqual(summed(tensorsOf(path)));
  });

  test('of bfloat16 has the numbers rounded to it', async () => {
    const model = esrganGenerator({scale: 2, filters: 4, growth: 32, blocks: 1, seed: 1});
    await saveModel(model, inFolder('bfloat16.safetensors'), {format: 'safetensors', weights: 'bfloat16'});
    const loaded = await loadModel(inFolder('bfloat16.safetensors'));
    const [before, after] = await Promise.all(
      [model, loaded].map(one => Promise.all(one.weights.map(weight => weight.read().data()))),
    );
    // Jest takes its time over each of so many expectations.
    const wrong = before!.flatMap((values, i) =>
      Array.from(values).filter((value, j) => {
        const rounded = after![i]![j]!;
        const isBfloat16 = (new Uint32Array(Float32Array.of(rounded).buffer)[0]! & 0xffff) === 0;
        return !(isBfloat16 && Math.abs(rounded - value) <= Math.abs(value) / 256);
      }),
    );
    expect(wrong).toEqual([]);
    model.dispose();
    loaded.dispose();
  });

  test.each([1, 2, 4, 8])('of an ESRGAN for %i times computes the same, with the growth of 32 that spandrel expects', async scale => {
    const model = esrganGenerator({scale, filters: 4, growth: 3, blocks: 2, seed: 1});
    await saveModel(model, inFolder('own.safetensors'), {format: 'safetensors'});
    const loaded = await loadModel(inFolder('own.safetensors'));
    const image = tf.randomUniform([1, 6, 5, 3], 0, 1, 'float32', 1);
    const [expected, got] = [model, loaded].map(one => one.predict(image) as tf.Tensor);
    expectClose(Array.from(await got!.data()), Array.from(await expected!.data()), 1e-6);
    const grown = scale === 4 ? 'body.1.rdb3.conv2' : 'model.1.sub.1.RDB3.conv2.0';
    expect(tensorsOf(inFolder('own.safetensors'))[`${grown}.weight`]!.shape).toEqual([32, 4 + 32, 3, 3]);
    tf.dispose([image, expected!, got!]);
    model.dispose();
    loaded.dispose();
  });

  test.each([
    ['an ESRGAN for 1 time with pixel unshuffle', () => esrganGenerator({scale: 1, pixelUnshuffle: 4, filters: 4, growth: 3, blocks: 1, seed: 1})],
    ['an ESRGAN for 2 times with pixel unshuffle', () => esrganGenerator({scale: 2, pixelUnshuffle: 2, filters: 4, growth: 3, blocks: 1, seed: 1})],
    ['an ESRGAN for 4 times with pixel unshuffle', () => esrganGenerator({scale: 4, pixelUnshuffle: 2, filters: 4, growth: 3, blocks: 1, seed: 1})],
    ['a compact network for 1 time', () => compactGenerator({scale: 1, filters: 4, convolutions: 0, seed: 1})],
    ['a compact network for 3 times', () => compactGenerator({scale: 3, filters: 4, convolutions: 3, seed: 1})],
  ])('of %s computes the same', async (_, make) => {
    const model = make();
    await saveModel(model, inFolder('own.safetensors'), {format: 'safetensors'});
    const loaded = await loadModel(inFolder('own.safetensors'));
    expect(loaded.name).toBe(model.name);
    const image = tf.randomUniform([1, 8, 4, 3], 0, 1, 'float32', 1);
    const [expected, got] = [model, loaded].map(one => one.predict(image) as tf.Tensor);
    expect(got!.shape).toEqual(expected!.shape);
    expectClose(Array.from(await got!.data()), Array.from(await expected!.data()), 1e-6);
    tf.dispose([image, expected!, got!]);
    model.dispose();
    loaded.dispose();
  });
});

describe('what is no ESRGAN of PyTorch is told in one line', () => {
  const without = (name: string) => (tensors: Tensors) =>
    Object.fromEntries(Object.entries(tensors).filter(([one]) => one !== name));
  const changed = (name: string, change: Partial<SafetensorsTensor>) => (tensors: Tensors) => ({
    ...tensors,
    [name]: {...tensors[name]!, ...change},
  });
  const almost = 'by its first names it is an ESRGAN, but';

  beforeAll(() => tf.setBackend('cpu'));

  test.each<[string, (tensors: Tensors) => Tensors, string]>([
    ['a layer less', without('conv_hr.bias'), `${almost} has no conv_hr.bias`],
    ['a layer more', changed('head.weight', {dtype: 'float32', shape: [0], data: new Float32Array()}), `${almost} has head.weight too, which no layer of it uses`], // prettier-ignore
    ['other shapes', changed('conv_last.bias', {shape: [3, 1]}), `${almost} its conv_last.bias is [3, 1] instead of [3]`],
    ['whole numbers', changed('conv_last.bias', {dtype: 'int32', data: new Int32Array(3)}), `${almost} its conv_last.bias is of int32, no floating-point numbers`], // prettier-ignore
    ['blocks without end', changed('body.99999999.rdb1.conv1.bias', {dtype: 'float32', shape: [0], data: new Float32Array()}), `${almost} has 100000000 blocks and 2 upsamplings by its names`], // prettier-ignore
    ['infinite numbers', changed('conv_last.bias', {data: Float32Array.of(0, Infinity, 0)}), 'its weight conv2d_Conv2D'],
    ['none of its names', renamed(name => `x${name}`), 'it holds 72 tensors (xbody.0.rdb1.conv1.bias, xbody.0.rdb1.conv1.weight, ...), and the weights of an ESRGAN would be read'], // prettier-ignore
  ])('%s', async (_, change, reason) => {
    const {numTensors} = tf.memory();
    const path = rewritten(basicsr, 'changed.safetensors', change);
    await expect(loadModel(path)).rejects.toThrow(`cannot load a model from ${path}: ${reason}`);
    expect(tf.memory().numTensors).toBe(numTensors);
  });

  const compact = 'by its first names it is a compact network (SRVGGNetCompact), but';
  const zeros = (...shape: number[]): SafetensorsTensor => ({dtype: 'float32', shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1))}); // prettier-ignore

  test.each<[string, string, (tensors: Tensors) => Tensors, string]>([
    ['no slopes', compact4, without('body.3.weight'), `${compact} has no body.3.weight`],
    ['no end', compact4, without('body.8.weight'), `${compact} its last layer is body.7`],
    ['nothing but a beginning', compact4, tensors => ({'body.0.weight': tensors['body.0.weight']!}), `${compact} its last layer is body.0`],
    ['layers without end', compact4, changed('body.88888888.weight', zeros(0)), `${compact} its last layer is body.88888888`],
    ['other slopes', compact4, changed('body.3.weight', zeros(1)), `${compact} its body.3.weight is [1] instead of [8]`],
    ['pixels of no square', compact4, changed('body.8.weight', zeros(5, 8, 3, 3)), `${compact} it ends with 5 maps, which are not 3 for each pixel of a square`], // prettier-ignore
    ['another end', compact4, changed('upsample.weight', zeros(1)), `${compact} has upsample.weight too, which no layer of it uses`], // prettier-ignore
    ['infinite slopes', compact4, changed('body.3.weight', {data: new Float32Array(8).fill(NaN)}), 'its weight p_re_lu'],
    ['pixels of more than the upsamplings make up for', unshuffle, changed('conv_first.weight', zeros(6, 192, 3, 3)), `${almost} its conv_first.weight is [6, 192, 3, 3] instead of [6, 3, 3, 3]`], // prettier-ignore
    ['grey pixels', unshuffle, changed('conv_first.weight', zeros(6, 4, 3, 3)), `${almost} its conv_first.weight is [6, 4, 3, 3] instead of`], // prettier-ignore
    ['no first layer', unshuffle, without('conv_first.weight'), `${almost} has no conv_first.weight`],
  ])("%s, of Real-ESRGAN's %s", async (_, file, change, reason) => {
    const {numTensors} = tf.memory();
    const path = rewritten(file, 'changed.safetensors', change);
    await expect(loadModel(path)).rejects.toThrow(`cannot load a model from ${path}: ${reason}`);
    expect(tf.memory().numTensors).toBe(numTensors);
  });

  test('other files, and none', async () => {
    const refused = (path: string, reason: string) =>
      expect(loadModel(path)).rejects.toThrow(`cannot load a model from ${path}: ${reason}`);
    writeFileSync(inFolder('model.pth'), 'PK\x03\x04 and more');
    await refused(inFolder('model.pth'), "found a ZIP archive, as PyTorch's .pth and .pt files are; a safetensors file is read");
    writeFileSync(inFolder('cut.safetensors'), readFileSync(goldenFile(basicsr)).subarray(0, 100_000));
    await refused(inFolder('cut.safetensors'), 'found ');
    await refused(inFolder('none.safetensors'), 'it does not exist');
  });

  test('nor is another network written as one', async () => {
    const input = tf.input({shape: [null, null, 3]});
    const convolution = tf.layers.conv2d({filters: 3, kernelSize: 3, padding: 'same'});
    const own = esrganGenerator({scale: 2, filters: 3, growth: 2, blocks: 1});
    const path = inFolder('other.safetensors');
    // An ESRGAN with one thing that is not so: a slope, or what a layer is connected with.
    const slope = JSON.stringify(own.toJSON(null, false)).replace('"alpha":0.2', '"alpha":0.3');
    const sums = own.layers.filter(layer => layer.getClassName() === 'Add').map(layer => layer.name);
    const [first] = own.layers.filter(layer => layer.getClassName() === 'Conv2D');
    const rewired = JSON.stringify(own.toJSON(null, false)).replace(
      new RegExp(`(\\{"name":"${sums.at(-1)}",((?!"inbound).)*"inbound_nodes":\\[\\[\\[)"${first!.name}"`),
      `$1"${sums[0]}"`,
    );
    const parsed = await Promise.all(
      [slope, rewired].map(json => tf.models.modelFromJSON({modelTopology: JSON.parse(json) as tf.io.ModelJSON['modelTopology']})),
    );
    expect(rewired).not.toBe(JSON.stringify(own.toJSON(null, false)));
    expect(parsed.map(model => model.countParams())).toEqual([own.countParams(), own.countParams()]);
    for (const model of [tf.model({inputs: input, outputs: convolution.apply(input) as tf.SymbolicTensor}), ...parsed]) {
      await expect(saveModel(model, path, {format: 'safetensors'})).rejects.toThrow(
        `cannot save a model to ${path}: PyTorch has names for the layers of an ESRGAN as esrganGenerator makes it, and it is`,
      );
    }
    await expect(saveModel(own, inFolder('own.pth'), {format: 'safetensors'})).rejects.toThrow(
      `saveModel: path must end in .safetensors for the format safetensors, but it is ${inFolder('own.pth')}.`,
    );
  });
});
