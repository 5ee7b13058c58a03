/**
 * The words of a text, read off the gradient of the embedding matrix: a row of a matrix that only looks tokens up has a
 * gradient if and only if its token was looked up.
 *
 * Source: L. Melis, C. Song, E. De Cristofaro, V. Shmatikov, "Exploiting Unintended Feature Leakage in Collaborative
 * Learning", IEEE S&P 2019, section IV.
 */
import { type NDArray, toNumbers } from "../../engine/ndarray.ts";

export interface BagOfWordsOptions {
  /** Whether the output layer uses the same matrix (as BERT's does); false by default. */
  readonly tied?: boolean;
  /**
   * How far above the median row, in units of the rows' spread about it, a row's norm must be where no row is zero:
   * 8 by default, beyond the largest of 30,000 rows of noise.
   */
  readonly outlier?: number;
}

export interface BagOfWords {
  /**
   * `exact`: absent tokens have rows of zeros, so these are the tokens. `estimated`: every row is non-zero (noise was
   * added), and these stand out. `impossible`: the gradient says nothing exact about the tokens.
   */
  readonly status: "exact" | "estimated" | "impossible";
  /** Why, in a sentence. */
  readonly reason: string;
  /** Ids in ascending order; for `impossible` those that stand out, which may be wrong either way. */
  readonly tokens: readonly number[];
  /** Norms above which a row counts as present. */
  readonly threshold: number;
}

/**
 * The tokens present in a batch, without order and counts, from the gradient [tokens, width] of the embedding matrix.
 *
 * Where a row is exactly zero, all non-zero rows are present tokens. Where none is, noise was added, and the rows count
 * whose norm lies above the median row's by `outlier` robust standard deviations (1.4826 times the median absolute
 * deviation); that supposes that fewer than half of the vocabulary is present.
 *
 * @throws RangeError when the gradient is not a matrix or not finite
 */
export function bagOfWords(
  embeddingGradient: NDArray,
  { tied = false, outlier = 8 }: BagOfWordsOptions = {},
): BagOfWords {
  const norms = rowNorms(embeddingGradient);
  const present = norms.filter((norm) => norm > 0).length;
  // Noise leaves no row at exactly zero, so one row of zeros tells that there is none.
  const isExact = !tied && present < norms.length;
  const threshold = isExact ? 0 : outlierBound(norms, outlier);
  const tokens = [...norms.keys()].filter((id) => (norms[id] ?? 0) > threshold);
  return { ...statusOf({ tied, present, rows: norms.length }), tokens, threshold };
}

function statusOf({
  tied,
  present,
  rows,
}: {
  readonly tied: boolean;
  readonly present: number;
  readonly rows: number;
}): Pick<BagOfWords, "status" | "reason"> {
  if (tied)
    return {
      status: "impossible",
      reason: `the embedding matrix is also the output layer, which gives ${present} of ${rows} rows a gradient whatever the text: rows that stand out are a guess`,
    };
  if (present === 0)
    return {
      status: "impossible",
      reason: "every row of the embedding gradient is zero: the embedding is not trained",
    };
  if (present === rows)
    return {
      status: "estimated",
      reason: `all ${rows} rows of the embedding gradient are non-zero, as noise makes them (or a text that has every token): these rows stand out`,
    };
  return {
    status: "exact",
    reason: `${present} of ${rows} rows of the embedding gradient are non-zero: those of the tokens present`,
  };
}

function outlierBound(norms: readonly number[], outlier: number): number {
  const middle = median(norms);
  return middle + outlier * 1.4826 * median(norms.map((norm) => Math.abs(norm - middle)));
}

function rowNorms(matrix: NDArray): number[] {
  const [rows = 0, width = 0] = matrix.shape;
  if (matrix.shape.length !== 2 || rows === 0 || width === 0)
    throw new RangeError(
      `bagOfWords: expected a gradient [tokens, width], found shape [${matrix.shape.join(", ")}]`,
    );
  const values = toNumbers(matrix);
  return Array.from({ length: rows }, (_, row) => {
    // Hypot does not lose rows whose squares underflow: they are as present as any.
    const norm = Math.hypot(...values.slice(row * width, (row + 1) * width));
    if (!Number.isFinite(norm)) throw new RangeError(`bagOfWords: row ${row} of the gradient is not finite`);
    return norm;
  });
}

function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort();
  const half = sorted.length >> 1;
  const upper = sorted[half] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? 0) + upper) / 2;
}
