// How good pictures of digits are, by a small classifier that has learnt from the real ones.
import * as tf from '@tensorflow/tfjs';
import {CLASSES, SIZE, oneHot} from './data.js';
import {frechetDistance} from './frechet.js';

const FEATURES = 32;

/** A classifier that has learnt from the pictures; what it computes before it decides are the features. */
export async function trainClassifier({pictures, digits}) {
  const {dense, flatten} = tf.layers;
  const layer = (units, activation, seed) =>
    dense({units, activation, kernelInitializer: tf.initializers.glorotUniform({seed})});
  const last = layer(FEATURES, 'relu', 2);
  const classifier = tf.sequential({
    layers: [flatten({inputShape: [SIZE, SIZE, 1]}), layer(128, 'relu', 1), last, layer(CLASSES, 'softmax', 3)],
  });
  classifier.compile({optimizer: tf.train.adam(2e-3), loss: 'categoricalCrossentropy'});
  const labels = oneHot(digits);
  await classifier.fit(pictures, labels, {epochs: 25, batchSize: 50, shuffle: false, verbose: 0});
  labels.dispose();
  const features = tf.model({inputs: classifier.inputs, outputs: last.output});
  return {classifier, features};
}

/**
 * Measures pictures that are to show the given digits:
 * - `right`, the share that the classifier takes for the digit;
 * - `distance`, the Fréchet distance of their features from those of the real pictures;
 * - `nearest`, the mean distance of a picture to the real one that it is nearest to, per pixel of range [-1, 1].
 */
export async function measure({classifier, features}, {pictures, digits}, real) {
  const predict = model => model.predict(pictures);
  const [right, nearest, ofPictures, ofReal] = await Promise.all(
    [
      () => tf.mean(tf.equal(tf.argMax(predict(classifier), 1), digits).toFloat()),
      () => meanNearest(pictures, real.pictures),
      () => predict(features),
      () => features.predict(real.pictures),
    ].map(async compute => {
      const result = tf.tidy(compute);
      const values = await result.array();
      result.dispose();
      return values;
    }),
  );
  return {right, nearest, distance: frechetDistance(ofPictures, ofReal)};
}

/** The mean over pictures of the root mean square difference to the nearest of the others. */
function meanNearest(pictures, others) {
  const flat = one => tf.reshape(one, [-1, SIZE * SIZE]);
  const [a, b] = [flat(pictures), flat(others)];
  const squares = one => tf.sum(tf.square(one), 1, true);
  const distances = tf.add(tf.sub(squares(a), tf.matMul(a, b, false, true).mul(2)), tf.transpose(squares(b)));
  return tf.mean(tf.sqrt(tf.relu(tf.min(distances, 1)).div(SIZE * SIZE)));
}
