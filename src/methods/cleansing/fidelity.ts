/** How well predicted effects of removing rows agree with those that retraining found. */
import { itemAt } from "../../engine/lists.ts";
import type { RandomStream } from "../../numeric/random.ts";
import {
  type BootstrapOptions,
  type BootstrapResult,
  bootstrapIndices,
} from "../../numeric/statistics/bootstrap.ts";
import { kendall, spearman } from "../../numeric/statistics/correlation.ts";
import { sortedOrder } from "../../numeric/statistics/ranks.ts";

export interface Fidelity {
  /** Kendall's tau-b, from -1 to 1; `undefined` where a column is constant or there are fewer than two rows. */
  readonly tau: number | undefined;
  /** Spearman's rank correlation; `undefined` where a column is constant or there are fewer than three rows. */
  readonly spearman: number | undefined;
  /** The share of rows that both columns have among their `k` smallest and `k` largest, of those that either has. */
  readonly jaccard: number;
  /** The root of the mean squared difference, in the unit of the columns. */
  readonly rmse: number;
  /** The mean of predicted less actual. */
  readonly bias: number;
}

/**
 * Predicted against actual effects, row by row.
 *
 * @param options.k how many of the smallest and of the largest count as extremes; default 10
 * @throws RangeError when the columns are empty, of two lengths or not finite, or k is not a positive integer
 */
export function fidelity(
  predicted: ArrayLike<number>,
  actual: ArrayLike<number>,
  { k = 10 }: { readonly k?: number } = {},
): Fidelity {
  const size = requireColumns("fidelity", predicted, actual);
  if (!Number.isInteger(k) || k < 1) throw new RangeError(`fidelity: k ${k} is not a positive integer`);
  let squares = 0;
  let sum = 0;
  for (let i = 0; i < size; i++) {
    const difference = (predicted[i] ?? 0) - (actual[i] ?? 0);
    squares += difference ** 2;
    sum += difference;
  }
  const varies = !isConstant(predicted) && !isConstant(actual);
  return {
    tau: varies ? kendall(predicted, actual).coefficient : undefined,
    spearman: varies && size > 2 ? spearman(predicted, actual).coefficient : undefined,
    jaccard: jaccardOfExtremes(predicted, actual, k),
    rmse: Math.sqrt(squares / size),
    bias: sum / size,
  };
}

/** A group of rows, and what its removal did. */
export interface RemovedSubset {
  /** Row numbers, from 0. */
  readonly rows: readonly number[];
  /** The change that retraining without the rows made. */
  readonly effect: number;
}

/**
 * The linear datamodelling score: how well the sum of the scores of a subset ranks the effects of removing it (Spearman's
 * correlation, with a bootstrap interval over the subsets).
 *
 * Source: S. Park et al., "TRAK: Attributing Model Behavior at Scale", ICML 2023, definition 2.3.
 *
 * @param scores one for each row of the training data
 * @returns `undefined` where sums or effects are constant
 * @throws RangeError when there are fewer than three subsets, a row has no score, or a number is not finite
 */
export function subsetFidelity(
  scores: ArrayLike<number>,
  subsets: readonly RemovedSubset[],
  stream: RandomStream,
  options: BootstrapOptions = {},
): BootstrapResult | undefined {
  if (subsets.length < 3)
    throw new RangeError(`subsetFidelity: ${subsets.length} subsets are not enough, 3 are needed`);
  const sums = subsets.map(({ rows }) => rows.reduce((sum, row) => sum + scoreOf(scores, row), 0));
  const effects = subsets.map(({ effect }) => effect);
  requireColumns("subsetFidelity", sums, effects);
  if (isConstant(sums) || isConstant(effects)) return undefined;
  const of = (indices: Int32Array): number => {
    const [a, b] = [sums, effects].map((column) => Array.from(indices, (i) => itemAt(column, i)));
    // A resample of one subset alone says nothing of their order.
    if (a === undefined || b === undefined || isConstant(a) || isConstant(b)) return 0;
    return spearman(a, b).coefficient;
  };
  // The bias correction needs a statistic that is not at the end of its range.
  return bootstrapIndices(subsets.length, of, stream, { method: "percentile", ...options });
}

function scoreOf(scores: ArrayLike<number>, row: number): number {
  const score = scores[row];
  if (score === undefined)
    throw new RangeError(`subsetFidelity: row ${row} is not one of the ${scores.length} that have a score`);
  return score;
}

function jaccardOfExtremes(a: ArrayLike<number>, b: ArrayLike<number>, k: number): number {
  const first = extremes(a, k);
  const second = extremes(b, k);
  let common = 0;
  for (const row of first) if (second.has(row)) common++;
  return common / (first.size + second.size - common);
}

/** Rows of equal values come in their own order. */
function extremes(values: ArrayLike<number>, k: number): ReadonlySet<number> {
  const order = sortedOrder(values.length, (i) => values[i] ?? 0);
  return new Set([...order.slice(0, k), ...order.slice(Math.max(0, order.length - k))]);
}

function isConstant(values: ArrayLike<number>): boolean {
  for (let i = 1; i < values.length; i++) if (values[i] !== values[0]) return false;
  return true;
}

function requireColumns(owner: string, a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length || a.length === 0)
    throw new RangeError(
      `${owner}: columns of ${a.length} and ${b.length} numbers; expected two of one length, not empty`,
    );
  for (const column of [a, b])
    for (let i = 0; i < column.length; i++)
      if (!Number.isFinite(column[i]))
        throw new RangeError(`${owner}: number ${i} of a column is ${column[i]}; expected finite numbers`);
  return a.length;
}
