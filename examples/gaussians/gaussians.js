// The data, 25 Gaussians on a grid, and how well samples match them.
import * as tf from '@tensorflow/tfjs';

const SIDE = 5;

/** The middles of the 25 Gaussians: whole numbers from -2 to 2 on both axes. */
export const MODES = Array.from({length: SIDE * SIDE}, (_, i) => ({x: (i % SIDE) - 2, y: Math.floor(i / SIDE) - 2}));

/** Their standard deviation, on both axes. */
export const DEVIATION = 0.05;

/** How many samples are measured: 100 for each mode, if they are spread evenly. */
export const MEASURED = 2500;

/** A sample is good if it is at most so many standard deviations from the middle of a mode. */
export const GOOD_WITHIN = 3;

/** A mode is covered if it has at least so many good samples: a fifth of its share. */
const COVERED_FROM = 20;

/** Endless batches of real samples, `[batch, 2]`: batch i depends on the seed and i alone. */
export function gaussians({batch, seed}) {
  return tf.data.generator(function* () {
    for (let index = 1; ; index++) {
      const key = 1_000_000 * seed + index;
      yield tf.tidy(() => {
        const middles = tf.floor(tf.randomUniform([batch, 2], -2, 3, 'float32', key));
        return tf.add(middles, tf.randomNormal([batch, 2], 0, DEVIATION, 'float32', key));
      });
    }
  });
}

/** How many modes the samples, `[x, y]` each, cover, and which share of them is good. */
export function measure(samples) {
  const good = MODES.map(
    mode => samples.filter(([x, y]) => Math.hypot(x - mode.x, y - mode.y) <= GOOD_WITHIN * DEVIATION).length,
  );
  return {
    modes: good.filter(count => count >= COVERED_FROM).length,
    share: good.reduce((sum, count) => sum + count, 0) / samples.length,
  };
}
