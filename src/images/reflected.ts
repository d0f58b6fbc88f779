/** The place of a row or column, reflected at the picture's first and last, which are not repeated, where it lies beyond. */
export function reflected(index: number, size: number): number {
  if (index < size) return index;
  if (size === 1) return 0;
  const period = 2 * (size - 1);
  return size - 1 - Math.abs((index % period) - (size - 1));
}
