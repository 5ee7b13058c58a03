/** The attack on a text by gradient matching: starts, minimiser, reordering, and the way back from embeddings to tokens. */
import { type NDArray, ndarray, toNumbers } from "../../../engine/ndarray.ts";
import { parameterAt } from "../../../models/model.ts";
import type { RandomStream } from "../../../numeric/random.ts";
import { minimize, type Objective } from "../../../training/lbfgs.ts";
import { minimizeByAdam } from "../../../training/minimize-adam.ts";
import { stepDecay } from "../../../training/schedule.ts";
import { compileTextMatching, type TextMatchingRequest } from "./matching.ts";
import { matrixRows } from "./matrix-rows.ts";
import { type Nearest, nearestTokens } from "./nearest-tokens.ts";
import type { TextStructure } from "./structure.ts";

export interface RecoverTextOptions extends TextMatchingRequest {
  /** What `readTextStructure` gives: by its first layer embeddings become tokens. */
  readonly structure: Pick<TextStructure, "firstLayer">;
  /** Where the dummies start: embeddings from N(0, startSd²), then label logits from N(0, 1). */
  readonly stream: RandomStream;
  /** The standard deviation of the table of embeddings by default. */
  readonly startSd?: number;
  /** `lbfgs` (default): strong-Wolfe L-BFGS. `adam`: step 0.01, times 0.89 every 50 iterations, as LAMP's. */
  readonly optimizer?: "lbfgs" | "adam";
  /** Iterations of each start; 800 by default for L-BFGS, 2000 for Adam. */
  readonly iterations?: number;
  /** Independent starts, of which the one with the smallest matching loss counts; 1 by default. */
  readonly starts?: number;
  /**
   * How often, within each start, the dummies become tokens, tokens are swapped where that makes the gradients match
   * better, and the search goes on from there if that matches better than the dummies did; 0 by default. LAMP's moves also
   * ask a language model (GPT-2), which is not done here.
   */
  readonly reorderings?: number;
  /** How a dummy embedding becomes a token; see {@link nearestTokens} for the default. */
  readonly nearest?: Nearest;
  /** The tokens to choose from, such as a bag of words; the whole vocabulary by default. */
  readonly vocabulary?: readonly number[];
  readonly onStep?: (step: { start: number; iteration: number; matchingLoss: number }) => void;
  readonly signal?: AbortSignal;
}

export interface TextStart {
  readonly matchingLoss: number;
  /** The dummy embeddings at the last step, [length, width]. */
  readonly embeddings: NDArray<"float64">;
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
  const matrix = parameterAt(parameters, model.embeddingPath);
  const { startSd: spread = standardDeviation(matrix) } = options;
  if (!(spread >= 0 && spread < Number.POSITIVE_INFINITY))
    throw new RangeError(`recoverText: startSd ${spread} is not a number from 0 up`);
  const matching = await compileTextMatching(options);
  try {
    const results: TextStart[] = [];
    for (const [start, source] of stream.spawn(starts).entries()) {
      signal?.throwIfAborted();
      const { length } = options;
      const initial = source.normal(matching.unknowns);
      for (let i = 0; i < length * matching.width; i++) initial[i] = (initial[i] ?? 0) * spread;
      results.push(await runStart({ ...options, start, initial, ...matching }));
    }
    const best = results.reduce((a, b) => (b.matchingLoss < a.matchingLoss ? b : a));
    return { ...best, starts: results };
  } finally {
    await matching.dispose();
  }
}

const defaultIterations = { lbfgs: 800, adam: 2000 };

interface StartRequest extends RecoverTextOptions {
  readonly start: number;
  readonly initial: Float64Array;
  readonly objective: Objective;
  readonly width: number;
}

async function runStart(request: StartRequest): Promise<TextStart> {
  const { length, labels, known = [], rows, model, parameters, width, objective } = request;
  const { reorderings = 0, structure, nearest, vocabulary } = request;
  let x = request.initial;
  let matchingLoss = Number.POSITIVE_INFINITY;
  let iterations = 0;
  let evaluations = 0;
  let reason = "";
  const movable = Array.from({ length }, (_, position) => position).filter((i) => known[i] === undefined);
  const tokensOf = async (at: Float64Array): Promise<number[]> => {
    const embeddings = ndarray(at.slice(0, length * width), [length, width], "float64");
    const found = await nearestTokens({
      model,
      structure,
      parameters,
      embeddings,
      ...(nearest && { nearest }),
      ...(vocabulary && { vocabulary }),
    });
    return found.map((token, position) => known[position] ?? token);
  };
  const table = matrixRows(parameterAt(parameters, model.embeddingPath));
  for (let round = 0; round <= reorderings; round++) {
    const result = await descend(request, x, { before: iterations });
    iterations += result.iterations;
    ({ x, value: matchingLoss, reason } = result);
    evaluations += result.evaluations;
    if (round === reorderings) break;
    // Dummies swapped as they are match worse: each has taken up its position's embedding.
    const snapped = x.slice();
    for (const [position, token] of (await tokensOf(x)).entries())
      snapped.set(table.row(token), position * width);
    const sorted = await sortBySwaps(objective, snapped, {
      movable,
      width,
      // As many as the search for the embeddings was allowed.
      mostEvaluations: 2 * (request.iterations ?? defaultIterations[request.optimizer ?? "lbfgs"]),
      signal: request.signal,
    });
    evaluations += sorted.evaluations;
    if (!(sorted.value < matchingLoss)) break;
    ({ x, value: matchingLoss } = sorted);
    reason = "tokens in another order match better than any embeddings that were found";
    if (matchingLoss < matched) break;
  }
  const embeddings = ndarray(x.slice(0, length * width), [length, width], "float64");
  return {
    matchingLoss,
    embeddings,
    tokens: await tokensOf(x),
    labels: labels ?? largestOfRows(x.subarray(length * width), rows.length, model.classes),
    evaluations,
    reason,
  };
}

async function descend(
  { optimizer = "lbfgs", iterations, objective, onStep, signal, start }: StartRequest,
  x: Float64Array,
  { before }: { readonly before: number },
): Promise<{ x: Float64Array; value: number; iterations: number; evaluations: number; reason: string }> {
  const report = (iteration: number, matchingLoss: number): void =>
    onStep?.({ start, iteration: before + iteration, matchingLoss });
  if (optimizer === "adam") {
    const steps = iterations ?? defaultIterations.adam;
    const { last, status, evaluations } = await minimizeByAdam(objective, x, {
      iterations: steps,
      // As LAMP's.
      schedule: stepDecay({ initial: 0.01, factor: 0.89, every: 50 }),
      onIteration: (state) => report(state.evaluations, state.value),
      ...(signal && { signal }),
    });
    if (status === "aborted") signal?.throwIfAborted();
    // Judged where it ends: an attacker does not know which of its steps was nearest to the truth.
    const { value } = await objective(last);
    const reason =
      status === "diverged"
        ? `the matching loss is not finite after ${evaluations} steps`
        : `used all ${steps} iterations`;
    return { x: last, value, iterations: evaluations, evaluations: evaluations + 1, reason };
  }
  const maxIterations = iterations ?? defaultIterations.lbfgs;
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

/** A matching loss that rounding leaves of an exact match: there is nothing more to find. */
const matched = 1e-16;

export interface SwapRequest {
  /** The positions that may change places. */
  readonly movable: readonly number[];
  readonly width: number;
  /** Evaluations after which no further swap is tried. */
  readonly mostEvaluations: number;
  readonly signal?: AbortSignal | undefined;
}

/** Swaps the embeddings of two positions wherever that lowers the matching loss, until no swap does or its budget is spent. */
export async function sortBySwaps(
  objective: Objective,
  x: Float64Array,
  { movable, width, mostEvaluations, signal }: SwapRequest,
): Promise<{ x: Float64Array; value: number; evaluations: number }> {
  let { value } = await objective(x);
  let current = x.slice();
  let evaluations = 1;
  let isSorted = false;
  while (!isSorted) {
    isSorted = true;
    for (const [i, a] of movable.entries())
      for (const b of movable.slice(i + 1)) {
        signal?.throwIfAborted();
        if (evaluations >= mostEvaluations) return { x: current, value, evaluations };
        const trial = current.slice();
        trial.set(current.subarray(b * width, (b + 1) * width), a * width);
        trial.set(current.subarray(a * width, (a + 1) * width), b * width);
        const { value: found } = await objective(trial);
        evaluations++;
        if (!(found < value)) continue;
        value = found;
        current = trial;
        isSorted = false;
      }
  }
  return { x: current, value, evaluations };
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
