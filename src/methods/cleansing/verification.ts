/** Proof: what retraining without single rows does, beside what was predicted of it. */
import type { RandomStream } from "../../numeric/random.ts";
import { bootstrapIndices } from "../../numeric/statistics/bootstrap.ts";
import { kendall } from "../../numeric/statistics/correlation.ts";
import type { ConfidenceInterval } from "../../numeric/statistics/mean-interval.ts";
import { momentsOf, varianceOf } from "../../numeric/statistics/moments.ts";
import type { Kept } from "../../runs/workers/kept-results.ts";
import { mapTasks, workModule } from "../../runs/workers/map-tasks.ts";
import type { EffectsCommon, EffectsTask } from "./effects-work.ts";
import { mostHarmful } from "./rankings.ts";

/** Rows to be retrained without: half the most harmful, half drawn from all others. */
export interface VerifiedRows {
  readonly harmful: readonly number[];
  /** Of these alone a correlation tells how faithful predictions are: a choice by the prediction would flatter it. */
  readonly random: readonly number[];
}

/**
 * Chooses rows to be verified.
 *
 * @param count how many in all; at most as many as there are
 */
export function rowsToVerify(scores: ArrayLike<number>, count: number, stream: RandomStream): VerifiedRows {
  const most = Math.min(count, scores.length);
  const order = mostHarmful(scores);
  const harmful = order.slice(0, Math.ceil(most / 2));
  const others = order.slice(harmful.length);
  const random = [...stream.permutation(others.length)]
    .slice(0, most - harmful.length)
    .map((place) => others[place] ?? 0);
  return { harmful, random };
}

export interface VerificationRequest {
  readonly common: EffectsCommon;
  /** The mean loss over the judged examples of the training with all rows. */
  readonly usualLoss: number;
  /** The rows that each retraining lacks. */
  readonly removals: readonly (readonly number[])[];
  /** Draw other orders of the batches, one training for each. */
  readonly orders: readonly RandomStream[];
  readonly threads: number;
  readonly signal?: AbortSignal | undefined;
  readonly kept?: Kept<readonly number[]>;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

export interface Verification {
  /** For each removal the change of the mean loss when the same training goes without its rows. */
  readonly effects: Float64Array;
  /**
   * The standard deviation of the mean loss between trainings that differ in the order of their batches only: what deleting
   * a row does to a user who trains anew is its effect and this noise. Absent for fewer than two orders.
   */
  readonly orderNoise?: number;
}

/** Retrainings that share a call; a fixed number, so that the number of threads changes no bit. */
const together = 10;

/** Retrains without rows, and with other orders of the batches. */
export async function verify(request: VerificationRequest): Promise<Verification> {
  const { common, usualLoss, removals, orders, threads, signal, kept, onProgress } = request;
  const parts = Array.from({ length: Math.ceil(removals.length / together) }, (_, i) =>
    removals.slice(i * together, (i + 1) * together),
  );
  const tasks: EffectsTask[] = [
    ...parts.map((part) => ({ removals: part })),
    ...orders.map((order) => ({ removals: [[]], order: order.state() })),
  ];
  let done = kept?.finished.size ?? 0;
  const found = await mapTasks<EffectsTask, readonly number[], EffectsCommon>(
    workModule(import.meta.url, "effects-work"),
    tasks,
    {
      common,
      threads,
      signal,
      ...(kept && { finished: kept.finished }),
      onResult: (place, result) => {
        kept?.keep(place, result);
        onProgress?.(++done, tasks.length);
      },
    },
  );
  const losses = found.slice(0, parts.length).flat();
  const others = found.slice(parts.length).map(([loss = Number.NaN]) => loss);
  return {
    effects: Float64Array.from(losses, (loss) => loss - usualLoss),
    ...(others.length > 1 && { orderNoise: Math.sqrt(varianceOf(momentsOf(others))) }),
  };
}

/**
 * Kendall's tau of predicted and retrained effects with a bootstrap interval over the rows; `undefined` where one of them is
 * constant.
 */
export function tauInterval(
  predicted: readonly number[],
  actual: readonly number[],
  stream: RandomStream,
): ConfidenceInterval | undefined {
  if (new Set(predicted).size < 2 || new Set(actual).size < 2) return undefined;
  const tau = (rows: Int32Array): number => {
    const [a, b] = [predicted, actual].map((column) => Array.from(rows, (row) => column[row] ?? 0));
    // A resample of one row alone says nothing of an order.
    const isOrdered = a !== undefined && b !== undefined && new Set(a).size > 1 && new Set(b).size > 1;
    return isOrdered ? kendall(a, b).coefficient : 0;
  };
  const { estimate, low, high } = bootstrapIndices(predicted.length, tau, stream, {
    method: "percentile",
    resamples: 1999,
  });
  return { estimate, low, high };
}
