import type * as tf from '@tensorflow/tfjs';

type Json = null | boolean | number | string | Json[] | {[key: string]: Json};
type Dictionary = Record<string, Json>;

/** Settings that TensorFlow.js overlooks: the layers that have them, and the value with which both compute the same. */
const OVERLOOKED: [layers: RegExp, key: string, harmless: Json][] = [
  [/^(Separable|Depthwise)?Conv\d/, 'groups', 1],
  [/^Conv\dDTranspose$/, 'output_padding', null],
  [/^Global/, 'keepdims', false],
  [/^ReLU$/, 'negative_slope', 0],
  [/^ReLU$/, 'threshold', 0],
  [/^LayerNormalization$/, 'rms_scaling', false],
  [/^(SimpleRNN|LSTM|GRU)$/, 'zero_output_for_mask', false],
  // Its pixels lie elsewhere: `resizeBilinear` without half-pixel centres.
  [/^UpSampling2D$/, 'interpolation', 'nearest'],
];

/** Whether a model.json has the words of Keras 3, which TensorFlow.js does not read. */
export function isOfKeras3({modelTopology}: tf.io.ModelJSON): boolean {
  return /"(batch_shape|keras_history|DTypePolicy)"/.test(JSON.stringify(modelTopology));
}

/**
 * Says a model.json of Keras 3 in the words of Keras 2, which `tf.loadLayersModel` reads: the shape of an input, types of
 * numbers, how layers are connected, and names of settings, classes and weights that have changed.
 *
 * @throws for what Keras 2 had no words for: operations beside layers, and settings with which TensorFlow.js computes something else.
 */
export function translateKeras3(json: tf.io.ModelJSON): tf.io.ModelJSON {
  const topology = json.modelTopology as Dictionary;
  const model = topology.model_config ?? topology;
  const classes = classesByName(model);
  const weightsManifest = json.weightsManifest.map(group => ({
    ...group,
    weights: group.weights.map(weight => ({...weight, name: weightName(weight.name, classes)})),
  }));
  return {...json, modelTopology: translate(model, classes) as object, weightsManifest};
}

type Classes = ReadonlyMap<string, string>;

function translate(value: Json, classes: Classes): Json {
  if (Array.isArray(value)) return value.map(one => translate(one, classes));
  if (!isDictionary(value)) return value;
  const {class_name: className, config, inbound_nodes: nodes} = value;
  if (className === 'function') return config ?? null;
  const out = Object.fromEntries(Object.entries(value).map(([key, one]) => [key, translate(one, classes)]));
  if (typeof className !== 'string' || !isDictionary(config)) return out;
  // Of mixed types, the weights' own.
  if (className === 'DTypePolicy') return text(config.name).replace(/^mixed_.*/, 'float32');
  if (className === 'L1' || className === 'L2') return {class_name: 'L1L2', config: {l1: 0, l2: 0, ...config}};
  out.config = translateConfig(className, out.config as Dictionary, classes);
  if (Array.isArray(nodes)) {
    const layer = `${text(config.name)} (${className})`;
    out.inbound_nodes = nodes.map(node => (isDictionary(node) ? connections(layer, node, classes) : node));
  }
  return out;
}

/** The settings of a layer or model, whose values have been translated. */
function translateConfig(className: string, config: Dictionary, classes: Classes): Dictionary {
  const {batch_shape: shape, ...out} = config;
  if (shape !== undefined) out.batch_input_shape = shape;
  if (className === 'LeakyReLU' && out.negative_slope !== undefined) out.alpha = out.negative_slope;
  for (const key of ['input_layers', 'output_layers']) {
    const ends = config[key];
    if (isDictionary(ends))
      throw new Error(`its ${key} have names, which TensorFlow.js does not know; make them a list`);
    // A single one stands there without the list.
    const list = Array.isArray(ends) && typeof ends[0] === 'string' ? [ends] : ends;
    if (Array.isArray(list)) {
      out[key] = list.map(end => place(end as Json[], name => classes.get(name) === 'Sequential'));
    }
  }
  for (const [layers, key, harmless] of OVERLOOKED) {
    if (layers.test(className) && out[key] !== undefined && out[key] !== null && out[key] !== harmless) {
      throw new Error(
        `its layer ${text(out.name)} (${className}) has ${key} ${text(out[key])}, with which TensorFlow.js computes something else`,
      );
    }
  }
  return out;
}

/** The tensors that a layer is called with, each as `[layer, node, output, other arguments]`. */
function connections(layer: string, {args, kwargs}: Dictionary, classes: Classes): Json {
  const others = Object.fromEntries(Object.entries((kwargs ?? {}) as Dictionary).filter(([, one]) => one !== null));
  const [first = null, ...more] = (args ?? []) as Json[];
  const tensors = [first].flat().map(one => (isDictionary(one) ? (one.config as Dictionary).keras_history : undefined));
  const known = tensors.filter(history => Array.isArray(history));
  if (more.length > 0 || known.length < tensors.length || JSON.stringify(others).includes('keras_history')) {
    throw new Error(
      `its layer ${layer} is an operation, or is called with more than its inputs, which TensorFlow.js does not know; ` +
        'build the model of layers alone, such as Rescaling and Multiply, or save it with tf_keras (TF_USE_LEGACY_KERAS=1)',
    );
  }
  return known.map(history => [...place(history, name => isModel(classes.get(name))), others]);
}

/** Where a tensor comes from. A model counts itself as its first node in Keras 2; in Keras 3 `uncounted` ones do not. */
function place([layer, node, output]: Json[], uncounted: (name: string) => boolean): Json[] {
  return [layer!, Number(node) + (uncounted(text(layer)) ? 1 : 0), output!];
}

/** The class of each layer and model. */
function classesByName(value: Json, classes = new Map<string, string>()): Classes {
  if (isDictionary(value) && typeof value.class_name === 'string' && isDictionary(value.config)) {
    classes.set(text(value.config.name), value.class_name);
  }
  if (typeof value === 'object' && value !== null) Object.values(value).forEach(one => classesByName(one, classes));
  return classes;
}

/** The name of a weight without the models that its layer is in. */
function weightName(path: string, classes: Classes): string {
  const parts = path.split('/');
  while (parts.length > 2 && isModel(classes.get(parts[0]!))) parts.shift();
  if (classes.get(parts[0]!) === 'DepthwiseConv2D' && parts[1] === 'kernel') parts[1] = 'depthwise_kernel';
  return parts.join('/');
}

function isModel(className: string | undefined): boolean {
  return className === 'Functional' || className === 'Sequential';
}

function isDictionary(value: Json | undefined): value is Dictionary {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(value: Json | undefined): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
