import { availableParallelism } from "node:os";
import { type NDArray, ndarray } from "../../engine/ndarray.ts";
import { sizeOf } from "../../engine/shape.ts";
import * as tree from "../../engine/tree.ts";
import type { Model, Named } from "../../models/model.ts";
import type { RandomStream } from "../../numeric/random.ts";
import {
  type AttackOptimizer,
  type AttemptCheckpoint,
  type AttemptResult,
  type AttemptSettings,
  type AttemptStep,
  runAttempt,
} from "./attempt.ts";
import { type AttemptsOptions, runAttempts } from "./attempts.ts";
import type { Distance } from "./distances.ts";
import { compileMatching, type MatchingRequest } from "./gradient-matching.ts";
import type { Float } from "./shared-gradient.ts";

/** The state of an attack after an iteration. Arrays are read only and change with the next one. */
export interface RecoveryStep {
  /** Which attempt, from 0. */
  readonly attempt: number;
  /** Gradient evaluations of this attempt so far. */
  readonly evaluation: number;
  readonly matchingLoss: number;
  /** The dummy images, [examples, ...inputShape] in one array. */
  readonly images: Float64Array;
}

export interface RecoverOptions
  extends Pick<MatchingRequest, "distance" | "mask" | "priors" | "loss" | "localSteps"> {
  readonly model: Model;
  readonly parameters: Named<NDArray>;
  /** The shared gradient, a tree like the parameters. Nothing else is known of the data. */
  readonly gradient: Named<NDArray>;
  /** How many examples the gradient is the mean of; 1 by default. */
  readonly examples?: number;
  /** The labels where they are known or were inferred; without them they are recovered too. */
  readonly labels?: readonly number[] | undefined;
  /**
   * Where the dummies start: images from N(0, 1), then label logits from N(0, 1). The first attempt draws from it, each
   * further one from a stream spawned of it, so that more attempts change none of the earlier ones.
   */
  readonly stream: RandomStream;
  /** `float64` by default; `float32` is faster and ends at a coarser image. */
  readonly dtype?: Float;
  /** `lbfgs` (default), `adam`, or `signed-adam`, that of Inverting Gradients. */
  readonly optimizer?: AttackOptimizer;
  /** Step size of Adam at its start; 0.1 by default. */
  readonly learningRate?: number;
  /** Where Adam holds the pixels: [0, 1] by default; `null` lets them go anywhere. */
  readonly box?: readonly [low: number, high: number] | null;
  /**
   * Gradient evaluations of one attempt after which no further iteration starts; 4000 by default. A line search that is
   * under way may take one more, as that of PyTorch's LBFGS does. Adam's step sizes fall along this number.
   */
  readonly evaluations?: number;
  /**
   * Stop where the matching loss is this small: for squared and absolute distances as a fraction of the shared gradient's
   * squared norm, for cosine distances by itself. 0 by default: never.
   */
  readonly tolerance?: number;
  /**
   * Evaluations after which L-BFGS gives up an attempt whose loss fell and whose pixels moved by less than a hundredth; 500
   * by default.
   */
  readonly patience?: number;
  /** How many starts to try; 1 by default. The first that matches ends the attack. */
  readonly restarts?: number;
  /**
   * How many attempts run at a time, each in a process of its own; by default the cores of the machine, and one where an
   * attempt may take fewer than 1000 evaluations, which a process takes about as long to start. The result has the same bits
   * whatever the number. With several, `onStep` may also hear of attempts that a match makes needless.
   */
  readonly workers?: number;
  readonly onStep?: (step: RecoveryStep) => void;
  /**
   * Called with what `from` takes: after `onStep` wherever an attack of one start goes on, its arrays changing with the
   * next iteration, which waits for a promise; with restarts after each attempt that ended.
   */
  readonly onCheckpoint?: (checkpoint: RecoveryCheckpoint) => Promise<void> | undefined;
  /** A checkpoint of an attack under the same options that was cut off: it ends with the same bits. */
  readonly from?: RecoveryCheckpoint;
  readonly signal?: AbortSignal;
}

/** An attack that was cut off: how far its only attempt was, or which of several had ended. */
export type RecoveryCheckpoint =
  | { readonly attempt: AttemptCheckpoint }
  | { readonly finished: readonly FinishedAttempt[] };

export interface FinishedAttempt {
  /** From 0. */
  readonly attempt: number;
  readonly result: AttemptResult;
}

/** Evaluations of an attempt from which on a process of its own pays. */
const worthwhile = 1000;

/** How one attempt went. */
export type AttemptSummary = Omit<AttemptResult, "x">;

export interface Recovery extends AttemptSummary {
  /** [examples, ...inputShape], as optimised: not clamped to [0, 1] by L-BFGS. */
  readonly images: NDArray<"float64">;
  readonly labels: readonly number[];
  /** The images that the chosen attempt began with. */
  readonly start: NDArray<"float64">;
  /** The attempt that was chosen: the first that matched, else that with the smallest matching loss. */
  readonly chosen: number;
  readonly attempts: readonly AttemptSummary[];
}

/**
 * Recovers the examples behind a shared gradient: dummy examples are changed until their gradient is the shared one.
 *
 * By default L-BFGS with a strong-Wolfe line search, 100 pairs of memory and no tolerance on change: a fixed step diverges
 * on one start in five, and a tolerance stops long before the image is exact. Of several attempts the matching loss alone
 * chooses, as an attacker sees nothing else.
 *
 * Sources: L. Zhu, Z. Liu, S. Han, "Deep Leakage from Gradients", NeurIPS 2019, Algorithm 1; J. Geiping et al., "Inverting
 * Gradients", NeurIPS 2020, for the cosine distance, the total variation and signed Adam.
 *
 * @returns the recovered examples; the attack never sees the originals, so whether they are right is not known to it
 * @throws RangeError when the gradient is not of these parameters, the start is not finite or an option is out of range
 * @throws the signal's reason when it is aborted
 */
export async function recover(options: RecoverOptions): Promise<Recovery> {
  const { model, examples = 1, labels, stream, dtype = "float64", restarts = 1 } = options;
  const { onStep, onCheckpoint, from, signal, evaluations = 4000 } = options;
  const { workers = evaluations < worthwhile ? 1 : availableParallelism() } = options;
  if (!Number.isInteger(workers) || workers < 1)
    throw new RangeError(`recover: workers ${workers} is not a positive integer`);
  if (!Number.isInteger(restarts) || restarts < 1)
    throw new RangeError(`recover: restarts ${restarts} is not a positive integer`);
  const shape = [examples, ...model.inputShape];
  const pixels = sizeOf(shape);
  const settings = settingsOf(options, pixels);
  const matching = await compileMatching({ ...options, examples, labels, dtype });
  const streams = [stream, ...stream.spawn(restarts - 1)];
  const starts = streams.map((each) => each.normal(matching.unknowns));
  const look =
    onStep &&
    ((attempt: number, { evaluation, matchingLoss, x }: AttemptStep): void =>
      onStep({ attempt, evaluation, matchingLoss, images: x.subarray(0, pixels) }));
  let results: AttemptResult[];
  try {
    const [start] = starts;
    results =
      restarts === 1 && start !== undefined
        ? [
            await runAttempt(matching.objective, start, settings, {
              ...(signal && { signal }),
              ...(onCheckpoint && { onCheckpoint: (attempt) => onCheckpoint({ attempt }) }),
              ...(from && "attempt" in from && { from: from.attempt }),
              ...(look && { onStep: (step) => look(0, step) }),
            }),
          ]
        : await keepingResults(from, onCheckpoint, (keeping) =>
            runAttempts(matching.graph, starts, settings, {
              workers,
              ...keeping,
              ...(signal && { signal }),
              ...(look && { onStep: look }),
            }),
          );
    if (results[0]?.status === "aborted") signal?.throwIfAborted();
  } finally {
    await matching.dispose();
  }
  const chosen = bestAttempt(results);
  const [best, start] = [results[chosen], starts[chosen]];
  if (best === undefined || start === undefined) throw new Error("recover: there was no attempt");
  const { x, ...summary } = best;
  return {
    ...summary,
    images: ndarray(x.slice(0, pixels), shape, "float64"),
    labels: labels ?? mostLikely(x.subarray(pixels), model.classes),
    start: ndarray(start.slice(0, pixels), shape, "float64"),
    chosen,
    attempts: results.map(({ x: _, ...rest }) => rest),
  };
}

/** Runs several attempts with a checkpoint after each that ends; those that a checkpoint holds are not run again. */
async function keepingResults(
  from: RecoveryCheckpoint | undefined,
  onCheckpoint: RecoverOptions["onCheckpoint"],
  run: (keeping: Pick<AttemptsOptions, "finished" | "onResult">) => Promise<AttemptResult[]>,
): Promise<AttemptResult[]> {
  const earlier = from !== undefined && "finished" in from ? from.finished : [];
  const finished = new Map(earlier.map(({ attempt, result }) => [attempt, result]));
  const kept: Promise<void>[] = [];
  const all = new Map(finished);
  const results = await run({
    finished,
    onResult: (attempt, result) => {
      all.set(attempt, result);
      const pairs = Array.from(all, ([attempt, result]) => ({ attempt, result }));
      const keeping = onCheckpoint?.({ finished: pairs });
      // Should it fail before all have ended, that is told at the end.
      keeping?.catch(() => {});
      if (keeping !== undefined) kept.push(keeping);
    },
  });
  await Promise.all(kept);
  return results;
}

/** The first attempt that matched, else the first of those with the smallest matching loss. */
function bestAttempt(results: readonly AttemptResult[]): number {
  const matched = results.findIndex(({ status }) => status === "matched");
  if (matched >= 0) return matched;
  const losses = results.map(({ matchingLoss }) => matchingLoss);
  return losses.indexOf(Math.min(...losses));
}

function settingsOf(options: RecoverOptions, pixels: number): AttemptSettings {
  const { optimizer = "lbfgs", evaluations = 4000, learningRate = 0.1, box = [0, 1] } = options;
  const { tolerance = 0, patience = 500, distance = "squared", gradient } = options;
  if (!(tolerance >= 0)) throw new RangeError(`recover: tolerance ${tolerance} is not a number from 0 up`);
  if (!(patience > 0)) throw new RangeError(`recover: patience ${patience} is not a positive number`);
  if (box !== null && !(box[0] < box[1]))
    throw new RangeError(`recover: the box [${box[0]}, ${box[1]}] is empty`);
  return {
    optimizer,
    evaluations,
    learningRate,
    pixels,
    enough: tolerance * (countsLength(distance) ? squaredNorm(gradient) : 1),
    patience,
    ...(box !== null && { box: { low: box[0], high: box[1] } }),
  };
}

/** Whether the distance grows with the gradient's length; a cosine does not. */
function countsLength(distance: Distance): boolean {
  if (typeof distance === "string") return distance !== "cosine" && distance !== "tensor-cosine";
  return distance.squared !== undefined || distance.absolute !== undefined;
}

function squaredNorm(gradient: Named<NDArray>): number {
  let total = 0;
  for (const array of tree.leaves(gradient))
    for (const value of array.data as Float64Array) total += value * value;
  return total;
}

/** The class with the largest logit, for each row of `classes`. */
function mostLikely(logits: Float64Array, classes: number): number[] {
  return Array.from({ length: logits.length / classes }, (_, example) => {
    const row = logits.subarray(example * classes, (example + 1) * classes);
    return row.indexOf(Math.max(...row));
  });
}
