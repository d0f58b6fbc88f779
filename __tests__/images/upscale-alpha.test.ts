import * as tf from '@tensorflow/tfjs';
import {bicubicUpscale, upscale} from 'tfjs-ragan';
import {bleedColours} from '../../src/images/alpha-bleeding.js';
import {activateBackend} from '../support/backends.js';
import {placed} from '../support/photos.js';

beforeAll(() => activateBackend('wasm'));

const SIZE = 24;
const SCALE = 4;

/** Enlarges as a network does that has learned bicubic enlargement: flat stays flat, and it looks at neighbours. */
class Bicubic extends tf.layers.Layer {
  static className = 'Bicubic';
  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return bicubicUpscale([inputs].flat()[0]!, SCALE);
  }
}
const model = () => {
  const input = tf.input({shape: [null, null, 3]});
  return tf.model({inputs: input, outputs: new Bicubic({}).apply(input) as tf.SymbolicTensor});
};
const enlarge = (image: tf.Tensor3D) => upscale(model(), image, {tile: SIZE, overlap: 0});

/** The picture `[size, size, 4]` whose pixel (x, y) is what `at` returns, each from 0 to 1. */
const picture = (at: (x: number, y: number) => number[]) =>
  tf.tensor3d(
    Array.from({length: SIZE}, (_, y) => Array.from({length: SIZE}, (_, x) => at(x, y))),
    [SIZE, SIZE, 4],
  );
const composite = (image: tf.Tensor3D, background: number[]) =>
  tf.tidy(() => {
    const [colour, alpha] = [image.slice([0, 0, 0], [-1, -1, 3]), image.slice([0, 0, 3], [-1, -1, 1])];
    return tf.add<tf.Tensor3D>(tf.mul(colour, alpha), tf.mul(background, tf.sub(1, alpha)));
  });
const largestDifference = async (a: tf.Tensor, b: tf.Tensor) => (await tf.max(tf.abs(tf.sub(a, b))).data())[0]!;

/** A shape's alpha at (x, y): 1 inside, and at its border 0, 1 or, if smooth, something between. */
const disc = (x: number, y: number) => Math.min(1, Math.max(0, 8.3 - Math.hypot(x - 11.5, y - 11.5)));
const SHAPES: Record<string, (x: number, y: number) => number> = {
  'a smooth disc': disc,
  'a jagged disc': (x, y) => Math.round(disc(x, y)),
  'a ring': (x, y) => disc(x, y) * (1 - disc(2 * x - 11.5, 2 * y - 11.5)),
  'one pixel': (x, y) => Number(x === 9 && y === 13),
  'stripes to the border': x => Number(x % 7 < 3),
  'two faint corners': (x, y) => (x + y < 7 ? 0.03 : x + y > 40 ? 0.02 : 0),
};

const CORNERS = [0, 1, 2, 3, 4, 5, 6, 7].map(bits => [bits & 1, (bits >> 1) & 1, bits >> 2]);
const HIDDEN: Record<string, (x: number, y: number) => number[]> = {
  black: () => [0, 0, 0],
  white: () => [1, 1, 1],
  noise: (x, y) => placed(x, y).map(value => value / 255),
};

describe.each(Object.entries(SHAPES))('%s', (_, alphaAt) => {
  test.each(Object.entries(HIDDEN))('with hidden %s', async (_, hidden) => {
    // Of these colours and backgrounds, where bicubic overshoots, alpha is clipped as colours are.
    for (const colour of CORNERS) {
      const image = picture((x, y) => [...(alphaAt(x, y) > 0 ? colour : hidden(x, y)), alphaAt(x, y)]);
      const large = await enlarge(image);
      for (const background of CORNERS) {
        const first = await enlarge(composite(image, background));
        expect(await largestDifference(composite(large, background), first)).toBeLessThan(1e-5);
        tf.dispose(first);
      }
      tf.dispose([image, large]);
    }
  });
});

test('a red disc on transparent black has no dark rim', async () => {
  const large = await enlarge(picture((x, y) => [disc(x, y) > 0 ? 1 : 0, 0, 0, disc(x, y)]));
  // On red nothing is to be seen of it, and on blue there is as much red as there is no blue.
  expect(await largestDifference(composite(large, [1, 0, 0]), tf.tensor1d([1, 0, 0]))).toBeLessThan(1e-5);
  const [red, , blue] = tf.unstack(composite(large, [0, 0, 1]), 2);
  expect(await largestDifference(tf.add(red!, blue!), tf.scalar(1))).toBeLessThan(1e-5);
});

test('what is as good as hidden, and coarse as browsers keep it, makes no rim either', async () => {
  // The colour 0.4 of an alpha of 1 / 255, multiplied and rounded to 8 bits, is black.
  const image = picture((x, y) => (disc(x, y) === 1 ? [0.4, 0.4, 0.4, 1] : [0, 0, 0, 1 / 255]));
  const large = await enlarge(image);
  expect(await largestDifference(composite(large, [0.4, 0.4, 0.4]), tf.scalar(0.4))).toBeLessThan(0.4 / 16);
});

test('pictures of which all or nothing can be seen keep their colours, and nothing leaks', async () => {
  for (const alpha of [1, 0.5, 0.01, 0]) {
    const image = picture((x, y) => [...placed(x, y).map(value => value / 255), alpha]);
    const before = tf.memory().numTensors;
    const large = await enlarge(image);
    expect(tf.memory().numTensors).toBe(before + 1);
    const opaque = await enlarge(image.slice([0, 0, 0], [-1, -1, 3]));
    expect(await largestDifference(large.slice([0, 0, 0], [-1, -1, 3]), opaque)).toBe(0);
  }
});

test('colours bleed to the nearest hidden pixels first, ring by ring, with bytes as with fractions', () => {
  // A row: red, four hidden, blue.
  const row = (white: number) => {
    const data = [[1, 0, 0, 1], ...Array.from({length: 4}, () => [0, 1, 0, 0]), [0, 0, 1, 1]].flat();
    return Array.from(
      bleedColours({data: data.map(value => value * white), height: 1, width: 6, channels: 4, white}).data,
    );
  };
  expect(row(1)).toEqual([...[1, 0, 0, 1, 0, 0, 1, 0, 0], ...[0, 0, 1, 0, 0, 1, 0, 0, 1]]);
  expect(row(255)).toEqual(row(1).map(value => value * 255));
  // One hidden pixel amid eight is their mean.
  const block = Array.from({length: 9}, (_, i) => (i === 4 ? [9, 9, 9, 0] : [10 * i, 255, 0, 255])).flat();
  const {data, channels} = bleedColours({data: block, height: 3, width: 3, channels: 4, white: 255});
  expect([channels, ...Array.from(data).slice(12, 15)]).toEqual([3, 40, 255, 0]);
});
