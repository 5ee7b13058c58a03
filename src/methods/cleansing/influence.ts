/**
 * How the end of a training answers to each of its rows: S. Hara, A. Nitanda, T. Maehara, "Data Cleansing for Models
 * Trained with SGD", NeurIPS 2019, algorithm 1 and its extension to optimisers with a memory.
 */
import { itemAt } from "../../engine/lists.ts";
import type { Curvature } from "../../training/problem.ts";
import { lastEpochsStart, type TrainingRecord } from "../../training/record.ts";
import { differentiateRecord, type StepAdjoint } from "../../training/record-adjoint.ts";
import { rowCount } from "../../training/row-functions.ts";
import { type NamedArrays, normOf } from "../../training/trees.ts";

export interface InfluenceOptions {
  /** How many epochs are gone back through, from the last. Default all. */
  readonly lastEpochs?: number | undefined;
  /**
   * Which second derivatives carry a row's effect from its step to the end: all (`exact`), those of Gauss and Newton, or
   * none, which is TracIn at every step. Default `exact`.
   */
  readonly curvature?: Curvature;
  readonly signal?: AbortSignal | undefined;
  /** Called with how many steps were gone back, of how many. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

export interface Influence {
  /**
   * For each row of the training data [rows], the predicted change of ⟨query, final parameters⟩ were the row left out. With
   * the gradient of a loss as the query: below 0, the row harms; above 0, it helps.
   */
  readonly scores: Float64Array;
  /** The part of each epoch in it, first epoch first; they add up to the scores. One entry where there are no epochs. */
  readonly byEpoch: readonly Float64Array[];
  /** The norm of the query carried back to each step, relative to that of the query itself; the last step first. */
  readonly growth: Float64Array;
}

/**
 * The linear influence of every row of a recorded training, in one walk back through it.
 *
 * @param queries directions in parameter space (see `lossQuery`); the walk is shared
 * @returns one influence for each query
 * @throws RangeError when a query does not fit, rows depend on one another, or there are not so many epochs
 * @throws InputError when the walk leaves the finite numbers, naming the step
 * @example
 * const { record } = await train({ model, data, schedule: 0.05, batchSize: 64, epochs: 20, record: { states: "all" } });
 * const [influence] = await linearInfluence(record, [await lossQuery(record, validation)]);
 */
export async function linearInfluence(
  record: TrainingRecord,
  queries: readonly NamedArrays[],
  { lastEpochs, curvature = "exact", signal, onProgress }: InfluenceOptions = {},
): Promise<Influence[]> {
  const { firstStep, lastStep, stepsPerEpoch = lastStep - firstStep } = record;
  const from = lastEpochsStart(record, lastEpochs);
  const epochOf = (step: number): number => Math.floor((step - firstStep) / stepsPerEpoch);
  const epochs = epochOf(lastStep - 1) + 1;
  const rows = rowCount(record);
  const found = queries.map(() => ({
    byEpoch: Array.from({ length: epochs }, () => new Float64Array(rows)),
    growth: new Float64Array(lastStep - from),
  }));
  const norms = queries.map(normOf);
  const onStep = ({ step, batch, rows: slopes, norms: carried }: StepAdjoint): void => {
    for (const [q, { byEpoch, growth }] of found.entries()) {
      const scores = itemAt(byEpoch, epochOf(step));
      const slope = itemAt(slopes, q);
      // Leaving a row out takes its weight from 1 to 0.
      for (let k = 0; k < slope.length; k++) {
        const row = Number(batch.indices[k]);
        scores[row] = (scores[row] ?? 0) - (slope[k] ?? 0) * (batch.weights?.[k] ?? 1);
      }
      growth[lastStep - 1 - step] = (carried[q] ?? 0) / (norms[q] || 1);
    }
    onProgress?.(lastStep - step, lastStep - from);
  };
  await differentiateRecord(record, queries, onStep, { from, curvature, signal });
  return found.map(({ byEpoch, growth }) => ({ scores: sumOf(byEpoch, rows), byEpoch, growth }));
}

function sumOf(parts: readonly Float64Array[], length: number): Float64Array {
  const sum = new Float64Array(length);
  // The last epoch was gone through first.
  for (const part of parts.toReversed())
    for (let i = 0; i < length; i++) sum[i] = (sum[i] ?? 0) + (part[i] ?? 0);
  return sum;
}
