import * as tf from '@tensorflow/tfjs';

type Size = number | number[];
interface Attributes {
  filterSize: Size;
  strides: Size;
}

const run = (kernel: string, inputs: tf.NamedTensorMap, attrs: tf.NamedAttrMap) =>
  tf.engine().runKernel<tf.Tensor>(kernel, inputs, attrs);

type Dimensions = '' | '3D';

/** The gradient of the kernel that is the gradient of maximum pooling: linear in dy, a step function of the rest. */
const ofMaxPoolGradient = (dimensions: Dimensions): tf.GradConfig => ({
  kernelName: `MaxPool${dimensions}Grad`,
  inputsToSave: ['input', 'output'],
  gradFunc: (ddx, [input, output], attrs) => ({
    dy: () => atMaxima(dimensions, ddx as tf.Tensor, input!, output!, attrs),
    input: () => tf.zerosLike(input!),
    output: () => tf.zerosLike(output!),
  }),
});

export const gradientsOfMaxPoolGradients = [ofMaxPoolGradient(''), ofMaxPoolGradient('3D')];

/**
 * The value of `values` at the place of the maximum of each window of `input`, the place to which the gradient of maximum
 * pooling sends that window's dy, whichever a backend chooses among equal values.
 *
 * The gradient of ones marks these places. Where windows do not overlap, each holds one mark, and an average over the
 * window picks the value there; so windows that overlap take turns.
 */
function atMaxima(
  dimensions: Dimensions,
  values: tf.Tensor,
  input: tf.Tensor,
  output: tf.Tensor,
  attrs: tf.NamedAttrMap,
): tf.Tensor {
  const average = (x: tf.Tensor) =>
    run(`AvgPool${dimensions}`, {x}, dimensions === '3D' ? {...attrs, dataFormat: 'NDHWC'} : attrs);
  const picked = turnsOf(output.shape, attrs as unknown as Attributes).map(turn => {
    const windows = turn.mul(tf.onesLike(output));
    const marks = run(`MaxPool${dimensions}Grad`, {dy: windows, input, output}, attrs);
    const share = average(marks).add(tf.sub(1, windows));
    return average(values.mul(marks)).div(share).mul(windows);
  });
  // Not by addN: webgpu has a limit for its inputs.
  return picked.reduce((sum, one) => tf.add(sum, one));
}

/** Which windows have each turn: ones and zeros of the shape [1, ...spatial, 1]. */
function turnsOf(shape: number[], {filterSize, strides}: Attributes): tf.Tensor[] {
  const spatial = shape.slice(1, -1);
  const at = (size: Size, axis: number) => (typeof size === 'number' ? size : size[axis]!);
  const period = (axis: number) => Math.ceil(at(filterSize, axis) / at(strides, axis));
  return spatial.reduce<tf.Tensor[]>(
    (turns, size, axis) => {
      const along = [1, ...spatial.map((_, other) => (other === axis ? size : 1)), 1];
      const phases = Array.from({length: Math.min(period(axis), size)}, (_, phase) =>
        tf.tensor(
          Array.from({length: size}, (_, i) => Number(i % period(axis) === phase)),
          along,
        ),
      );
      return turns.flatMap(turn => phases.map(phase => turn.mul(phase)));
    },
    [tf.scalar(1)],
  );
}
