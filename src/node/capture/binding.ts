import type * as tf from '@tensorflow/tfjs';

/** What `@tensorflow/tfjs-node`'s native part says of a tensor it made. */
export interface NativeTensor {
  id: number;
  shape: number[];
  /** TensorFlow's number of the type. */
  dtype: number;
}

/** An attribute of a TensorFlow op; `type` is one of the binding's TF_ATTR constants. */
export interface Attribute {
  name: string;
  type: number;
  value: unknown;
}

type Values = Float32Array | Int32Array | Uint8Array;

/** The part of `@tensorflow/tfjs-node`'s native binding that capturing uses. */
export interface Binding {
  createTensor(shape: number[], dtype: number, values: Values): number;
  deleteTensor(id: number): void;
  tensorDataSync(id: number): Values;
  executeOp(name: string, attributes: Attribute[], inputs: number[], outputs: number): NativeTensor[];
  loadSavedModel(folder: string, tags: string): number;
  deleteSavedModel(session: number): void;
  runSavedModel(session: number, inputs: number[], inputNames: string, outputNames: string): NativeTensor[];
}

/** What the backend keeps of a tensor: its values until an op needs it, and its number in the binding from then on. */
export interface TensorData {
  shape: number[];
  dtype: number;
  values: unknown;
  id: number;
  refCount: number;
}

/** The part of `@tensorflow/tfjs-node`'s backend that capturing uses. */
export interface NativeBackend {
  binding: Binding;
  isUsingGpuDevice: boolean;
  tensorMap: {get(dataId: object): TensorData; has(dataId: object): boolean};
  getInputTensorIds(tensors: {dataId?: object}[]): number[];
  createOutputTensor(metadata: NativeTensor): tf.Tensor;
  executeSingleOutput(name: string, attributes: Attribute[], inputs: tf.Tensor[]): tf.Tensor;
  readSync(dataId: object): unknown;
}

/** The binding's numbers of the kinds of attributes (its TF_ATTR constants). */
export const ATTRIBUTE = {string: 0, int: 1, float: 2, bool: 3, type: 4, shape: 5};

/** TensorFlow's numbers of the types that a captured step can carry. */
export const DTYPES: Record<string, number> = {float32: 1, int32: 3, bool: 10};

/** The numbers in the binding of tensors or variables; values that were still JavaScript's are handed over first. */
export function nativeIds(backend: NativeBackend, tensors: tf.Tensor[]): number[] {
  return backend.getInputTensorIds(tensors);
}
