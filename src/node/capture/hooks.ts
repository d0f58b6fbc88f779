import * as tf from '@tensorflow/tfjs';
import type {Attribute, NativeBackend, NativeTensor} from './binding.js';
import {FUSED_PROTOTYPES} from './optimizers.js';

/** What `applyGradients` takes. */
export type Gradients = tf.NamedTensorMap | {name: string; tensor: tf.Tensor}[];

type Values = Float32Array | Int32Array | Uint8Array;

/** Told of what tfjs does while it runs a step. */
export interface Listener {
  /** JavaScript made data. */
  made: (dataId: object) => void;
  /** Does what the backend's `getInputTensorIds` does. */
  idsOf: (tensors: {dataId?: object}[]) => number[];
  /** Values from JavaScript were handed to TensorFlow. */
  constant: (id: number, shape: number[], dtype: number, values: Values) => void;
  op: (name: string, attributes: Attribute[], ids: number[], outputs: NativeTensor[]) => void;
  /** JavaScript reads a tensor. */
  read: (id: number) => void;
  /** Runs what reads tensors only to check them. */
  checking: <T>(run: () => T) => T;
  /** Runs a layer. */
  layer: <T>(layer: tf.layers.Layer, run: () => T) => T;
  /** A tensor was taken out of all tidies. */
  keep: (tensor: tf.Tensor) => void;
  minimize: (optimizer: tf.Optimizer) => void;
  /** An optimizer counts a step. */
  count: (optimizer: tf.Optimizer) => void;
  /** An update by an optimizer of tfjs, which `run` does. */
  apply: (optimizer: tf.Optimizer, gradients: Gradients, run: () => void) => void;
}

type Undo = () => void;

/** Stands between tfjs and the native binding until the function that it returns is called. */
export function attachHooks(backend: NativeBackend, listener: Listener): Undo {
  const undo = [
    hookBinding(backend, listener),
    hookBackend(backend, listener),
    hookGather(listener),
    hookLayers(listener),
    hookKeep(listener),
    hookOptimizers(listener),
  ];
  return () => undo.forEach(one => one());
}

/** The binding's own properties are read-only, so a shadow of it takes its place. */
function hookBinding(backend: NativeBackend, listener: Listener): Undo {
  const {binding} = backend;
  backend.binding = Object.create(binding, {
    createTensor: {
      value: (shape: number[], dtype: number, values: Values) => {
        const id = binding.createTensor(shape, dtype, values);
        listener.constant(id, shape, dtype, values);
        return id;
      },
    },
    executeOp: {
      value: (name: string, attributes: Attribute[], ids: number[], count: number) => {
        const outputs = binding.executeOp(name, attributes, ids, count);
        listener.op(name, attributes, ids, outputs);
        return outputs;
      },
    },
    tensorDataSync: {
      value: (id: number) => {
        listener.read(id);
        return binding.tensorDataSync(id);
      },
    },
  }) as typeof binding;
  return () => (backend.binding = binding);
}

function hookBackend(backend: NativeBackend, listener: Listener): Undo {
  type Move = (dataId: object, ...rest: unknown[]) => void;
  const {move} = Object.getPrototypeOf(backend) as {move: Move};
  Object.assign(backend, {
    getInputTensorIds: (tensors: {dataId?: object}[]) => listener.idsOf(tensors),
    move: (...[dataId, ...rest]: Parameters<Move>) => {
      listener.made(dataId);
      move.call(backend, dataId, ...rest);
    },
  });
  return () => {
    // The methods of the class come to light again.
    delete (backend as Partial<NativeBackend>).getInputTensorIds;
    delete (backend as {move?: Move}).move;
  };
}

/** The backend's kernel of `tf.gather` looks whether the indices are in range, which TensorFlow does by itself. */
function hookGather(listener: Listener): Undo {
  const kernel = tf.getKernel(tf.GatherV2, 'tensorflow');
  const {kernelFunc} = kernel;
  kernel.kernelFunc = values => listener.checking(() => kernelFunc(values));
  return () => (kernel.kernelFunc = kernelFunc);
}

function hookKeep(listener: Listener): Undo {
  const engine = tf.engine() as {keep?: (tensor: tf.Tensor) => tf.Tensor};
  const keep = engine.keep!.bind(engine);
  engine.keep = tensor => {
    listener.keep(tensor);
    return keep(tensor);
  };
  return () => delete engine.keep;
}

function hookLayers(listener: Listener): Undo {
  return patch<tf.layers.Layer>(tf.layers.Layer.prototype, 'apply', original => {
    return function (...values) {
      return listener.layer(this, () => original.apply(this, values));
    };
  });
}

type Method<T> = (this: T, ...values: unknown[]) => unknown;

function patch<T extends object>(prototype: object, name: string, make: (original: Method<T>) => Method<T>): Undo {
  const methods = prototype as Record<string, Method<T>>;
  const original = methods[name]!;
  methods[name] = make(original);
  return () => (methods[name] = original);
}

function hookOptimizers(listener: Listener): Undo {
  const telling = (tell: (optimizer: tf.Optimizer) => void) => (original: Method<tf.Optimizer>) =>
    function (this: tf.Optimizer, ...values: unknown[]) {
      tell(this);
      return original.apply(this, values);
    };
  const undo = [
    // An optimizer of another kind need not count its steps.
    patch(tf.Optimizer.prototype, 'minimize', telling(listener.minimize)),
    patch(tf.Optimizer.prototype, 'incrementIterations', telling(listener.count)),
    ...FUSED_PROTOTYPES.map(prototype =>
      patch<tf.Optimizer>(prototype, 'applyGradients', original => {
        return function (...values) {
          listener.apply(this, values[0] as Gradients, () => original.apply(this, values));
        };
      }),
    ),
  ];
  return () => undo.forEach(one => one());
}
