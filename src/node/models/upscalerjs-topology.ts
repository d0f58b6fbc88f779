import type * as tf from '@tensorflow/tfjs';

/** The values that stand for white in what a model takes and makes. */
export interface ValueRange {
  input: number;
  output: number;
}

interface LayerJson {
  class_name: string;
  name: string;
  config: Record<string, unknown>;
  inbound_nodes: [name: string, node: number, tensor: number, settings: object][][];
}
interface FunctionalJson {
  layers: LayerJson[];
  input_layers: [string, number, number][];
  output_layers: [string, number, number][];
}

/** The names of two layers between which UpscalerJS's residual dense networks lie, which take and make 0 to 255. */
const RESIDUAL_DENSE = {first: 'LR', last: 'SR', within: 'F_m1'};

/**
 * Says a model of UpscalerJS in layers that TensorFlow.js and this package have: its `MultiplyBeta` is a Rescaling by 0.2, its
 * `PixelShuffle4x` a PixelShuffle. A model for values up to 255 gets a Rescaling on either side, so that it is one from [0, 1]
 * to [0, 1] like every other. Anything else stays as it is.
 *
 * @param range of the model, where that is known; else it is told by its layers.
 * @throws if the range is none of a model with one input and one output.
 */
export function translateUpscalerJs(json: tf.io.ModelJSON, range?: ValueRange): tf.io.ModelJSON {
  const topology = json.modelTopology as {model_config?: object};
  const model = (topology.model_config ?? topology) as {class_name?: string; config?: FunctionalJson};
  const config = model.config;
  if (config?.input_layers?.length !== 1 || config.output_layers.length !== 1) {
    if (range === undefined || (range.input === 1 && range.output === 1)) return json;
    throw new Error('its values go up to 255, and it is no functional model with one input and one output');
  }
  const {input, output} = range ?? ownRange(config);
  const layers = config.layers.map(translateLayer);
  const translated = {...config, layers};
  if (input !== 1) scaleInput(translated, input);
  if (output !== 1) scaleOutput(translated, 1 / output);
  return {...json, modelTopology: {...model, config: translated}};
}

function ownRange({layers}: FunctionalJson): ValueRange {
  const {first, last, within} = RESIDUAL_DENSE;
  const names = layers.map(({name}) => name);
  const isResidualDense = names[0] === first && names.at(-1) === last && names.includes(within);
  return isResidualDense ? {input: 255, output: 255} : {input: 1, output: 1};
}

function translateLayer(layer: LayerJson): LayerJson {
  const {class_name: className, config} = layer;
  if (className === 'MultiplyBeta') {
    return {...layer, class_name: 'Rescaling', config: {...own(config), scale: config.beta ?? 0.2, offset: 0}};
  }
  const [, scale] = /^PixelShuffle(\d+)x$/.exec(className) ?? [];
  if (scale === undefined) return layer;
  return {...layer, class_name: 'PixelShuffle', config: {...own(config), scale: Number(scale)}};
}

/** The settings that every layer has. */
function own(config: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(config).filter(([key]) => ['name', 'trainable', 'dtype'].includes(key)));
}

/** Puts a Rescaling between the input and all that uses it. */
function scaleInput(model: FunctionalJson, scale: number): void {
  const [[input] = [undefined]] = model.input_layers;
  const name = 'from_unit_range';
  const users = model.layers.map(layer => ({
    ...layer,
    inbound_nodes: layer.inbound_nodes.map(node =>
      node.map(([from, ...rest]): (typeof node)[number] => [from === input ? name : from, ...rest]),
    ),
  }));
  const at = users.findIndex(layer => layer.name === input) + 1;
  model.layers = [...users.slice(0, at), rescaling(name, scale, input!), ...users.slice(at)];
}

function scaleOutput(model: FunctionalJson, scale: number): void {
  const [[output] = [undefined]] = model.output_layers;
  const name = 'to_unit_range';
  model.layers = [...model.layers, rescaling(name, scale, output!)];
  model.output_layers = [[name, 0, 0]];
}

function rescaling(name: string, scale: number, from: string): LayerJson {
  return {class_name: 'Rescaling', name, config: {name, scale, offset: 0}, inbound_nodes: [[[from, 0, 0, {}]]]};
}
