import * as tf from '@tensorflow/tfjs';

/**
 * The element-wise loss of one side, with its gradient in closed form: what a subclass of `GanLoss` gives.
 *
 * @example
 * const wasserstein: ElementLoss = {
 *   value: (real, fake) => tf.sub(fake, real),
 *   gradients: (dy, real, fake) => [tf.mul(dy, tf.fill(real.shape, -1)), tf.mul(dy, tf.onesLike(fake))],
 * };
 */
export interface ElementLoss {
  /** Element i: its real term plus its fake term, of the logits' shape. */
  value(real: tf.Tensor, fake: tf.Tensor): tf.Tensor;
  /**
   * The gradients with respect to real and fake, of their shape each. `dy`, the gradient with respect to the elements,
   * broadcasts against them: where all have the same it is a scalar. Made of differentiable ops, they can be
   * differentiated again.
   */
  gradients(dy: tf.Tensor, real: tf.Tensor, fake: tf.Tensor): [tf.Tensor, tf.Tensor];
}

/** `element` for logits of this shape, which refuses what it returns if that is of another: it would broadcast unseen. */
export function checkedElementLoss(owner: string, element: ElementLoss, shape: number[]): ElementLoss {
  const fits = (result: unknown) => {
    const own = shapeOf(result);
    return own !== undefined && tf.util.arraysEqual(own, shape);
  };
  return {
    value: (real, fake) => {
      const elements = element.value(real, fake);
      if (fits(elements)) return elements;
      throw new Error(
        `${owner}: value() of its elementLoss must return a tensor of the logits' shape, ${text(shape)}, but it ` +
          `returned ${found(elements)}; it gives each pair's loss, and the reduction makes one number of them.`,
      );
    },
    gradients: (dy, real, fake) => {
      const both = element.gradients(dy, real, fake) as unknown;
      if (Array.isArray(both) && both.length === 2 && both.every(fits)) return both as [tf.Tensor, tf.Tensor];
      throw new Error(
        `${owner}: gradients() of its elementLoss must return two tensors of the logits' shape, ${text(shape)}, but it ` +
          `returned ${Array.isArray(both) ? both.map(found).join(' and ') : found(both)}; dy broadcasts and may be a ` +
          'scalar: multiply it by a tensor of that shape.',
      );
    },
  };
}

const text = (shape: number[]) => `[${shape.join(', ')}]`;

/** Undefined for what is no tensor. */
const shapeOf = (result: unknown) => (result instanceof tf.Tensor ? (result as tf.Tensor).shape : undefined);

function found(result: unknown): string {
  const shape = shapeOf(result);
  return shape ? `one of shape ${text(shape)}` : typeof result;
}
