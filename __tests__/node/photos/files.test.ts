import * as tf from '@tensorflow/tfjs';
import {existsSync, readdirSync, writeFileSync} from 'node:fs';
import {readImage, writeImage} from 'tfjs-ragan/node';
import {temporaryFolder} from '../../support/temporary-folder.js';
import {expectClose} from '../../support/values.js';

const inFolder = temporaryFolder();
const smooth = (channels: number) =>
  tf.tidy(() => {
    const [rows, columns] = [tf.linspace(0, 1, 24).reshape([24, 1, 1]), tf.linspace(0.2, 1, 32).reshape([1, 32, 1])];
    return tf.tile<tf.Tensor3D>(tf.mul(rows, columns), [1, 1, channels]);
  });

beforeAll(() => tf.setBackend('cpu'));

test('pictures are written and read back, in every format, and nothing leaks', async () => {
  const before = tf.memory().numTensors;
  for (const channels of [3, 4]) {
    // To half a step of 8 bits without loss, and a few steps with.
    for (const [name, tolerance] of [
      ['a.png', 0.51 / 255],
      ['below/b.WEBP', 0.05],
      ['c.jpg', 0.05],
    ] as const) {
      const image = smooth(channels);
      const file = inFolder(name);
      await writeImage(file, image);
      const back = await readImage(file, {alpha: true});
      const keepsAlpha = channels === 4 && name !== 'c.jpg';
      expect(back.shape).toEqual([24, 32, keepsAlpha ? 4 : 3]);
      const expected = tf.tidy(() => {
        if (keepsAlpha || channels === 3) return tf.clone(image);
        // On white.
        const [colour, alpha] = [tf.slice(image, [0, 0, 0], [-1, -1, 3]), tf.slice(image, [0, 0, 3], [-1, -1, 1])];
        return tf.add(tf.mul(colour, alpha), tf.sub(1, alpha));
      });
      // WebP keeps colours only where they show.
      if (!(keepsAlpha && name === 'below/b.WEBP')) {
        expectClose(await back.data(), await expected.data(), tolerance);
      }
      tf.dispose([image, back, expected]);
    }
  }
  expect(tf.memory().numTensors).toBe(before);
});

test('values out of range are clipped', async () => {
  await writeImage(inFolder('wild.png'), tf.tensor3d([-1, 0.5, 2, Infinity, -Infinity, NaN], [1, 2, 3]));
  const back = await (await readImage(inFolder('wild.png'))).data();
  expectClose(back, [0, 128 / 255, 1, 1, 0, 0], 1e-6);
});

test('what cannot be written is refused in one line, with nothing left behind', async () => {
  const image = tf.zeros<tf.Rank.R3>([4, 4, 3]);
  const gif = inFolder('a.gif');
  await expect(writeImage(gif, image)).rejects.toThrow(`cannot write ${gif}: the name must end in .png, .jpg or .webp`);
  await expect(writeImage(inFolder('b.png'), tf.zeros([4, 4, 1]))).rejects.toThrow(
    'writeImage: image must have the shape [height, width, 3 or 4], but its shape is [4, 4, 1].',
  );
  // WebP goes to 16383 pixels.
  const wide = inFolder('wide.webp');
  await expect(writeImage(wide, tf.zeros([1, 16384, 3]))).rejects.toThrow(/^cannot write .*wide\.webp: .*too large/);
  writeFileSync(inFolder('file'), '');
  await expect(writeImage(`${inFolder('file')}/a.png`, image)).rejects.toThrow('a file of that name is in the way');
  for (const name of ['a.gif', 'b.png', 'wide.webp']) expect(existsSync(inFolder(name))).toBe(false);
  expect(readdirSync(inFolder('.')).filter(name => name.endsWith('.tmp'))).toEqual([]);
});
