import * as tf from '@tensorflow/tfjs';

/**
 * The gradient of Einstein's sum, which TensorFlow.js lacks: for each operand Einstein's sum of the gradient that comes
 * in and the other operands, spread over the labels that the operand alone has.
 */
export const einsumGradient: tf.GradConfig = {
  kernelName: 'Einsum',
  saveAllInputs: true,
  gradFunc: (dy, saved, attrs) => {
    const [left, output] = (attrs.equation as string).replaceAll(' ', '').split('->') as [string, string];
    const labels = left.split(',');
    const gradients = saved.map((operand, i) => () => {
      const others = labels.flatMap((of, other) => (other === i ? [] : [{of, operand: saved[other]!}]));
      const elsewhere = output + others.map(({of}) => of).join('');
      const found = [...labels[i]!].filter(label => elsewhere.includes(label));
      const equation = `${[output, ...others.map(({of}) => of)].join()}->${found.join('')}`;
      // A sum of one term can be that tensor itself, which a tape would take twice.
      const sum =
        others.length > 0
          ? tf.einsum(equation, dy as tf.Tensor, ...others.map(one => one.operand))
          : tf.transpose(
              dy as tf.Tensor,
              found.map(label => output.indexOf(label)),
            );
      const shape = [...labels[i]!].map((label, axis) => (found.includes(label) ? operand.shape[axis]! : 1));
      return sum.reshape(shape).broadcastTo(operand.shape);
    });
    return Object.fromEntries(gradients.map((gradient, i) => [i, gradient]));
  },
};
