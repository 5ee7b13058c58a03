/** The attack on a text by gradient matching: starts, minimiser, reordering, and the way back from embeddings to tokens. */
import { type NDArray, toNumbers } from "../../engine/ndarray.ts";
import type { RandomStream } from "../../numeric/random.ts";
import { minimize, type Objective } from "../../training/lbfgs.ts";
import { minimizeByAdam } from "./text-adam.ts";
import { compileTextMatching, type TextMatchingRequest } from "./text-matching.ts";
import { parameterEndingIn } from "./text-model.ts";

export interface RecoverTextOptions extends TextMatchingRequest {
  /** Where the dummies start: embeddings with the spread of the embedding matrix, then label logits from N(0, 1). */
  readonly stream: RandomStream;
  /** `lbfgs` (default): strong-Wolfe L-BFGS. `adam`: step 0.01, times 0.89 every 50 iterations, as LAMP's. */
  readonly optimizer?: "lbfgs" | "adam";
  /** Iterations of each start; 800 by default for L-BFGS, 2000 for Adam. */
  readonly iterations?: number;
  /** Independent starts, of which the one with the smallest matching loss counts; 1 by default. */
  readonly starts?: number;
  /**
   * How often, within each start, two dummy embeddings are swapped where that makes the gradients match better; 0 by
   * default. LAMP's moves also ask a language model (GPT-2), which is not done here.
   */
  readonly reorderings?: number;
  /** How a dummy embedding becomes a token: the row with the largest cosine (default), or the nearest one. */
  readonly nearest?: "cosine" | "euclidean";
  /** The tokens to choose from, such as a bag of words; the whole vocabulary by default. */
  readonly vocabulary?: readonly number[];
  readonly onStep?: (step: { start: number; iteration: number; matchingLoss: number }) => void;
  readonly signal?: AbortSignal;
}

export interface TextStart {
  readonly matchingLoss: number;
  readonly tokens: readonly number[];
  readonly labels: readonly number[];
  readonly evaluations: number;
  /** Why it ended, in a sentence. */
  readonly reason: string;
}

export interface TextRecovery extends TextStart {
  /** Every start in order; the result is that with the smallest matching loss. */
  readonly starts: readonly TextStart[];
}

/**
 * Recovers the tokens of a text from its gradient by matching. The attack never sees the text: what it ends with is what
 * its last step gives, and the start that counts is chosen by the matching loss.
 *
 * @throws RangeError when an option is out of range
 * @throws the signal's reason when it is aborted
 */
export async function recoverText(options: RecoverTextOptions): Promise<TextRecovery> {
  const { starts = 1, stream, model, parameters, signal } = options;
  if (!Number.isInteger(starts) || starts < 1)
    throw new RangeError(`recoverText: starts ${starts} is not a positive integer`);
  const matrix = parameterEndingIn(parameters, model.embeddingPath);
  const spread = standardDeviation(matrix);
  const matching = await compileTextMatching(options);
  try {
    const results: TextStart[] = [];
    for (const [start, source] of stream.spawn(starts).entries()) {
      signal?.throwIfAborted();
      const { length } = options;
      const initial = source.normal(matching.unknowns);
      for (let i = 0; i < length * matching.width; i++) initial[i] = (initial[i] ?? 0) * spread;
      results.push(await runStart({ ...options, start, initial, ...matching, matrix }));
    }
    const best = results.reduce((a, b) => (b.matchingLoss < a.matchingLoss ? b : a));
    return { ...best, starts: results };
  } finally {
    await matching.dispose();
  }
}

interface StartRequest extends RecoverTextOptions {
  readonly start: number;
  readonly initial: Float64Array;
  readonly objective: Objective;
  readonly width: number;
  readonly matrix: NDArray;
}

async function runStart(request: StartRequest): Promise<TextStart> {
  const { length, labels, known = [], rows, model, width, matrix, objective } = request;
  const { reorderings = 0, nearest = "cosine", vocabulary } = request;
  let x = request.initial;
  let matchingLoss = Number.POSITIVE_INFINITY;
  let evaluations = 0;
  let reason = "";
  const movable = Array.from({ length }, (_, position) => position).filter((i) => known[i] === undefined);
  for (let round = 0; round <= reorderings; round++) {
    const result = await descend(request, x);
    ({ x, value: matchingLoss, reason } = result);
    evaluations += result.evaluations;
    if (round === reorderings) break;
    const swapped = await swapWhereBetter(objective, x, { movable, width, value: matchingLoss });
    evaluations += swapped.evaluations;
    if (!swapped.changed) break;
    x = swapped.x;
  }
  const embeddings = x.subarray(0, length * width);
  return {
    matchingLoss,
    tokens: nearestTokens(embeddings, matrix, { nearest, ...(vocabulary && { vocabulary }) }).map(
      (token, position) => known[position] ?? token,
    ),
    labels: labels ?? largestOfRows(x.subarray(length * width), rows.length, model.classes),
    evaluations,
    reason,
  };
}

async function descend(
  { optimizer = "lbfgs", iterations, objective, onStep, signal, start }: StartRequest,
  x: Float64Array,
): Promise<{ x: Float64Array; value: number; evaluations: number; reason: string }> {
  const report = (iteration: number, matchingLoss: number): void =>
    onStep?.({ start, iteration, matchingLoss });
  if (optimizer === "adam")
    return minimizeByAdam(objective, x, {
      iterations: iterations ?? 2000,
      onIteration: report,
      ...(signal && { signal }),
    });
  const maxIterations = iterations ?? 800;
  const result = await minimize(objective, x, {
    maxIterations,
    maxEvaluations: 2 * maxIterations,
    toleranceGradient: 0,
    toleranceChange: 0,
    historySize: 100,
    ...(signal && { signal }),
    onIteration: ({ iterations: iteration, value }) => report(iteration, value),
  });
  if (result.status === "aborted") signal?.throwIfAborted();
  return result;
}

export interface SwapRequest {
  /** The positions that may change places. */
  readonly movable: readonly number[];
  readonly width: number;
  /** The loss at `x`. */
  readonly value: number;
}

/** Swaps the embeddings of two positions wherever that lowers the matching loss, in one pass over all pairs. */
export async function swapWhereBetter(
  objective: Objective,
  x: Float64Array,
  { movable, width, value }: SwapRequest,
): Promise<{ x: Float64Array; changed: boolean; evaluations: number }> {
  let best = value;
  let current = x.slice();
  let evaluations = 0;
  for (const [i, a] of movable.entries())
    for (const b of movable.slice(i + 1)) {
      const trial = current.slice();
      trial.set(current.subarray(b * width, (b + 1) * width), a * width);
      trial.set(current.subarray(a * width, (a + 1) * width), b * width);
      const { value: found } = await objective(trial);
      evaluations++;
      if (!(found < best)) continue;
      best = found;
      current = trial;
    }
  return { x: current, changed: best < value, evaluations };
}

export interface NearestOptions {
  readonly nearest?: "cosine" | "euclidean";
  /** Ids to choose from; all by default. */
  readonly vocabulary?: readonly number[];
}

/**
 * The token whose row of the matrix is nearest to each embedding: by the cosine of the angle between them, or by their
 * distance.
 *
 * @param embeddings [length, width] in one array
 * @param matrix [tokens, width]
 */
export function nearestTokens(
  embeddings: Float64Array,
  matrix: NDArray,
  { nearest = "cosine", vocabulary }: NearestOptions = {},
): number[] {
  const [count = 0, width = 0] = matrix.shape;
  const rows = matrix.data as ArrayLike<number>;
  const ids = vocabulary ?? Array.from({ length: count }, (_, id) => id);
  return Array.from({ length: embeddings.length / width }, (_, position) => {
    let best = ids[0] ?? 0;
    let bestScore = Number.NEGATIVE_INFINITY;
    for (const id of ids) {
      let product = 0;
      let squares = 0;
      for (let i = 0; i < width; i++) {
        const row = rows[id * width + i] ?? 0;
        product += row * (embeddings[position * width + i] ?? 0);
        squares += row * row;
      }
      // Of |e - row|^2 and cos(e, row) only what differs between rows counts.
      const score = nearest === "cosine" ? product / Math.sqrt(squares || 1) : product - squares / 2;
      if (score > bestScore) {
        best = id;
        bestScore = score;
      }
    }
    return best;
  });
}

function largestOfRows(values: Float64Array, rows: number, classes: number): number[] {
  return Array.from({ length: rows }, (_, row) => {
    const logits = values.subarray(row * classes, (row + 1) * classes);
    return logits.indexOf(Math.max(...logits));
  });
}

function standardDeviation(matrix: NDArray): number {
  const values = toNumbers(matrix);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}
