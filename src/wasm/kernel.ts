import * as tf from '@tensorflow/tfjs';

/** What the kernels need of the wasm backend. */
export interface WasmBackend {
  /** A new tensor on the wasm heap, its values undefined until written. */
  makeOutput(shape: number[], dtype: tf.DataType, memoryOffset?: number): tf.TensorInfo;
  /** A view of a tensor's values. It is void once anything is allocated, since the heap moves when it grows. */
  typedArrayFromHeap(tensor: tf.TensorInfo): Float32Array;
  disposeData(dataId: tf.DataId, force?: boolean): boolean;
  /** The byte of the heap where a tensor begins. */
  getMemoryOffset(dataId: tf.DataId): number;
  /** What the backend knows of each tensor. */
  dataIdMap: {get(dataId: tf.DataId): {memoryOffset: number}};
}

/** A kernel as these files write it: tensors in, one tensor out unless it says otherwise. */
export type Kernel<Result = tf.TensorInfo> = (
  inputs: Record<string, tf.TensorInfo>,
  attrs: Record<string, unknown>,
  backend: WasmBackend,
) => Result;

/** Runs another kernel of the wasm backend. */
export function runKernel(
  backend: WasmBackend,
  name: string,
  inputs: Record<string, tf.TensorInfo>,
  attrs: Record<string, unknown> = {},
): tf.TensorInfo {
  const kernel = tf.getKernel(name, 'wasm');
  return kernel.kernelFunc({
    inputs: inputs,
    attrs: attrs as tf.NamedAttrMap,
    backend,
  }) as tf.TensorInfo;
}

/** Frees what a kernel made on the way. */
export function disposeAll(backend: WasmBackend, ...tensors: tf.TensorInfo[]): void {
  for (const tensor of tensors) backend.disposeData(tensor.dataId);
}

/** A tensor over part of another's memory, from the float at `start`; it ends with `disposeView`, before the other. */
export function viewOf(backend: WasmBackend, tensor: tf.TensorInfo, start: number, shape: number[]): tf.TensorInfo {
  return backend.makeOutput(shape, tensor.dtype, backend.getMemoryOffset(tensor.dataId) + 4 * start);
}

/** Ends a view. The backend frees the memory of what it disposes of, and freeing address 0 does nothing. */
export function disposeView(backend: WasmBackend, view: tf.TensorInfo): void {
  backend.dataIdMap.get(view.dataId).memoryOffset = 0;
  backend.disposeData(view.dataId);
}

/**
 * Registers a kernel for the wasm backend in place of the one it may have, which `make` receives to fall back on.
 */
export function registerWasmKernel<Result extends tf.TensorInfo | tf.TensorInfo[]>(
  kernelName: string,
  make: (original: Kernel<Result> | undefined) => Kernel<Result>,
): void {
  const registered = tf.getKernelsForBackend('wasm').find(config => config.kernelName === kernelName);
  const original: Kernel<Result> | undefined =
    registered &&
    ((inputs, attrs, backend) =>
      registered.kernelFunc({
        inputs: inputs,
        attrs: attrs as tf.NamedAttrMap,
        backend,
      }) as Result);
  const kernel = make(original);
  if (registered) tf.unregisterKernel(kernelName, 'wasm');
  tf.registerKernel({
    ...registered,
    kernelName,
    backendName: 'wasm',
    kernelFunc: ({inputs, attrs, backend}) =>
      kernel(inputs as Record<string, tf.TensorInfo>, attrs ?? {}, backend as WasmBackend),
  });
}
