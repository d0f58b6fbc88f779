import type * as tf from '@tensorflow/tfjs';
import type {Gradients} from './step.js';
import {innermost} from './step.js';

/** The variables of a model's trainable weights, in order. */
export function trainableVariables(model: tf.LayersModel): tf.Variable[] {
  // `read` returns the variable itself; its declared type is the wider one.
  return model.trainableWeights.map(weight => weight.read() as tf.Variable);
}

/** A model's weights in the order of its layers: its own lists depend on what is trainable. */
export function layerWeights(model: tf.LayersModel): tf.LayersModel['weights'] {
  return [...new Set(innermost(model))].flatMap(layer => layer.weights);
}

/** The gradients of `variables` out of a map that may hold others', without those that have none. */
export function gradientsOf(variables: tf.Variable[], gradients: tf.NamedTensorMap): Gradients {
  const own: tf.NamedTensorMap = {};
  for (const {name} of variables) {
    const gradient = (gradients as Record<string, tf.Tensor | null | undefined>)[name];
    if (gradient) own[name] = gradient;
  }
  return own as Gradients;
}
