import { type NDArray, ndarray } from "../../engine/ndarray.ts";
import { sizeOf } from "../../engine/shape.ts";
import * as tree from "../../engine/tree.ts";
import type { Model, Named } from "../../models/model.ts";
import type { RandomStream } from "../../numeric/random.ts";
import { type LbfgsCheckpoint, type LbfgsStatus, lbfgsCheckpoint, minimize } from "../../training/lbfgs.ts";
import { compileMatching, type Float } from "./gradient-matching.ts";

/** The state of an attack after an iteration. Arrays are read only and change with the next one. */
export interface RecoveryStep {
  /** Gradient evaluations so far. */
  readonly evaluation: number;
  readonly matchingLoss: number;
  /** The dummy images, [examples, ...inputShape] in one array. */
  readonly images: Float64Array;
}

export interface RecoverOptions {
  readonly model: Model;
  readonly parameters: Named<NDArray>;
  /** The shared gradient, a tree like the parameters. Nothing else is known of the data. */
  readonly gradient: Named<NDArray>;
  /** How many examples the gradient is the mean of; 1 by default. */
  readonly examples?: number;
  /** The labels where they are known or were inferred; without them they are recovered too. */
  readonly labels?: readonly number[];
  /** Where the dummies start: images from N(0, 1), then label logits from N(0, 1). */
  readonly stream: RandomStream;
  /** `float64` by default; `float32` is faster and ends at a coarser image. */
  readonly dtype?: Float;
  /**
   * Gradient evaluations after which no further iteration starts; 4000 by default. A line search that is under way may
   * take one more, as that of PyTorch's LBFGS does.
   */
  readonly evaluations?: number;
  /** Stop where the matching loss is this fraction of the shared gradient's squared norm; 0 by default: never. */
  readonly tolerance?: number;
  readonly onStep?: (step: RecoveryStep) => void;
  /**
   * Called after `onStep` wherever the attack goes on, with what `from` takes; its arrays change with the next iteration,
   * which waits for a promise.
   */
  readonly onCheckpoint?: (checkpoint: LbfgsCheckpoint) => Promise<void> | undefined;
  /** A checkpoint of an attack under the same options that was cut off: it ends with the same bits. */
  readonly from?: LbfgsCheckpoint;
  readonly signal?: AbortSignal;
}

export interface Recovery {
  /** [examples, ...inputShape], as optimised: not clamped to [0, 1]. */
  readonly images: NDArray<"float64">;
  readonly labels: readonly number[];
  /** The images that the attack began with. */
  readonly start: NDArray<"float64">;
  readonly matchingLoss: number;
  readonly evaluations: number;
  readonly status: LbfgsStatus | "matched";
  /** The status in a sentence. */
  readonly reason: string;
}

/**
 * Recovers the examples behind a shared gradient: dummy examples are changed until their gradient is the shared one.
 *
 * L-BFGS with a strong-Wolfe line search, 100 pairs of memory and no tolerance on change: a fixed step diverges on one
 * start in five, and a tolerance stops long before the image is exact. The last line search may use one evaluation more
 * than the budget, as PyTorch's LBFGS does.
 *
 * Source: L. Zhu, Z. Liu, S. Han, "Deep Leakage from Gradients", NeurIPS 2019, Algorithm 1.
 *
 * @returns the recovered examples; the attack never sees the originals, so whether they are right is not known to it
 * @throws RangeError when the start is not finite or an option is out of range
 * @throws the signal's reason when it is aborted
 */
export async function recover(options: RecoverOptions): Promise<Recovery> {
  const { model, parameters, gradient, examples = 1, labels, stream, dtype = "float64" } = options;
  const { evaluations = 4000, tolerance = 0, onStep, onCheckpoint, from, signal } = options;
  const shape = [examples, ...model.inputShape];
  const pixels = sizeOf(shape);
  const matching = await compileMatching({ model, parameters, gradient, examples, labels, dtype });
  const start = stream.normal(matching.unknowns);
  const enough = tolerance * squaredNorm(gradient);
  let matched = false;
  try {
    const result = await minimize(matching.objective, start, {
      maxIterations: evaluations,
      maxEvaluations: evaluations,
      toleranceGradient: 0,
      toleranceChange: 0,
      historySize: 100,
      ...(signal && { signal }),
      ...(from && { from }),
      onIteration: (state) => {
        const { x, value, evaluations: evaluation } = state;
        onStep?.({ evaluation, matchingLoss: value, images: x.subarray(0, pixels) });
        matched = value <= enough;
        return matched ? "stop" : onCheckpoint?.(lbfgsCheckpoint(state));
      },
    });
    if (result.status === "aborted") signal?.throwIfAborted();
    return {
      images: ndarray(result.x.slice(0, pixels), shape, "float64"),
      labels: labels ?? mostLikely(result.x.subarray(pixels), model.classes),
      start: ndarray(start.slice(0, pixels), shape, "float64"),
      matchingLoss: result.value,
      evaluations: result.evaluations,
      status: matched ? "matched" : result.status,
      reason: matched ? "the gradients match" : result.reason,
    };
  } finally {
    await matching.dispose();
  }
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
