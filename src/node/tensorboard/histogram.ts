/** How often values fall between limits, as TensorBoard's HistogramProto has it. */
export interface Histogram {
  /** The least and the greatest of the values. */
  min: number;
  max: number;
  /** How many values there are, their sum and that of their squares. */
  count: number;
  sum: number;
  sumOfSquares: number;
  /** The upper limit of each bucket, which begins where the one before it ends, and how many values are in it. */
  limits: number[];
  counts: number[];
}

/** As many as TensorBoard's own summaries have. */
const BUCKETS = 30;

/**
 * Counts values in buckets of one width between the least and the greatest; what is not finite is left out, and of no
 * values there is no histogram.
 */
export function histogramOf(values: ArrayLike<number>, buckets = BUCKETS): Histogram | undefined {
  const finite = Float64Array.from(values).filter(Number.isFinite);
  if (finite.length === 0) return undefined;
  const [first] = finite;
  let [min, max, sum, sumOfSquares] = [first!, first!, 0, 0];
  for (const value of finite) {
    min = Math.min(min, value);
    max = Math.max(max, value);
    sum += value;
    sumOfSquares += value * value;
  }
  const all = {min, max, count: finite.length, sum, sumOfSquares};
  if (min === max) return {...all, limits: [max], counts: [finite.length]};
  const width = (max - min) / buckets;
  const counts = new Array<number>(buckets).fill(0);
  for (const value of finite) counts[Math.min(buckets - 1, Math.floor((value - min) / width))]!++;
  return {...all, limits: counts.map((_, i) => (i === buckets - 1 ? max : min + (i + 1) * width)), counts};
}
