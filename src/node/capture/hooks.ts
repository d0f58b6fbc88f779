import * as tf from '@tensorflow/tfjs';
import type {Attribute, NativeBackend, NativeTensor} from './binding.js';
import {FUSED_PROTOTYPES} from './optimizers.js';
import type {Draw} from './random-draws.js';
import {DrawWatch} from './random-draws.js';

/** What `applyGradients` takes. */
export type Gradients = tf.NamedTensorMap | {name: string; tensor: tf.Tensor}[];

type Values = Float32Array | Int32Array | Uint8Array;

/** Told of what tfjs does while it runs a step. */
export interface Listener {
  /** JavaScript made data. */
  made: (dataId: object) => void;
  /** JavaScript made these values as random numbers. */
  drawn: (values: object, draw: Draw) => void;
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
  /** A tensor was made, or a variable was given its data. */
  tensor: (tensor: tf.Tensor) => void;
  /** An op takes tensors. */
  use: (tensors: tf.Tensor[]) => void;
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
    hookEngine(listener),
    hookAssign(),
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
  type Move = (dataId: object, values: object, shape: number[], dtype: tf.DataType, refCount: number) => void;
  const {move} = Object.getPrototypeOf(backend) as {move: Move};
  const watch = new DrawWatch();
  const unwatch = watch.attach();
  Object.assign(backend, {
    getInputTensorIds: (tensors: {dataId?: object}[]) => listener.idsOf(tensors),
    move: (...[dataId, values, shape, dtype, refCount]: Parameters<Move>) => {
      listener.made(dataId);
      const draw = watch.ofNewData(dtype);
      if (draw) listener.drawn(values, draw);
      move.call(backend, dataId, values, shape, dtype, refCount);
    },
  });
  return () => {
    unwatch();
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

/** The part of tfjs's engine that tells what becomes of tensors. */
interface Engine {
  trackTensor(tensor: tf.Tensor, backend: unknown): void;
  runKernel(name: string, inputs: Record<string, tf.Tensor | undefined>, attributes: unknown): unknown;
  clone(tensor: tf.Tensor): tf.Tensor;
  keep(tensor: tf.Tensor): tf.Tensor;
}

function hookEngine(listener: Listener): Undo {
  const engine = tf.engine() as unknown as Partial<Engine>;
  const original = Object.getPrototypeOf(engine) as Engine;
  let saves = false;
  const hooked: Engine = {
    trackTensor(tensor, backend) {
      original.trackTensor.call(engine, tensor, backend);
      listener.tensor(tensor);
    },
    runKernel(name, inputs, attributes) {
      if (!saves) listener.use(Object.values(inputs).filter(input => input !== undefined));
      return original.runKernel.call(engine, name, inputs, attributes);
    },
    // What a gradient tape saves is not yet used.
    clone(tensor) {
      saves = true;
      try {
        return original.clone.call(engine, tensor);
      } finally {
        saves = false;
      }
    },
    keep(tensor) {
      listener.keep(tensor);
      return original.keep.call(engine, tensor);
    },
  };
  Object.assign(engine, hooked);
  return () => Object.keys(hooked).forEach(name => Reflect.deleteProperty(engine, name));
}

/** tfjs frees a variable's data before it takes the new data: assigned to itself, one that has them alone would lose them. */
function hookAssign(): Undo {
  return patch<tf.Variable>(tf.Variable.prototype, 'assign', original => {
    return function (value) {
      const {dataId, shape, dtype} = value as tf.Tensor;
      const same = dataId === this.dataId && dtype === this.dtype && tf.util.arraysEqual(shape, this.shape);
      if (!same) original.call(this, value);
    };
  });
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
