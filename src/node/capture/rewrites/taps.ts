/*
 * A window, a convolution's filter along one axis, as another one whose taps are sums of its own: matrices with a row for
 * each new tap and a column for each old one.
 */

/**
 * The window that in steps of 2, as the transpose of a convolution, gives what a window of an odd number of taps gives on
 * an image of which every pixel is there twice. Out of line y[p] = sum_t w[t] x[floor((p + t - m) / 2)], m the middle,
 * x[i] adds to y[p] by the two taps t with floor((p + t - m) / 2) = i, which are neighbours: for a window of n taps,
 * new[u] = w[n - 1 - u] + w[n - u], where those exist, u = p - 2i + m.
 */
export function doubledTaps(taps: number): number[][] {
  return rows(taps + 1, taps, (u, t) => t === taps - 1 - u || t === taps - u);
}

/**
 * Two windows, each one tap longer, that in steps of 2 give the even and the odd pixels of what a window gives: the window
 * itself, and itself moved by one.
 */
export function pairedTaps(taps: number): [number[][], number[][]] {
  return [rows(taps + 1, taps, (u, t) => u === t), rows(taps + 1, taps, (u, t) => u === t + 1)];
}

/** A window back to front. */
export function reversedTaps(matrix: number[][]): number[][] {
  return matrix.map(row => [...row].reverse());
}

/** The matrix of a two-dimensional window from those of its rows and of its columns (the Kronecker product). */
export function inTwoDimensions(vertical: number[][], horizontal: number[][]): number[][] {
  return vertical.flatMap(a => horizontal.map(b => a.flatMap(x => b.map(y => x * y))));
}

function rows(height: number, width: number, isOne: (row: number, column: number) => boolean): number[][] {
  return Array.from({length: height}, (_, row) =>
    Array.from({length: width}, (_, column) => Number(isOne(row, column))),
  );
}
