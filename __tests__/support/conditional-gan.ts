import * as tf from '@tensorflow/tfjs';

const {concatenate, dense, leakyReLU} = tf.layers;
const kernel = (seed: number) => ({kernelInitializer: tf.initializers.glorotNormal({seed})});

/** A generator of latents and a class, and a critic of samples, their class and a shift; the same every time. */
export function conditionalNetworks() {
  const latent = tf.input({shape: [4], name: 'latent'});
  const label = tf.input({shape: [3], name: 'label'});
  const sample = tf.input({shape: [2], name: 'sample'});
  const judgedLabel = tf.input({shape: [3], name: 'judgedLabel'});
  const shift = tf.input({shape: [1], name: 'shift'});
  const join = (...inputs: tf.SymbolicTensor[]) => concatenate().apply(inputs);
  const made = dense({units: 8, activation: 'tanh', ...kernel(1)}).apply(join(latent, label));
  const seen = leakyReLU({alpha: 0.2}).apply(dense({units: 8, ...kernel(2)}).apply(join(sample, judgedLabel, shift)));
  return {
    generator: tf.model({
      inputs: [latent, label],
      outputs: dense({units: 2, ...kernel(3)}).apply(made) as tf.SymbolicTensor,
    }),
    discriminator: tf.model({
      inputs: [sample, judgedLabel, shift],
      outputs: dense({units: 1, ...kernel(4)}).apply(seen) as tf.SymbolicTensor,
    }),
  };
}

/** A batch for them. */
export function conditionalBatch(size = 7) {
  const labels = tf.oneHot(tf.range(0, size, 1, 'int32').mod(tf.scalar(3, 'int32')).toInt(), 3).toFloat();
  return {
    xs: [tf.randomNormal([size, 4], 0, 1, 'float32', 4), labels],
    ys: tf.randomNormal([size, 2], 0, 1, 'float32', 5),
    condition: [labels, tf.randomNormal([size, 1], 0, 1, 'float32', 6)],
  };
}
