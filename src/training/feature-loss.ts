import * as tf from '@tensorflow/tfjs';
import type {Features} from '../models/vgg19-features.js';
import {requireOneOf} from '../options.js';
import {onOwnTape} from './own-tape.js';
import type {GeneratorLoss} from './step.js';

/** How features are compared: by their mean absolute or mean squared difference. */
export type FeatureCriterion = 'l1' | 'l2';

/** What a loss of features is made of. */
interface FeatureLoss {
  features: Features;
  layers: Record<string, number>;
  criterion: FeatureCriterion;
  /** What of a layer's features is compared. */
  view?: (map: tf.Tensor) => tf.Tensor;
}

/**
 * The weighted sum over layers of how far the output's features are from the target's, which are constants.
 *
 * @throws if features are no function, layers no weights by name, or the criterion is unknown.
 */
export function featureLoss(
  owner: string,
  {features, layers, criterion, view = map => map}: FeatureLoss,
): GeneratorLoss['loss'] {
  if (typeof features !== 'function') {
    throw new Error(`${owner}: features must be a function of images and layers, but it is ${typeof features}.`);
  }
  const weights = Object.values((layers as Record<string, number> | null) ?? {});
  if (weights.length === 0 || !weights.every(Number.isFinite)) {
    throw new Error(
      `${owner}: layers must be weights by the layers' names, such as {conv5_4: 1}, but it is ${JSON.stringify(layers)}.`,
    );
  }
  requireOneOf(owner, 'criterion', criterion, ['l1', 'l2']);
  const names = Object.keys(layers);
  return (target, output) => {
    if (!tf.util.arraysEqual(target.shape, output.shape)) {
      throw new Error(
        `${owner}: target and output must have the same shape, but they are [${target.shape.join(', ')}] and [${output.shape.join(', ')}].`,
      );
    }
    return tf.tidy(() => {
      const expected = onOwnTape(() => features(target, names));
      const actual = features(output, names);
      const terms = names.map(name => {
        if (!actual[name])
          throw new Error(`${owner}: features gave none for the layer '${name}'; name in layers those it has.`);
        const difference = tf.sub(view(actual[name]), view(expected[name]!));
        const distance = criterion === 'l1' ? tf.abs(difference) : tf.square(difference);
        return tf.mul<tf.Scalar>(tf.mean(distance), layers[name]!);
      });
      return tf.addN<tf.Scalar>(terms);
    });
  };
}
