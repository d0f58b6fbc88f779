import * as tf from '@tensorflow/tfjs';

type Shape = (number | null)[];

/** A use of a layer in a model. Values are told apart by numbers. */
export interface LayerCall {
  layer: tf.layers.Layer;
  inputs: number[];
  outputs: number[];
}

/** The uses of layers that a model is made of, in an order in which they can run. */
export interface LayerGraph {
  calls: LayerCall[];
  /** The values that the model is given. */
  inputs: number[];
  /** The value that it gives. */
  output: number;
}

/** Whether a layer is a model that does what its layers do, rather than what a class of one's own has it do. */
function isMadeOfLayers(layer: tf.layers.Layer): layer is tf.LayersModel {
  return layer.constructor === tf.LayersModel || layer.constructor === tf.Sequential;
}

/** The graph of a model with one output, the layers of models within it among its own; undefined for a class of one's own. */
export function layerGraph(model: tf.LayersModel): LayerGraph | undefined {
  if (!isMadeOfLayers(model)) return undefined;
  const calls: LayerCall[] = [];
  let values = 0;
  const outputsOf = (model: tf.LayersModel, inputs: number[]): number[] => {
    const numbers = new Map(model.inputs.map(({id}, i) => [id, inputs[i]!]));
    const numberOf = ({id, sourceLayer: layer, nodeIndex}: tf.SymbolicTensor): number => {
      if (!numbers.has(id)) {
        const {inputTensors, outputTensors} = layer.inboundNodes[nodeIndex]!;
        const given = inputTensors.map(numberOf);
        const within = isMadeOfLayers(layer);
        const outputs = within ? outputsOf(layer, given) : outputTensors.map(() => values++);
        if (!within) calls.push({layer, inputs: given, outputs});
        outputTensors.forEach((tensor, i) => numbers.set(tensor.id, outputs[i]!));
      }
      return numbers.get(id)!;
    };
    return model.outputs.map(numberOf);
  };
  const inputs = model.inputs.map(() => values++);
  return {calls, inputs, output: outputsOf(model, inputs)[0]!};
}

/** The values of a model's tensors, as far as they are known. */
export type Values = Map<number, tf.Tensor>;

/** Runs a layer on known values, in training mode or not, and adds what it gives. */
export function runCall({layer, inputs, outputs}: LayerCall, values: Values, training = true): void {
  const result = layer.apply(
    inputs.map(id => values.get(id)!),
    {training},
  ) as tf.Tensor | tf.Tensor[];
  [result].flat().forEach((value, i) => values.set(outputs[i]!, value));
}

/** For inputs of these shapes, how many numbers each call gives. */
export function sizesOf({calls, inputs}: LayerGraph, shapes: number[][]): number[] {
  const known = new Map<number, Shape>(inputs.map((id, i) => [id, shapes[i]!]));
  return calls.map(({layer, inputs, outputs}) => {
    const own = inputs.map(id => known.get(id)!);
    const result = layer.computeOutputShape(own.length === 1 ? own[0]! : own);
    const all = (Array.isArray(result[0]) ? result : [result]) as Shape[];
    all.forEach((shape, i) => known.set(outputs[i]!, shape));
    return all.reduce((sum, shape) => sum + shape.reduce<number>((product, size) => product * (size ?? 1), 1), 0);
  });
}
