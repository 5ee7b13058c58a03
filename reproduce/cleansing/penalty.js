// The penalty of a logistic regression by cross-validation, as scikit-learn's LogisticRegressionCV chooses it by default.
import { kFold } from "../../dist/data/split.js";
import { cholesky, matrix } from "../../dist/numeric/index.js";

/** The inverse penalties tried: 1e-4 to 1e4. */
const strengths = Array.from({ length: 10 }, (_, i) => 10 ** (-4 + (8 * i) / 9));

/**
 * alpha of alpha/2 |parameters|^2 in the loss of each row: 1 / (C rows) for the C whose models, without intercept, are right
 * most often over five folds; the smallest such C.
 *
 * @param {{ x: { data: Float64Array, shape: readonly number[] }, y: { data: BigInt64Array } }} examples
 */
export function crossValidatedPenalty({ x, y }, stream) {
  const [rows] = x.shape;
  const products = gram(x);
  const classes = Array.from(y.data, Number);
  const folds = kFold({ rows, folds: 5, stratify: classes, stream });
  const accuracies = strengths.map((strength) => {
    const shares = folds.map(({ train, test }) => {
      const weights = coefficients(products, { rows, classes, train, strength });
      const right = test.filter((row) => {
        const logit = train.reduce((sum, other, k) => sum + weights[k] * products[row * rows + other], 0);
        return logit > 0 === (classes[row] === 1);
      });
      return right.length / test.length;
    });
    return shares.reduce((a, b) => a + b, 0);
  });
  const best = accuracies.indexOf(Math.max(...accuracies));
  return 1 / (strengths[best] * rows);
}

/** X Xᵀ. */
function gram({ data, shape: [rows, width] }) {
  const out = new Float64Array(rows * rows);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j <= i; j++) {
      let sum = 0;
      for (let k = 0; k < width; k++) sum += data[i * width + k] * data[j * width + k];
      out[i * rows + j] = sum;
      out[j * rows + i] = sum;
    }
  return out;
}

/**
 * The coefficients of the training rows in the minimum of strength Σ loss + |w|²/2, by Newton's method: C. E. Rasmussen,
 * C. K. I. Williams, "Gaussian Processes for Machine Learning", 2006, algorithm 3.1.
 */
function coefficients(products, { rows, classes, train, strength }) {
  const n = train.length;
  const kernel = Float64Array.from({ length: n * n }, (_, at) => {
    return products[train[Math.floor(at / n)] * rows + train[at % n]];
  });
  const times = (v) =>
    Float64Array.from({ length: n }, (_, i) => {
      let sum = 0;
      for (let j = 0; j < n; j++) sum += kernel[i * n + j] * v[j];
      return sum;
    });
  let [logits, weights] = [new Float64Array(n), new Float64Array(n)];
  for (let step = 0; step < 100; step++) {
    const right = logits.map((logit) => 1 / (1 + Math.exp(-logit)));
    const roots = right.map((p) => Math.sqrt(strength * p * (1 - p)));
    const b = logits.map((logit, i) => roots[i] ** 2 * logit + strength * (classes[train[i]] - right[i]));
    const system = Float64Array.from(kernel, (value, at) => {
      const [i, j] = [Math.floor(at / n), at % n];
      return roots[i] * value * roots[j] + (i === j ? 1 : 0);
    });
    const scaled = times(b).map((value, i) => roots[i] * value);
    const solution = cholesky(matrix(n, n, system)).solve(scaled);
    weights = b.map((value, i) => value - roots[i] * solution[i]);
    const next = times(weights);
    const moved = Math.max(...next.map((value, i) => Math.abs(value - logits[i])));
    logits = next;
    if (moved < 1e-6 * Math.max(1, ...logits.map(Math.abs))) break;
  }
  return weights;
}
