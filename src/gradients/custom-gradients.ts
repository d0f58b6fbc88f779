import * as tf from '@tensorflow/tfjs';
import type {CustomGradient} from './fused-operations.js';
import {UNFUSED, withGradientOf} from './fused-operations.js';

/** What is used of TensorFlow.js's engine. */
interface Engine {
  state: {activeScope: {name: string} | null};
  customGrad: CustomGrad;
}
type CustomGrad = (f: CustomGradient) => Operation;
type Operation = (...inputs: tf.Tensor[]) => tf.Tensor;

/** What becomes of an operation's own gradient, by the name of its scope. */
const MENDED: Record<string, (f: CustomGradient) => Operation> = {
  fusedConv2d__op: f => withGradientOf(UNFUSED.convolution, f),
  fusedDepthwiseConv2d__op: f => withGradientOf(UNFUSED.depthwiseConvolution, f),
  fusedMatMul__op: f => withGradientOf(UNFUSED.matrixProduct, f),
  // The log-probabilities that its own gradient saves are on no tape, and its gradient of the labels is another function's.
  softmaxCrossEntropy__op: () => (labels, logits) => tf.logSoftmax(logits).mul(labels).sum(-1).neg(),
};

/**
 * Mends the gradients of `tf.fused.conv2d`, `depthwiseConv2d` and `matMul`, and with them of the layers that use them, and of
 * `tf.losses.softmaxCrossEntropy`. They are in no registry: each call hands its own to the engine's `customGrad`, so that
 * method is replaced.
 */
export function mendCustomGradients(): void {
  const engine = tf.engine() as unknown as Engine;
  const customGrad = engine.customGrad.bind(engine);
  engine.customGrad = f => {
    const mend = MENDED[engine.state.activeScope?.name ?? ''];
    return mend ? mend(f) : customGrad(f);
  };
}
