import type {LayerGraph} from './layer-graph.js';
import {sizesOf} from './layer-graph.js';

/** Calls of a layer graph from `start` to before `end`. */
export interface Segment {
  start: number;
  end: number;
  /** The only value that is used later; undefined where the calls are not recomputed, and all they give may be. */
  output?: number;
  /** The values that it takes from outside. */
  inputs: number[];
}

/** How many sizes of a segment are tried, each a root of 2 smaller than the one before. */
const LIMITS = 24;

/**
 * Cuts a model into segments between which the values are kept, while those within are computed again where they are
 * needed: so that what is kept and the largest segment together are small. A model of n alike layers becomes about
 * sqrt(n) segments. Only where a single value goes on is there a cut: between residual blocks, not within a dense block.
 *
 * Chen et al., "Training Deep Nets with Sublinear Memory Cost", 2016, https://arxiv.org/abs/1604.06174
 *
 * @param isRecomputable whether a call may be run again.
 */
export function segmentsOf(graph: LayerGraph, shapes: number[][], isRecomputable: boolean[]): Segment[] {
  const sizes = sizesOf(graph, shapes);
  const count = graph.calls.length;
  const lastUse = new Map([[graph.output, count]]);
  graph.calls.forEach(({inputs}, i) => {
    for (const id of inputs) lastUse.set(id, Math.max(i, lastUse.get(id) ?? 0));
  });

  /** For each end, the start of the segment that ends there, if none is larger than the limit; and the memory of it all. */
  const cut = (limit: number): {memory: number; starts: number[]} => {
    const memory = [0, ...Array<number>(count).fill(Infinity)];
    const starts = Array<number>(count + 1).fill(0);
    const consider = (start: number, end: number, kept: number) => {
      if (memory[start]! + kept >= memory[end]!) return;
      memory[end] = memory[start]! + kept;
      starts[end] = start;
    };
    for (let start = 0; start < count; start++) {
      consider(start, start + 1, sizes[start]!);
      let size = 0;
      // The calls of the segment so far whose results are used after it.
      let open: number[] = [];
      for (let i = start; i < count && isRecomputable[i]; i++) {
        size += sizes[i]!;
        if (size > limit) break;
        open = [...open, i].filter(call => graph.calls[call]!.outputs.some(id => (lastUse.get(id) ?? 0) > i));
        const single = open.length === 1 && graph.calls[open[0]!]!.outputs.length === 1;
        if (single) consider(start, i + 1, sizes[open[0]!]!);
      }
    }
    return {memory: memory[count]! + limit, starts};
  };

  const total = sizes.reduce((sum, size) => sum + size, 0);
  const tried = Array.from({length: LIMITS}, (_, i) => cut(total / 2 ** (i / 2)));
  const {starts} = tried.reduce((best, one) => (one.memory < best.memory ? one : best));
  const segments: Segment[] = [];
  for (let end = count; end > 0; end = starts[end]!) segments.unshift(segment(graph, lastUse, starts[end]!, end));
  return segments;
}

function segment({calls}: LayerGraph, lastUse: Map<number, number>, start: number, end: number): Segment {
  const own = calls.slice(start, end);
  const made = new Set(own.flatMap(({outputs}) => outputs));
  const inputs = [...new Set(own.flatMap(call => call.inputs))].filter(id => !made.has(id));
  const used = [...made].filter(id => (lastUse.get(id) ?? 0) >= end);
  return {start, end, inputs, ...(end - start > 1 && {output: used[0]!})};
}
