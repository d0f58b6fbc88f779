import type {Kernel} from './kernel.js';

/** Sums the slices of x along its first axes by segment number; negative numbers are dropped. The gradient of gather. */
export const unsortedSegmentSum: Kernel = (inputs, attrs, backend) => {
  const x = inputs.x!;
  const segmentIds = inputs.segmentIds!;
  const numSegments = attrs.numSegments as number;
  const out = backend.makeOutput([numSegments, ...x.shape.slice(segmentIds.shape.length)], x.dtype);
  const values = backend.typedArrayFromHeap(x);
  const ids = backend.typedArrayFromHeap(segmentIds);
  const target = backend.typedArrayFromHeap(out);
  target.fill(0);
  const run = values.length / Math.max(1, ids.length);
  for (let i = 0; i < ids.length; i++) {
    const segment = ids[i]!;
    if (segment < 0 || segment >= numSegments) continue;
    for (let j = 0; j < run; j++) target[segment * run + j]! += values[i * run + j]!;
  }
  return out;
};
