/** One tile along an axis: what is used of it, and what the model sees. */
export interface Span {
  begin: number;
  end: number;
  seenBegin: number;
  seenEnd: number;
}

/**
 * Cuts an axis into as many tiles as it takes for none to be larger than `tile`. Of each, the model sees equally much, so that
 * what is computed for one can be computed for all: `overlap` more on either side, or all there is up to the axis' end.
 *
 * @param size a multiple of `step`, as is where what is seen begins and ends.
 */
export function tileSpans(size: number, tile: number, overlap: number, step: number): Span[] {
  const count = Math.ceil(size / tile);
  const around = Math.ceil(overlap / step) * step;
  const seen = Math.min(size, Math.ceil((size + 2 * around * (count - 1)) / count / step) * step);
  const seenBegin = (i: number) => (count === 1 ? 0 : Math.floor((i * (size - seen)) / (count - 1) / step) * step);
  // In the middle of what two tiles both see; where all see everything, in equal parts.
  const border = (i: number) => {
    if (i === 0) return 0;
    if (i === count || seen === size) return Math.floor((i * size) / count);
    return Math.floor((seenBegin(i) + seenBegin(i - 1) + seen) / 2);
  };
  return Array.from({length: count}, (_, i) => ({
    begin: border(i),
    end: border(i + 1),
    seenBegin: seenBegin(i),
    seenEnd: seenBegin(i) + seen,
  }));
}
