import { norm } from "../linear-algebra/vector.ts";
import { studentDistribution } from "../special/incomplete-beta.ts";
import { normalDistribution } from "../special/normal.ts";
import { rank, sortedOrder } from "./ranks.ts";
import { checkPairs } from "./sample.ts";

/** How strongly two columns go together. */
export interface Correlation {
  /** From -1 to 1. */
  readonly coefficient: number;
  /** The probability of a coefficient at least as far from 0, either way, among independent columns. */
  readonly pValue: number;
}

/**
 * Pearson's correlation; its p-value is exact for normal columns.
 *
 * @throws RangeError when there are fewer than three pairs, one is not finite, or a column is constant
 */
export function pearson(x: ArrayLike<number>, y: ArrayLike<number>): Correlation {
  checkPairs(x, y, 3, "pearson");
  return linearCorrelation(x, y, "pearson");
}

/**
 * Spearman's rank correlation, ties sharing their mean rank; its p-value is by Student's t, good from about 20 pairs on.
 *
 * @throws RangeError when there are fewer than three pairs, one is not finite, or a column is constant
 */
export function spearman(x: ArrayLike<number>, y: ArrayLike<number>): Correlation {
  checkPairs(x, y, 3, "spearman");
  return linearCorrelation(rank(x).ranks, rank(y).ranks, "spearman");
}

function linearCorrelation(x: ArrayLike<number>, y: ArrayLike<number>, call: string): Correlation {
  const a = centred(x);
  const b = centred(y);
  if (a === undefined || b === undefined)
    throw new RangeError(`${call}: the ${a === undefined ? "first" : "second"} column is constant`);
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  const coefficient = Math.max(-1, Math.min(1, sum));
  const degrees = a.length - 2;
  const t = coefficient * Math.sqrt(degrees / ((1 - coefficient) * (1 + coefficient)));
  return { coefficient, pValue: 2 * studentDistribution(-Math.abs(t), degrees) };
}

/** Less its mean, scaled to length 1; undefined for a constant column. */
function centred(values: ArrayLike<number>): Float64Array | undefined {
  const first = values[0] as number;
  let sum = 0;
  let isConstant = true;
  for (let i = 0; i < values.length; i++) {
    sum += (values[i] as number) - first;
    if (values[i] !== first) isConstant = false;
  }
  if (isConstant) return undefined;
  const mean = sum / values.length;
  const out = Float64Array.from(values, (value) => value - first - mean);
  const length = norm(out);
  return out.map((value) => value / length);
}

/**
 * Kendall's tau-b, which allows for ties, in O(n log n) by counting a merge sort's exchanges; its p-value is by the normal
 * law, good from about 10 pairs on.
 *
 * @throws RangeError when there are fewer than two pairs, one is not finite, or a column is constant
 * @see Knight, Journal of the American Statistical Association 61 (1966) 436; Kendall, Rank Correlation Methods (1970)
 */
export function kendall(x: ArrayLike<number>, y: ArrayLike<number>): Correlation {
  checkPairs(x, y, 2, "kendall");
  const n = x.length;
  const tiesOfX = rank(x).tieSizes;
  const tiesOfY = rank(y).tieSizes;
  const order = sortedOrder(
    n,
    (i) => x[i] as number,
    (i) => y[i] as number,
  );
  const discordant = exchanges(Float64Array.from(order, (i) => y[i] as number));
  let jointTies = 0;
  for (let k = 1, run = 1; k < n; k++) {
    const isTied =
      x[order[k] as number] === x[order[k - 1] as number] &&
      y[order[k] as number] === y[order[k - 1] as number];
    if (isTied) jointTies += run++;
    else run = 1;
  }
  const total = (n * (n - 1)) / 2;
  const tiedX = sumOf(tiesOfX, (t) => (t * (t - 1)) / 2);
  const tiedY = sumOf(tiesOfY, (t) => (t * (t - 1)) / 2);
  if (tiedX === total || tiedY === total)
    throw new RangeError(`kendall: the ${tiedX === total ? "first" : "second"} column is constant`);
  const difference = total - tiedX - tiedY + jointTies - 2 * discordant;
  const coefficient = difference / Math.sqrt(total - tiedX) / Math.sqrt(total - tiedY);

  const pairs = n * (n - 1);
  const spread = (ties: readonly number[]): number => sumOf(ties, (t) => t * (t - 1) * (2 * t + 5));
  const triples = (ties: readonly number[]): number => sumOf(ties, (t) => t * (t - 1) * (t - 2));
  const variance =
    (pairs * (2 * n + 5) - spread(tiesOfX) - spread(tiesOfY)) / 18 +
    (2 * tiedX * tiedY) / pairs +
    (n > 2 ? (triples(tiesOfX) * triples(tiesOfY)) / (9 * pairs * (n - 2)) : 0);
  return {
    coefficient: Math.max(-1, Math.min(1, coefficient)),
    pValue: 2 * normalDistribution(-Math.abs(difference) / Math.sqrt(variance)),
  };
}

function sumOf(values: readonly number[], term: (value: number) => number): number {
  return values.reduce((sum, value) => sum + term(value), 0);
}

/** Pairs out of order, by merge sort from runs of one; sorts the values. */
function exchanges(values: Float64Array): number {
  let from: Float64Array = values;
  let to: Float64Array = new Float64Array(values.length);
  let count = 0;
  for (let width = 1; width < values.length; width *= 2) {
    for (let start = 0; start < values.length; start += 2 * width) {
      const middle = Math.min(start + width, values.length);
      const end = Math.min(start + 2 * width, values.length);
      let left = start;
      let right = middle;
      for (let at = start; at < end; at++) {
        const takesLeft =
          left < middle && (right >= end || (from[left] as number) <= (from[right] as number));
        if (!takesLeft) count += middle - left;
        to[at] = (takesLeft ? from[left++] : from[right++]) as number;
      }
    }
    [from, to] = [to, from];
  }
  return count;
}
