import * as tf from '@tensorflow/tfjs';

/**
 * Moves the weights of a model towards those of another of the same layers: w becomes (1 - share) w + share v. Between a
 * generator before and after its GAN stage this goes from true to the picture to sharp without a step ("network
 * interpolation"), since the second was trained from the first.
 *
 * @param model its weights change.
 * @param towards its weights stay.
 * @param share from 0, nothing changes, to 1, the weights of the other.
 * @throws if the share is out of range, or the models' weights differ in number or shape.
 * @example
 * const model = await tf.loadLayersModel('models/x4/model.json');
 * const sharp = await tf.loadLayersModel('models/x4-sharp/model.json');
 * interpolateWeights(model, sharp, 0.5);
 *
 * Wang et al., "ESRGAN", 2018, section 3.4, https://arxiv.org/abs/1809.00219
 */
export function interpolateWeights(model: tf.LayersModel, towards: tf.LayersModel, share: number): void {
  if (!(share >= 0 && share <= 1)) {
    throw new Error(`interpolateWeights: share must be from 0 to 1, but it is ${share}.`);
  }
  if (shapes(model) !== shapes(towards)) {
    throw new Error('interpolateWeights: towards must be a model of the same layers, but its weights have other shapes.');
  }
  tf.tidy(() => {
    const others = towards.getWeights();
    model.setWeights(model.getWeights().map((weight, i) => weight.mul(1 - share).add(others[i]!.mul(share))));
  });
}

function shapes(model: tf.LayersModel): string {
  return model.weights.map(weight => weight.shape.join()).join(' ');
}
