/** One tile along an axis: what is used of it, and what the model sees. */
export interface Span {
  begin: number;
  end: number;
  seenBegin: number;
  seenEnd: number;
}

/**
 * Cuts an axis into tiles of nearly equal size, at most `tile`, which see `overlap` more on either side. What they see
 * begins and ends at multiples of `step`, or where the axis does.
 */
export function tileSpans(size: number, tile: number, overlap: number, step: number): Span[] {
  const count = Math.ceil(size / tile);
  return Array.from({length: count}, (_, i) => {
    const begin = Math.floor((i * size) / count);
    const end = Math.floor(((i + 1) * size) / count);
    return {
      begin,
      end,
      seenBegin: Math.floor(Math.max(0, begin - overlap) / step) * step,
      seenEnd: Math.min(size, Math.ceil((end + overlap) / step) * step),
    };
  });
}
