// The Fréchet distance between two sets of features, each taken as a normal distribution (Heusel et al., 2017).

/**
 * |a - b|^2 + trace(A + B - 2 (A B)^(1/2)), with a, b the means and A, B the covariances of the rows.
 * Each set is an array of rows, one for each sample.
 */
export function frechetDistance(first, second) {
  const [a, b] = [moments(first), moments(second)];
  const shift = a.mean.reduce((sum, value, i) => sum + (value - b.mean[i]) ** 2, 0);
  // The trace of (A B)^(1/2) is that of (R B R)^(1/2) with R = A^(1/2), which is symmetric.
  const root = squareRoot(a.covariance);
  const middle = product(product(root, b.covariance), root);
  const cross = eigen(middle).values.reduce((sum, value) => sum + Math.sqrt(Math.max(0, value)), 0);
  return shift + trace(a.covariance) + trace(b.covariance) - 2 * cross;
}

function moments(rows) {
  const mean = rows[0].map((_, i) => rows.reduce((sum, row) => sum + row[i], 0) / rows.length);
  const entry = (i, j) =>
    rows.reduce((sum, row) => sum + (row[i] - mean[i]) * (row[j] - mean[j]), 0) / (rows.length - 1);
  return {mean, covariance: mean.map((_, i) => mean.map((_, j) => entry(i, j)))};
}

function trace(matrix) {
  return matrix.reduce((sum, row, i) => sum + row[i], 0);
}

function product(a, b) {
  return a.map(row => b[0].map((_, j) => row.reduce((sum, value, k) => sum + value * b[k][j], 0)));
}

/** Of a symmetric matrix without negative eigenvalues. */
function squareRoot(matrix) {
  const {values, vectors} = eigen(matrix);
  const roots = values.map(value => Math.sqrt(Math.max(0, value)));
  return matrix.map((_, i) =>
    matrix.map((_, j) => roots.reduce((sum, root, k) => sum + vectors[i][k] * root * vectors[j][k], 0)),
  );
}

/** The eigenvalues of a symmetric matrix, and its eigenvectors as columns: Jacobi's rotations, 1846. */
function eigen(matrix) {
  const size = matrix.length;
  const a = matrix.map(row => [...row]);
  const vectors = a.map((_, i) => a.map((_, j) => (i === j ? 1 : 0)));
  const scale = trace(a) ** 2;
  for (let sweep = 0; sweep < 50; sweep++) {
    let off = 0;
    for (let p = 0; p < size; p++) {
      for (let q = p + 1; q < size; q++) {
        off += a[p][q] ** 2;
        if (a[p][q] !== 0) rotate(a, vectors, p, q);
      }
    }
    if (off <= 1e-24 * scale) break;
  }
  return {values: a.map((row, i) => row[i]), vectors};
}

/** Turns the axes p and q so that their entry becomes 0. */
function rotate(a, vectors, p, q) {
  const half = (a[q][q] - a[p][p]) / (2 * a[p][q]);
  const t = (half < 0 ? -1 : 1) / (Math.abs(half) + Math.hypot(half, 1));
  const c = 1 / Math.hypot(t, 1);
  const s = t * c;
  const turn = (row, i, j) => {
    [row[i], row[j]] = [c * row[i] - s * row[j], s * row[i] + c * row[j]];
  };
  for (const row of a) turn(row, p, q);
  for (let k = 0; k < a.length; k++) {
    [a[p][k], a[q][k]] = [c * a[p][k] - s * a[q][k], s * a[p][k] + c * a[q][k]];
  }
  for (const row of vectors) turn(row, p, q);
}
