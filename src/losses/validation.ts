import * as tf from '@tensorflow/tfjs';
import type {Criterion} from './criterion.js';
import {requireOneOf} from '../options.js';
import {criterionPenalties} from './criterion.js';

const shapeText = (tensor: tf.Tensor) => `[${tensor.shape.join(', ')}]`;

export function requireCriterion(owner: string, criterion: Criterion): void {
  requireOneOf(owner, 'criterion', criterion, Object.keys(criterionPenalties));
}

export function requireReduction(owner: string, reduction: tf.Reduction): void {
  const {NONE, MEAN, SUM, SUM_BY_NONZERO_WEIGHTS} = tf.Reduction;
  if (![NONE, MEAN, SUM, SUM_BY_NONZERO_WEIGHTS].includes(reduction)) {
    throw new Error(
      `${owner}: reduction must be a tf.Reduction, such as tf.Reduction.MEAN, but it is ${String(reduction)}.`,
    );
  }
}

/** Refuses a pair of logits that cannot be compared: see each message. */
export function requireLogits(owner: string, realLogits: tf.Tensor, fakeLogits: tf.Tensor): void {
  for (const [name, logits] of Object.entries({realLogits, fakeLogits})) {
    if (!Array.isArray((logits as tf.Tensor | undefined)?.shape)) {
      throw new Error(`${owner}: ${name} must be a tf.Tensor of logits, but it is ${typeof logits}.`);
    }
    if (logits.dtype !== 'float32') {
      throw new Error(
        `${owner}: ${name} must be of dtype float32, but it is ${logits.dtype}; convert it with .toFloat().`,
      );
    }
    if (logits.rank === 0) {
      throw new Error(`${owner}: ${name} must have a batch axis, but it is a scalar; give it the shape [batch, ...].`);
    }
    if (logits.size === 0) {
      throw new Error(`${owner}: ${name} must hold at least one logit, but its shape is ${shapeText(logits)}.`);
    }
  }
  if (!tf.util.arraysEqual(realLogits.shape, fakeLogits.shape)) {
    throw new Error(
      `${owner}: realLogits and fakeLogits must have the same shape, but they are ${shapeText(realLogits)} and ` +
        `${shapeText(fakeLogits)}; reshape one of them, or judge as many real samples as fake ones.`,
    );
  }
}

/** Refuses a sample weight that does not broadcast to the shape of the logits. */
export function requireSampleWeight(owner: string, weight: tf.Tensor, logits: tf.Tensor): void {
  if (!Array.isArray((weight as Partial<tf.Tensor>).shape)) {
    throw new Error(
      `${owner}: sampleWeight must be a tf.Tensor, but it is ${Array.isArray(weight) ? 'an array; make one with tf.tensor()' : typeof weight}.`,
    );
  }
  const offset = logits.rank - weight.rank;
  const fits = offset >= 0 && weight.shape.every((size, i) => size === 1 || size === logits.shape[i + offset]);
  if (!fits) {
    throw new Error(
      `${owner}: sampleWeight must broadcast to the shape of the logits, ${shapeText(logits)}, but its shape is ` +
        `${shapeText(weight)}; for one weight per sample give it the shape [batch${', 1'.repeat(logits.rank - 1)}].`,
    );
  }
}
