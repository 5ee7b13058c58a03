/**
 * The words of a text, read off the gradient of the table of embeddings: a row of a table that is only looked up has a
 * gradient if and only if its token was looked up.
 *
 * Source: L. Melis, C. Song, E. De Cristofaro, V. Shmatikov, "Exploiting Unintended Feature Leakage in Collaborative
 * Learning", IEEE S&P 2019.
 */
import { type NDArray, toNumbers } from "../../../engine/ndarray.ts";
import { dot } from "../../../numeric/rows.ts";
import { distanceToSpan, outsideSpan, principalSpan, type RowSpace, rowSpace } from "./row-space.ts";

export interface BagOfWordsOptions {
  /**
   * Where the output layer uses the same table (as BERT's does): how many positions the loss is taken of, that is, how
   * many tokens are masked. Absent: the table is only looked up.
   */
  readonly tiedOutputs?: number;
  /**
   * How far above the median row, in units of the rows' spread about it, a row's norm must be where no row is zero:
   * 8 by default, beyond the largest of 30,000 rows of noise.
   */
  readonly outlier?: number;
  /** The distance from the output layer's span, relative to the row's length, of a token that was looked up; 1e-5 by default. */
  readonly tolerance?: number;
  /** What is known of a defence's errors; none by default. */
  readonly errors?: RowErrors;
  /** The length of the text, which has no more different tokens; needed with errors alone, 64 by default. */
  readonly mostTokens?: number;
  /** The labels, where they are known: with errors, the output layer's share is largest in their rows. */
  readonly labels?: readonly number[] | undefined;
}

/** The errors of a row's entries. */
export interface RowErrors {
  /** The standard deviation of added noise, which leaves no row at zero. */
  readonly noise: number;
  /** The standard deviation of all errors of an entry, noise included. */
  readonly absolute: number;
  /** The largest error of an entry relative to its size. */
  readonly relative: number;
}

export interface BagOfWords {
  /**
   * `exact`: these are the tokens. `estimated`: a defence moved the rows, and these stand out beyond its errors.
   * `impossible`: the gradient says nothing about the tokens.
   */
  readonly status: "exact" | "estimated" | "impossible";
  /** Why, in a sentence. */
  readonly reason: string;
  /** Ids in ascending order. */
  readonly tokens: readonly number[];
  /** The span of the output layer's share of the rows, where the table is tied and it was found. */
  readonly outputSpan?: RowSpace;
}

/**
 * The tokens present in a batch, without order and counts, from the gradient [tokens, width] of the table of embeddings.
 *
 * Where a row is exactly zero, all non-zero rows are present tokens. Where none is, noise was added, and the rows count
 * whose norm lies above the median row's by `outlier` robust standard deviations (1.4826 times the median absolute
 * deviation); that supposes that fewer than half of the vocabulary is present.
 *
 * A table that is the output layer too has a dense gradient: besides the looked-up rows, row v gets the sum over masked
 * positions j of (p_jv - y_jv) h_j / m. Those shares span no more than m dimensions, in which the rows of all absent
 * tokens lie; rows outside are those of present tokens. It is `impossible` where no such span holds half of the rows:
 * as many masks as the model is wide, or errors that nothing is known of.
 *
 * With known errors a row counts when it is longer (where tied: farther from the span of most of the rows' squares) than
 * errors make any of that many rows, but for one chance in a hundred. A row that is zero may have been rounded away.
 *
 * @throws RangeError when the gradient is not a matrix or not finite
 */
export function bagOfWords(embeddingGradient: NDArray, options: BagOfWordsOptions = {}): BagOfWords {
  const { tiedOutputs, outlier = 8, tolerance = 1e-5, errors, mostTokens = 64, labels = [] } = options;
  const rows = matrixRows(embeddingGradient);
  if (tiedOutputs !== undefined)
    return errors === undefined
      ? tiedBag(rows, { outputs: tiedOutputs, tolerance })
      : tiedBagWithin(rows, { outputs: tiedOutputs, errors, mostTokens, labels });
  const norms = rows.map((row) => Math.hypot(...row));
  const present = norms.filter((norm) => norm > 0).length;
  if (present === 0)
    return {
      status: "impossible",
      reason: "every row of the embedding gradient is zero: the embedding is not trained",
      tokens: [],
    };
  // Noise leaves no row at exactly zero, so one row of zeros tells that there is none.
  const hasNoise = errors === undefined ? present === rows.length : errors.noise > 0;
  const bound =
    errors === undefined ? outlierBound(norms, outlier) : largestError(rows, { noise: errors.noise });
  const tokens = [...norms.keys()].filter((id) => (norms[id] ?? 0) > (hasNoise ? bound : 0));
  if (errors !== undefined)
    return {
      status: "estimated",
      reason: hasNoise
        ? `${tokens.length} of ${rows.length} rows of the embedding gradient are longer than noise makes them`
        : `${tokens.length} of ${rows.length} rows of the embedding gradient are non-zero; others may have been sent as zeros`,
      tokens,
    };
  return !hasNoise
    ? {
        status: "exact",
        reason: `${present} of ${rows.length} rows of the embedding gradient are non-zero: those of the tokens present`,
        tokens,
      }
    : {
        status: "estimated",
        reason: `all ${rows.length} rows of the embedding gradient are non-zero, as noise makes them (or a text that has every token): these rows stand out`,
        tokens,
      };
}

/** Guesses at rows of absent tokens before it is said that there is no span of the output layer. */
const guesses = 64;

function tiedBag(
  rows: readonly Float64Array[],
  { outputs, tolerance }: { readonly outputs: number; readonly tolerance: number },
): BagOfWords {
  const width = rows[0]?.length ?? 0;
  const impossible = (why: string): BagOfWords => ({
    status: "impossible",
    reason: `the table of embeddings is also the output layer, which gives all its rows a gradient, and ${why}`,
    tokens: [],
  });
  if (outputs >= width)
    return impossible(
      `its share spans the whole space: ${outputs} masked tokens, the model is ${width} wide`,
    );
  for (let guess = 0; guess < guesses; guess++) {
    // Rows far apart, other ones for each guess; most sets of a few rows have no present token among them.
    const places = Array.from(
      { length: outputs },
      (_, i) => Math.floor(((i + 0.5) * rows.length) / outputs + guess * 7919) % rows.length,
    );
    const outputSpan = rowSpace(places.map((place) => rows[place] ?? new Float64Array(width)));
    const tokens = [...rows.keys()].filter((id) => {
      const row = rows[id];
      return row?.some((value) => value !== 0) && distanceToSpan(row, outputSpan) > tolerance;
    });
    if (tokens.length < rows.length / 2)
      return {
        status: "exact",
        reason: `the table of embeddings is also the output layer, whose share of the gradient spans ${outputSpan.rank} dimension${outputSpan.rank === 1 ? "" : "s"}; ${tokens.length} of ${rows.length} rows lie outside it: those of the tokens present`,
        tokens,
        outputSpan,
      };
  }
  return impossible(`no span of ${outputs} dimensions holds most of them: noise hides the tokens`);
}

/** {@link tiedBag} of rows with errors: the span is that of most of the rows' squares. */
function tiedBagWithin(
  rows: readonly Float64Array[],
  {
    outputs,
    errors,
    mostTokens,
    labels,
  }: {
    readonly outputs: number;
    readonly errors: RowErrors;
    readonly mostTokens: number;
    readonly labels: readonly number[];
  },
): BagOfWords {
  const width = rows[0]?.length ?? 0;
  if (outputs >= width)
    return {
      status: "impossible",
      reason: `the table of embeddings is also the output layer, whose share of its gradient spans the whole space: ${outputs} masked tokens, the model is ${width} wide`,
      tokens: [],
    };
  const outputSpan = spanOfMost(rows, { dimensions: outputs, strangers: mostTokens, labels });
  const bound = largestError(rows, { noise: errors.absolute });
  const tokens = [...rows.keys()].filter((id) => {
    const row = rows[id] ?? new Float64Array(width);
    const rest = outsideSpan(row, outputSpan);
    return Math.sqrt(dot(rest, rest)) > bound + 2 * errors.relative * Math.sqrt(dot(row, row));
  });
  return {
    status: "estimated",
    reason: `the table of embeddings is also the output layer; ${tokens.length} of ${rows.length} rows of its gradient are farther from the ${outputSpan.rank} dimensions of that layer's share than the errors of what was sent make them`,
    tokens,
    outputSpan,
  };
}

/** Rows among which a span is looked for, for each row that may lie outside it. */
const rowsForStranger = 8;

/**
 * The span of a few dimensions of all rows but some strangers: that of the labels' rows, or the principal one, and then
 * that of the rows without those that are farthest from it, a few times. Short rows say little of a span, and only the
 * longest are looked at.
 */
function spanOfMost(
  rows: readonly Float64Array[],
  {
    dimensions,
    strangers,
    labels,
  }: { readonly dimensions: number; readonly strangers: number; readonly labels: readonly number[] },
): RowSpace {
  const squares = new Map(rows.map((row) => [row, dot(row, row)]));
  const longest = [...rows]
    .sort((a, b) => (squares.get(b) ?? 0) - (squares.get(a) ?? 0))
    .slice(0, rowsForStranger * (strangers + dimensions));
  const told = [...new Set(labels)].map((label) => rows[label]).filter((row) => row !== undefined);
  let span = principalSpan(told.length > 0 ? told : longest, dimensions);
  for (let round = 0; round < 5; round++) {
    const distances = new Map(
      longest.map((row) => {
        const rest = outsideSpan(row, span);
        return [row, dot(rest, rest)];
      }),
    );
    const near = [...longest].sort((a, b) => (distances.get(b) ?? 0) - (distances.get(a) ?? 0));
    span = principalSpan(near.slice(Math.min(strangers, near.length - dimensions)), dimensions);
  }
  return span;
}

/**
 * The length that errors of one standard deviation make none of the rows exceed, but for one chance in a hundred: a
 * Gaussian vector is longer than its usual length, sd sqrt(width), by sd t with a chance below exp(-t^2 / 2).
 */
function largestError(rows: readonly Float64Array[], { noise }: { readonly noise: number }): number {
  const width = rows[0]?.length ?? 0;
  return noise * (Math.sqrt(width) + Math.sqrt(2 * Math.log(100 * rows.length)));
}

function outlierBound(norms: readonly number[], outlier: number): number {
  const middle = median(norms);
  return middle + outlier * 1.4826 * median(norms.map((norm) => Math.abs(norm - middle)));
}

function matrixRows(matrix: NDArray): Float64Array[] {
  const [rows = 0, width = 0] = matrix.shape;
  if (matrix.shape.length !== 2 || rows === 0 || width === 0)
    throw new RangeError(
      `bagOfWords: expected a gradient [tokens, width], found shape [${matrix.shape.join(", ")}]`,
    );
  const values = Float64Array.from(toNumbers(matrix));
  return Array.from({ length: rows }, (_, row) => {
    const own = values.subarray(row * width, (row + 1) * width);
    if (!own.every(Number.isFinite))
      throw new RangeError(`bagOfWords: row ${row} of the gradient is not finite`);
    return own;
  });
}

function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort();
  const half = sorted.length >> 1;
  const upper = sorted[half] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? 0) + upper) / 2;
}
