import * as tf from '@tensorflow/tfjs';
import {registered} from '../one-per-process.js';

/**
 * Mends what the webgpu backend of TensorFlow.js 4.22 computes wrongly: large products with a transposed right matrix,
 * reversed cumulative sums and products, the shape of `tf.prod` with `keepDims`, transposed whole numbers and booleans, and the sum
 * of many tensors. Call it once `@tensorflow/tfjs-backend-webgpu` is imported; calling it again does nothing.
 */
export function registerWebGpuKernels(): void {
  if (registered.has('webgpu')) return;
  for (const kernelName of ['BatchMatMul', '_FusedMatMul']) replace(kernelName, withoutSplitting);
  for (const kernelName of ['Cumsum', 'Cumprod']) replace(kernelName, reversingOutside);
  replace('Prod', keepingDimensions);
  replace('Transpose', throughFloats);
  replace('AddN', fewAtOnce);
  registered.add('webgpu');
}

/** What is used of the backend beyond what every backend has. */
interface WebGpuBackend extends tf.KernelBackend {
  tensorMap: {get(dataId: object): {dtype: tf.DataType}};
  makeTensorInfo(shape: number[], dtype: tf.DataType, values: number[]): tf.TensorInfo;
}

type KernelFunction = tf.KernelConfig['kernelFunc'];

function replace(kernelName: string, make: (original: KernelFunction) => KernelFunction): void {
  const config = tf.getKernel(kernelName, 'webgpu');
  tf.unregisterKernel(kernelName, 'webgpu');
  tf.registerKernel({...config, kernelFunc: make(config.kernelFunc)});
}

/** The shader for few outputs, which is right for all transposes (`MatMulSmallOutputSizeProgram`). */
const FEW_OUTPUTS = 2;

/**
 * The backend splits a product with a long inner dimension and few outputs among workgroups, and that shader
 * (`MatMulSplitKProgram`) reads a transposed right matrix wrongly.
 */
function withoutSplitting(original: KernelFunction): KernelFunction {
  return args => {
    const {a, b} = args.inputs as Record<'a' | 'b', tf.TensorInfo>;
    // From 2000 on, and never for 128 outputs or fewer.
    const inner = b.shape[b.shape.length - 1]!;
    const outputs = (tf.util.sizeFromShape(a.shape) / inner) * b.shape[b.shape.length - 2]!;
    if (args.attrs?.transposeB !== true || inner < 2000 || outputs <= 128) return original(args);
    const before = tf.env().get('WEBGPU_MATMUL_PROGRAM_TYPE');
    tf.env().set('WEBGPU_MATMUL_PROGRAM_TYPE', FEW_OUTPUTS);
    try {
      return original(args);
    } finally {
      tf.env().set('WEBGPU_MATMUL_PROGRAM_TYPE', before);
    }
  };
}

/**
 * The shader of a reversed accumulation has the length of the axis written into it, but is kept and used again for any
 * length. Reversed before and after, the other shader does.
 */
function reversingOutside(original: KernelFunction): KernelFunction {
  return args => {
    const {inputs, backend, attrs} = args;
    if (!attrs?.reverse) return original(args);
    const reverse = (x: tf.TensorInfo) =>
      tf.getKernel('Reverse', 'webgpu').kernelFunc({
        inputs: {x},
        backend,
        attrs: {dims: [attrs.axis as number]},
      }) as tf.TensorInfo;
    const turned = reverse(inputs.x!);
    const sums = original({inputs: {x: turned}, backend, attrs: {...attrs, reverse: false}}) as tf.TensorInfo;
    const result = reverse(sums);
    for (const {dataId} of [turned, sums]) (backend as tf.KernelBackend).disposeData(dataId);
    return result;
  };
}

/** For a small tensor the backend computes the product in JavaScript, and there forgets the axes that are kept. */
function keepingDimensions(original: KernelFunction): KernelFunction {
  return args => {
    const product = original(args) as tf.TensorInfo;
    if (!args.attrs?.keepDims) return product;
    const {shape} = args.inputs.x!;
    const axes = tf.util.parseAxisParam(args.attrs.axis as number | number[], shape);
    return {...product, shape: shape.map((size, axis) => (axes.includes(axis) ? 1 : size))};
  };
}

/**
 * The shader stores floats, and does not compile for whole numbers and booleans. As floats they pass, exactly below 2^24: no
 * less than what other kernels of the backend keep of them.
 */
function throughFloats(original: KernelFunction): KernelFunction {
  return args => {
    const {inputs, backend} = args;
    const x = inputs.x!;
    // A cast to float32 changes no data: what matters is what the data were.
    const {dtype} = (backend as WebGpuBackend).tensorMap.get(x.dataId);
    if (dtype !== 'int32' && dtype !== 'bool') return original(args);
    const run = (kernelName: string, inputs: tf.NamedTensorInfoMap, attrs: tf.NamedAttrMap = {}) =>
      tf.getKernel(kernelName, 'webgpu').kernelFunc({inputs, backend, attrs}) as tf.TensorInfo;
    // Not a cast, which leaves the bits as they are for the shader to convert.
    const one = (backend as WebGpuBackend).makeTensorInfo([], 'float32', [1]);
    const floats = run('Multiply', {a: x, b: one});
    const transposed = original({...args, inputs: {x: floats}}) as tf.TensorInfo;
    const result = x.dtype === 'float32' ? transposed : run('Cast', {x: transposed}, {dtype: x.dtype});
    for (const {dataId} of [one, floats, ...(result === transposed ? [] : [transposed])]) {
      (backend as tf.KernelBackend).disposeData(dataId);
    }
    return result;
  };
}

/** Of the 8 buffers that a device gives a shader at least one is the sum's: with more the shader does not compile. */
const SUMMANDS = 7;

function fewAtOnce(original: KernelFunction): KernelFunction {
  return args => {
    const summands = Object.values(args.inputs) as tf.TensorInfo[];
    const add = (some: tf.TensorInfo[]) =>
      original({...args, inputs: some as unknown as tf.NamedTensorInfoMap}) as tf.TensorInfo;
    let sum = add(summands.slice(0, SUMMANDS));
    for (let i = SUMMANDS; i < summands.length; i += SUMMANDS - 1) {
      const before = sum;
      sum = add([before, ...summands.slice(i, i + SUMMANDS - 1)]);
      (args.backend as tf.KernelBackend).disposeData(before.dataId);
    }
    return sum;
  };
}
