import type {Recording} from '../recording.js';
import {fewChannels} from './few-channels.js';
import {partlyUsedGradient} from './partly-used-gradient.js';
import {rewrite} from './rewriter.js';
import {upsampledConvolution} from './upsampled-convolution.js';
import {winograd} from './winograd.js';

/** Where a step runs. */
export interface Device {
  isGpu: boolean;
  /** Whether its vectors have 512 bits. */
  hasAvx512: boolean;
  /** Whether its TensorFlow has the ops of `native/winograd_ops.cc`. */
  hasWinograd: boolean;
  /** How many threads one op may use. */
  threads: number;
}

/** The same step, to rounding, by ops that take less time where it runs. */
export function lighter(recording: Recording, {isGpu, hasAvx512, hasWinograd, threads}: Device): Recording {
  const rules = [partlyUsedGradient];
  if (!isGpu) {
    rules.push(upsampledConvolution);
    if (hasAvx512) rules.push(fewChannels);
    if (hasWinograd) rules.push(winograd(threads));
  }
  return rules.reduce(rewrite, recording);
}
