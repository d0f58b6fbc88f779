import * as tf from '@tensorflow/tfjs';
import type {AdamState, Moment} from './adam-state.js';

/**
 * `optimizer.applyGradients`, in one kernel per variable where the active backend has one for Adam (`AdamUpdate`, on wasm)
 * instead of ten: for training loops written by hand. The optimizer's state is the same either way.
 *
 * @param gradients by the names of their variables, as `tf.variableGrads` and the steps give them. They stay yours.
 * @example
 * const optimizer = tf.train.adam(1e-3);
 * const weight = tf.variable(tf.scalar(3));
 * const {value, grads} = tf.variableGrads(() => tf.square(weight) as tf.Scalar, [weight]);
 * applyGradients(optimizer, grads);
 * tf.dispose([value, grads]);
 */
export function applyGradients(optimizer: tf.Optimizer, gradients: tf.NamedTensorMap): void {
  // A subclass may update otherwise.
  const isAdam = Reflect.get(optimizer, 'applyGradients') === Reflect.get(tf.AdamOptimizer.prototype, 'applyGradients');
  if (isAdam && (tf.getKernel('AdamUpdate', tf.getBackend()) as unknown)) updateByAdam(optimizer, gradients);
  else optimizer.applyGradients(gradients);
}

function updateByAdam(optimizer: tf.Optimizer, gradients: tf.NamedTensorMap): void {
  const adam = optimizer as unknown as AdamState;
  const {learningRate, beta1, beta2, epsilon} = adam;
  // tfjs keeps the moments by the variable's position.
  Object.entries(gradients).forEach(([name, gradient], position) => {
    const value = tf.engine().registeredVariables[name]!;
    const slot = (slots: Moment[], letter: string) =>
      (slots[position] ??= {
        originalName: `${name}/${letter}`,
        variable: tf.tidy(() => tf.zerosLike(value).variable(false)),
      }).variable;
    const firstMoment = slot(adam.accumulatedFirstMoment, 'm');
    const secondMoment = slot(adam.accumulatedSecondMoment, 'v');
    tf.tidy(() => {
      const inputs = {value, gradient, firstMoment, secondMoment, power1: adam.accBeta1, power2: adam.accBeta2};
      const attributes = {learningRate, beta1, beta2, epsilon};
      const [newValue, newFirst, newSecond] = tf.engine().runKernel<tf.Tensor[]>('AdamUpdate', inputs, attributes);
      value.assign(newValue!);
      firstMoment.assign(newFirst!);
      secondMoment.assign(newSecond!);
    });
  });
  tf.tidy(() => {
    adam.accBeta1.assign(tf.mul(adam.accBeta1, beta1));
    adam.accBeta2.assign(tf.mul(adam.accBeta2, beta2));
  });
  adam.incrementIterations();
}
