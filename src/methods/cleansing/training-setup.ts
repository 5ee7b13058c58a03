/** How the network of a command is trained: once for its record, and again without rows. Plain data, so that workers get it. */
import { InputError } from "../../data/input-error.ts";
import type { RandomStream } from "../../numeric/random.ts";
import type { Examples } from "../../training/problem.ts";
import type { TrainingRecord } from "../../training/record.ts";
import { epochShuffling } from "../../training/sampler.ts";
import type { StepSelection } from "../../training/steps.ts";
import { recordSize, type TrainingResult, train } from "../../training/train.ts";
import type { TrainingProgress, TrainModelOptions } from "../../training/train-options.ts";
import type { DataParameters } from "./data-parameters.ts";
import { type NetworkChoice, type NetworkData, openNetwork } from "./network.ts";
import { optimizerOf } from "./optimizer.ts";
import type { PreparedData } from "./prepared-data.ts";

type TrainingParameters = Pick<
  DataParameters,
  "epochs" | "batch" | "learningRate" | "optimizer" | "momentum" | "weightDecay"
>;

export interface TrainingSetup extends NetworkChoice, NetworkData, TrainingParameters {
  /** lambda of lambda/2 |parameters|^2 in the loss of every row. */
  readonly rowPenalty: number;
  readonly dtype: "float32" | "float64";
}

/** The training that a command's parameters ask for, on its data. */
export function setupOf(
  parameters: DataParameters & { readonly penalty: number },
  data: PreparedData,
): TrainingSetup {
  const { model, activation, normalisation, epochs, batch, learningRate, optimizer } = parameters;
  const { momentum, weightDecay, penalty } = parameters;
  const { inputShape, classNames, dtype } = data;
  return {
    ...{ model, activation, normalisation, epochs, batch, learningRate, optimizer, momentum, weightDecay },
    ...{ inputShape, classNames, dtype, rowPenalty: penalty },
  };
}

export interface SetupContext {
  /** Draws the initial parameters and the order of the batches. */
  readonly stream: RandomStream;
  /** Draws the order of the batches instead. */
  readonly order?: RandomStream | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: TrainingProgress) => void) | undefined;
}

/**
 * The options of a training of some examples.
 *
 * @throws InputError when the network does not fit the data, or there are fewer rows than a batch takes
 */
export async function trainingOptions(
  setup: TrainingSetup,
  data: Examples,
  { stream, order, signal, onProgress }: SetupContext,
): Promise<TrainModelOptions> {
  const { batch, epochs, learningRate, rowPenalty, dtype } = setup;
  const rows = data.x.shape[0] ?? 0;
  if (rows < batch)
    throw new InputError(
      `--batch ${batch}: more than the ${rows} rows to train on; expected at most ${rows}`,
    );
  const { model, parameters } = await openNetwork(setup, setup);
  const [initial, ownOrder] = stream.spawn(2);
  if (initial === undefined || ownOrder === undefined) throw new Error("spawn(2) gives two streams");
  return {
    model,
    data,
    parameters: parameters(initial, dtype),
    optimizer: optimizerOf(setup),
    schedule: learningRate,
    batchSize: batch,
    // A short last batch would take a step as long as the others: deleting a few rows could change its size, and all else.
    sampler: (context) => epochShuffling(context, { last: "spread" }),
    epochs,
    stream: order ?? ownOrder,
    // One thread: the bits must not depend on how many there are.
    compile: { threads: 1 },
    ...(rowPenalty > 0 && { rowPenalty }),
    ...(signal && { signal }),
    ...(onProgress && { onProgress }),
  };
}

/** A training with its record, which is freed by `record.dispose`. */
export interface Recorded extends TrainingResult {
  readonly record: TrainingRecord;
}

/**
 * Trains and records.
 *
 * @param states which states are stored, and the others computed again from them
 * @param folder where they are stored; memory by default
 * @throws DivergenceError at the first loss that is not finite, naming the step and the learning rate
 */
export async function trainRecorded(
  options: TrainModelOptions,
  { states, folder }: { readonly states: StepSelection; readonly folder?: string | undefined },
): Promise<Recorded> {
  // In a folder the states are to be: none of them need stay in memory as well.
  const where = folder === undefined ? { budget: Number.POSITIVE_INFINITY } : { folder, budget: 0 };
  const { record, ...result } = await train({ ...options, record: { states, ...where } });
  if (result.status === "aborted") options.signal?.throwIfAborted();
  if (record === undefined) throw new Error("a record was asked for");
  return { ...result, record };
}

/** What a record of these states would take. */
export function recordBytes(options: TrainModelOptions, states: StepSelection): number {
  return recordSize({ ...options, record: { states } }).bytes;
}
