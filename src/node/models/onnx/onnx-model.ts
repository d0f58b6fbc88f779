import * as tf from '@tensorflow/tfjs';
import {modelScale} from '../../../images/model-scale.js';
import {GraphBuilder} from './graph-builder.js';
import {CONVERTERS} from './layers.js';
import {onnxFile} from './proto.js';

/**
 * A super-resolution model as an ONNX file: from `input`, `[batch, 3, height, width]`, to `output`, `[batch, 3, s * height,
 * s * width]`, float32, with any batch, height and width.
 *
 * @throws the layer that cannot be written, by its name.
 */
export async function onnxModelFile(model: tf.LayersModel, weights: 'float32' | 'float16'): Promise<Uint8Array> {
  modelScale(model);
  const graph = new GraphBuilder(weights, ['input', 'output']);
  const [made] = await convertModel(graph, model, ['input']);
  graph.rename(made!, 'output');
  return onnxFile({
    name: model.name,
    nodes: graph.nodes,
    constants: graph.constants,
    input: {name: 'input', shape: ['batch', 3, 'height', 'width']},
    output: {name: 'output', shape: ['batch', 3, 'output_height', 'output_width']},
  });
}

/** Adds a model's layers to the graph, and those of the models inside it; returns what makes its outputs. */
async function convertModel(graph: GraphBuilder, model: tf.LayersModel, inputs: string[]): Promise<string[]> {
  const values = new Map(model.inputs.map((tensor, i) => [tensor.id, inputs[i]!]));
  const valueOf = async (tensor: tf.SymbolicTensor): Promise<string> => {
    const known = values.get(tensor.id);
    if (known !== undefined) return known;
    const layer = tensor.sourceLayer;
    const {inputTensors, outputTensors} = layer.inboundNodes[tensor.nodeIndex]!;
    const sources = await inOrder(inputTensors, valueOf);
    const made =
      layer instanceof tf.LayersModel
        ? await convertModel(graph, layer, sources)
        : [await convert(graph, layer, sources)];
    outputTensors.forEach(({id}, i) => values.set(id, made[i]!));
    return values.get(tensor.id)!;
  };
  return inOrder(model.outputs, valueOf);
}

/** One after the other: a later one may need what an earlier one has made. */
async function inOrder<T, U>(items: T[], make: (item: T) => Promise<U>): Promise<U[]> {
  const made: U[] = [];
  for (const item of items) made.push(await make(item));
  return made;
}

async function convert(graph: GraphBuilder, layer: tf.layers.Layer, inputs: string[]): Promise<string> {
  const kind = layer.getClassName();
  const refused = (reason: string, cause?: unknown) =>
    new Error(`its layer ${layer.name} (${kind}) cannot be written as ONNX: ${reason}`, {cause});
  const converter = Object.hasOwn(CONVERTERS, kind) ? CONVERTERS[kind] : undefined;
  if (!converter) throw refused(`only ${Object.keys(CONVERTERS).join(', ')} can`);
  try {
    return await converter(graph, layer, inputs);
  } catch (error) {
    throw refused((error as Error).message, error);
  }
}
