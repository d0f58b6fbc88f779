/**
 * The axes an average runs over.
 *
 * | axis | averages over | for logits `[N, 1]` | for a patch map `[N, H, W, 1]` |
 * |---|---|---|---|
 * | `'batch'` | axis 0 | one number | a map `[1, H, W, 1]` |
 * | `'spatial'` | every axis but 0 and the last | each logit its own | each image's own, `[N, 1, 1, 1]` |
 * | `'all'` | everything | one number | one number |
 * | a number or several | these axes, negative ones from the end | | |
 */
export type Axis = 'batch' | 'spatial' | 'all' | number | number[];

/** Refuses an `axis` that is none of its forms. */
export function requireAxis(owner: string, axis: Axis): void {
  const named = axis === 'batch' || axis === 'spatial' || axis === 'all';
  const numbers = Array.isArray(axis) ? axis : [axis];
  if (!named && (numbers.length === 0 || !numbers.every(Number.isInteger))) {
    throw new Error(
      `${owner}: axis must be 'batch', 'spatial', 'all', a whole number or several, but it is ${JSON.stringify(axis)}.`,
    );
  }
}

/** The axes from 0 up that `axis` means for logits of this rank. */
export function axesOf(owner: string, axis: Axis, rank: number): number[] {
  const every = Array.from({length: rank}, (_, i) => i);
  if (axis === 'batch') return [0];
  if (axis === 'spatial') return every.slice(1, -1);
  if (axis === 'all') return every;
  const axes = (Array.isArray(axis) ? axis : [axis]).map(one => {
    if (one < -rank || one >= rank) {
      throw new Error(`${owner}: axis ${one} is out of range for logits of rank ${rank}; use -${rank} to ${rank - 1}.`);
    }
    return one < 0 ? one + rank : one;
  });
  return [...new Set(axes)].sort((a, b) => a - b);
}
