import * as tf from '@tensorflow/tfjs';

/** What is used of TensorFlow.js's engine. */
interface Engine {
  state: {activeScope: {name: string} | null};
  customGrad: (f: CustomGradient) => (...inputs: tf.Tensor[]) => tf.Tensor;
  runKernel: (name: string, inputs: tf.NamedTensorMap, attrs?: tf.NamedAttrMap) => tf.Tensor | tf.Tensor[];
}
type CustomGradient = (...inputsAndSave: unknown[]) => {value: tf.Tensor; gradFunc: GradientFunction};
type GradientFunction = (dy: tf.Tensor, saved: tf.Tensor[]) => tf.Tensor | tf.Tensor[];

/** The fused operations, by the name of their scope, and the kernels that do the same without a bias. */
const UNFUSED: Record<string, string> = {
  fusedConv2d__op: 'Conv2D',
  fusedDepthwiseConv2d__op: 'DepthwiseConv2dNative',
};

/**
 * Gives `tf.fused.conv2d` and `tf.fused.depthwiseConv2d`, and with them `tf.layers.conv2d`, the gradients that are
 * registered for the kernels that are not fused, so that they too know dilations.
 *
 * Their own gradient is in no registry: each call hands it to the engine's `customGrad`, so that method is replaced.
 */
export function mendFusedConvolutions(): void {
  const engine = tf.engine() as unknown as Engine;
  const customGrad = engine.customGrad.bind(engine);
  engine.customGrad = f => {
    const unfused = UNFUSED[engine.state.activeScope?.name ?? ''];
    return customGrad(unfused === undefined ? f : withGradientOf(unfused, f));
  };
}

/** While a tape records, TensorFlow.js fuses a bias but no activation. */
function withGradientOf(unfused: string, f: CustomGradient): CustomGradient {
  return (...inputsAndSave) => {
    const {result, attrs} = watchKernel(() => f(...inputsAndSave));
    // With channels first TensorFlow.js refuses a gradient, since the bias would be that of another axis.
    if (attrs.dataFormat !== 'NHWC') return result;
    const gradFunc: GradientFunction = (dy, [filter, x, , bias]) => {
      const dy4D = dy.rank === 3 ? dy.expandDims() : dy;
      const gradients = tf.getGradient(unfused).gradFunc(dy4D, [x!, filter!], attrs);
      const both = [gradients.x!(), gradients.filter!()];
      return bias ? [...both, sumTo(bias.shape, dy4D)] : both;
    };
    return {...result, gradFunc};
  };
}

/** The result of `f`, and the attributes of the first kernel that it runs. */
function watchKernel<T>(f: () => T): {result: T; attrs: tf.NamedAttrMap} {
  const engine = tf.engine() as unknown as Engine;
  const {runKernel} = engine;
  let first: tf.NamedAttrMap | undefined;
  engine.runKernel = (name, inputs, attrs) => {
    first ??= attrs;
    return runKernel.call(engine, name, inputs, attrs);
  };
  try {
    return {result: f(), attrs: first!};
  } finally {
    engine.runKernel = runKernel;
  }
}

/** The gradient of a tensor of this shape that was broadcast to that of `dy`. */
function sumTo(shape: number[], dy: tf.Tensor): tf.Tensor {
  const axes = tf.broadcast_util.getReductionAxes(shape, dy.shape);
  return (axes.length > 0 ? dy.sum(axes) : dy).reshape(shape);
}
