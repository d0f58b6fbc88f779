import * as tf from '@tensorflow/tfjs';
import type {Inputs} from './inputs.js';
import {listOf} from './inputs.js';
import {isRepeatable} from './inspect-critic.js';
import type {LayerGraph, Values} from './layer-graph.js';
import {layerGraph, runCall} from './layer-graph.js';
import {LayerState} from './layer-state.js';
import {onOwnTape} from './own-tape.js';
import type {Segment} from './segments.js';
import {segmentsOf} from './segments.js';
import {runAfter} from './step-capture.js';
import type {Objective} from './step.js';
import {forward} from './step.js';

/** How the generator runs on a gradient tape. */
export function generatorForward({recompute = false}: Objective): typeof forward {
  return recompute ? forwardToRecompute : forward;
}

/** Whether a layer makes a mask, which the layers after it are given by their model alone. */
function masks(layer: tf.layers.Layer): boolean {
  return layer.getClassName() === 'Masking' || (layer as {maskZero?: boolean}).maskZero === true;
}

/** A model in segments, for inputs of one shape. */
interface Plan {
  graph: LayerGraph;
  segments: Segment[];
}

/** By the inputs' shapes; undefined for a model that has to run as a whole. */
const plans = new WeakMap<tf.LayersModel, Map<string, Plan | undefined>>();

/**
 * A model's output for a batch, in training mode, of which the gradient tape keeps no more than what passes from one
 * segment of the model to the next (see `segmentsOf`): a backward pass computes each segment once more, just before its
 * gradients. The numbers are the same. Layers that are not known to give the same again run once, and the tape keeps what
 * they need, as do models with masks or with a class of one's own.
 */
export function forwardToRecompute(model: tf.LayersModel, inputs: Inputs): tf.Tensor {
  const plan = planOf(model, listOf(inputs));
  if (!plan) return forward(model, inputs);
  const {graph, segments} = plan;
  const values: Values = new Map(graph.inputs.map((id, i) => [id, listOf(inputs)[i]!]));
  for (const segment of segments) {
    const {start, end, output} = segment;
    if (output === undefined) for (const call of graph.calls.slice(start, end)) runCall(call, values);
    else values.set(output, runToRecompute(graph, {...segment, output}, values));
  }
  return values.get(graph.output)!;
}

function planOf(model: tf.LayersModel, inputs: tf.Tensor[]): Plan | undefined {
  const shapes = inputs.map(({shape}) => shape);
  const key = JSON.stringify(shapes);
  if (!plans.has(model)) plans.set(model, new Map());
  const known = plans.get(model)!;
  if (!known.has(key)) {
    const graph = layerGraph(model);
    const layers = graph?.calls.map(({layer}) => layer) ?? [];
    const isWhole = !graph || layers.some(masks);
    known.set(key, isWhole ? undefined : {graph, segments: segmentsOf(graph, shapes, layers.map(isRepeatable))});
  }
  return known.get(key);
}

/** The output of a segment; `values` are what it takes, by their numbers. */
function runToRecompute(graph: LayerGraph, segment: Required<Segment>, values: Values): tf.Tensor {
  const {inputs, output} = segment;
  const calls = graph.calls.slice(segment.start, segment.end);
  const layers = [...new Set(calls.map(({layer}) => layer))];
  const weights = layers.flatMap(({trainableWeights}) => trainableWeights.map(weight => weight.read() as tf.Variable));
  const state = new LayerState(layers);
  // What the model itself is given needs no gradient.
  const needsGradient = inputs.map(id => !graph.inputs.includes(id));
  const run = (given: tf.Tensor[]) => {
    const own: Values = new Map(inputs.map((id, i) => [id, given[i]!]));
    for (const call of calls) runCall(call, own);
    return own.get(output)!;
  };
  const compute = (...all: (tf.Tensor | tf.GradSaveFunc)[]) => {
    const given = all.slice(0, inputs.length) as tf.Tensor[];
    (all.at(-1) as tf.GradSaveFunc)([...given, ...state.values()]);
    const gradFunc = (dy: tf.Tensor, saved: tf.Tensor[]) =>
      tf.tidy(() => {
        const again = saved.slice(0, inputs.length).map(value => runAfter(value, dy));
        const found = saved.slice(inputs.length);
        const asked = [...again.filter((_, i) => needsGradient[i]), ...weights];
        const recompute = () => state.around(() => run(again), found).result;
        const gradients = () => tf.engine().gradients(recompute, asked, dy, true).grads as (tf.Tensor | undefined)[];
        const grads = tf.engine().state.gradientDepth === 0 ? onOwnTape(gradients) : gradients();
        const ofInputs = again.map(
          (value, i) => (needsGradient[i] ? grads.shift() : undefined) ?? tf.zeros(value.shape),
        );
        return [...ofInputs, ...weights.map((weight, i) => grads[i] ?? tf.zerosLike(weight))];
      });
    return {value: run(given), gradFunc};
  };
  return tf.customGrad(compute)(...inputs.map(id => values.get(id)!), ...weights);
}
