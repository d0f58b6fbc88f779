import type {Recording} from '../recording.js';
import {fewChannels} from './few-channels.js';
import {partlyUsedGradient} from './partly-used-gradient.js';
import {rewrite} from './rewriter.js';
import {upsampledConvolution} from './upsampled-convolution.js';

/** Where a step runs. */
export interface Device {
  isGpu: boolean;
  /** Whether its vectors have 512 bits. */
  hasAvx512: boolean;
}

/** The same step, to rounding, by ops that take less time where it runs. */
export function lighter(recording: Recording, {isGpu, hasAvx512}: Device): Recording {
  const rules = [
    partlyUsedGradient,
    ...(isGpu ? [] : [upsampledConvolution]),
    ...(isGpu || !hasAvx512 ? [] : [fewChannels]),
  ];
  return rules.reduce(rewrite, recording);
}
