/** Copies `length` floats. Unrolled, since a loop's own cost is most of it and a `set` costs as much as a hundred floats. */
export function copyRun(values: Float32Array, from: number, target: Float32Array, to: number, length: number): void {
  if (length > 128) {
    target.set(values.subarray(from, from + length), to);
    return;
  }
  const end = from + length;
  for (; from + 4 <= end; from += 4, to += 4) {
    target[to] = values[from]!;
    target[to + 1] = values[from + 1]!;
    target[to + 2] = values[from + 2]!;
    target[to + 3] = values[from + 3]!;
  }
  for (; from < end; from++, to++) target[to] = values[from]!;
}
