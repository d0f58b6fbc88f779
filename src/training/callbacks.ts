import * as tf from '@tensorflow/tfjs';
import type {OptionNames} from '../options.js';
import {requireKnownOptions} from '../options.js';

/**
 * What is called while a network trains, as in `tf.LayersModel.fitDataset`: functions by name, or a `tf.Callback` such as
 * `tf.callbacks.earlyStopping()`.
 *
 * @example
 * const callbacks: Callbacks = {onEpochEnd: (epoch, logs) => console.log(epoch, logs)};
 */
// Of a tf.Callback only what tells it apart: were its methods named here too, the functions' parameters would have no type.
export type Callbacks = tf.CustomCallbackArgs | Pick<tf.Callback, 'setModel' | 'setParams'>;

const CALLBACK_NAMES: OptionNames<tf.CustomCallbackArgs> = {
  onTrainBegin: true,
  onTrainEnd: true,
  onEpochBegin: true,
  onEpochEnd: true,
  onBatchBegin: true,
  onBatchEnd: true,
  onYield: true,
  nowFunc: true,
  nextFrameFunc: true,
};

/** The callbacks that were given, `history` last, as the list that a training loop drives. */
export function callbackList(
  given: Callbacks | Callbacks[] | undefined,
  history: tf.History,
  model: tf.LayersModel,
): tf.CallbackList {
  const wanted = given === undefined ? [] : Array.isArray(given) ? given : [given];
  const list = new tf.CallbackList([...wanted.map(asCallback), history]);
  list.setModel(model);
  return list;
}

function asCallback(one: Callbacks): tf.Callback | tf.CustomCallback {
  if (typeof (one as Partial<tf.Callback> | null)?.setModel === 'function') return one as tf.Callback;
  const functions = one as tf.CustomCallbackArgs;
  requireKnownOptions('GAN.fitDataset callbacks', functions, CALLBACK_NAMES);
  // The loop yields by itself; tfjs has a callback that asks for it told, by yielding too.
  return new tf.CustomCallback(functions, functions.onYield ? 'auto' : 'never');
}
