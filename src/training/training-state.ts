import type { Batch } from "./sampler.ts";
import type { Carry } from "./stepper.ts";
import type { NamedArrays } from "./trees.ts";

/** Where early stopping stands. */
export interface StoppingState {
  readonly best: number;
  readonly bestStep: number;
  /** Evaluations since the best one. */
  readonly waited: number;
  /** Of the best evaluation, where they are to be restored. */
  readonly parameters?: NamedArrays;
  readonly buffers?: NamedArrays;
}

/**
 * A training at a moment: plain data (typed arrays, numbers, strings), so that `structuredClone`, or any file format
 * that holds arrays and JSON, is a checkpoint. Training resumed from it ends with the same bits.
 */
export interface TrainingState extends Carry {
  /** How many updates were made. */
  readonly step: number;
  /** The last step at which hooks, evaluation and record had their turn. */
  readonly looked: number;
  readonly sampler: unknown;
  /** Batches that the sampler has given and that no step has used yet. */
  readonly pending: readonly Batch[];
  /** The mean loss of the last step's batch. */
  readonly loss: number;
  readonly initialNorm: number;
  readonly stopping: StoppingState | null;
}
