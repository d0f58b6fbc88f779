import * as tf from '@tensorflow/tfjs';

/**
 * The gradient of y = x * s^-beta, s = bias + alpha * (the sum of x^2 over the channels around). While an outer tape
 * records, of operations that have gradients themselves, since the kernel for it has none.
 */
export function localResponseNormalizationGradient(original: tf.GradConfig): tf.GradConfig {
  return {
    ...original,
    gradFunc: (dy, saved, attrs) => {
      if (!tf.engine().isTapeOn()) return original.gradFunc(dy, saved, attrs);
      const {depthRadius, bias, alpha, beta} = attrs as Record<string, number>;
      const x = saved[0]!;
      const channels = x.shape.at(-1)!;
      const around = (values: tf.Tensor) => {
        const near = tf.linalg.bandPart(tf.ones([channels, channels]), depthRadius!, depthRadius!);
        return values.reshape<tf.Tensor2D>([-1, channels]).matMul<tf.Tensor2D>(near).reshape(x.shape);
      };
      return {
        x: () => {
          const s = around(x.square()).mul(alpha!).add(bias!);
          const direct = (dy as tf.Tensor).mul(s.pow(-beta!));
          const indirect = around(direct.mul(x).div(s)).mul(x);
          return direct.sub(indirect.mul(2 * alpha! * beta!));
        },
      };
    },
  };
}
