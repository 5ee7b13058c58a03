import { splitRows } from "../../data/split.ts";
import { castArray, type NDArray, ndarray } from "../../engine/ndarray.ts";
import { formatShape } from "../../engine/shape.ts";
import type { RandomStream } from "../../numeric/random.ts";
import { meanInterval } from "../../numeric/statistics/mean-interval.ts";
import { wilsonInterval } from "../../numeric/statistics/proportion.ts";
import type { Kept } from "../../runs/workers/kept-results.ts";
import { mapTasks, workModule } from "../../runs/workers/map-tasks.ts";
import { examplesAt } from "../../training/problem.ts";
import type { Labelled, TrainingData, TrainingOutcome, TrainingTask } from "./accuracy-work.ts";
import type { ModelChoice } from "./attacked-model.ts";
import { type Estimate, planOf } from "./audit.ts";
import type { DefencePlan } from "./defences/parse.ts";
import { tunedRates } from "./tuned-rates.ts";

/** What training under a defence costs in accuracy. */

export interface CostRequest {
  /** [n, channels, height, width] in [0, 1]. */
  readonly images: NDArray;
  /** A class of each image. */
  readonly labels: ArrayLike<number>;
  /** `lenet` by default; of the images' shape where it is not a file. */
  readonly network?: ModelChoice;
  /** Of a named network. */
  readonly classes: number;
  /** As `parseDefences` reads each. */
  readonly defences: readonly string[];
  /** Trainings under each defence, with a network, batches and noise of their own; 5 by default. */
  readonly seeds?: number;
  /** Steps of a training; 1200 by default. */
  readonly steps?: number;
  /** Images of a client, of one step; {@link clientImages} by default. */
  readonly batchSize?: number;
  /** Tried for each defence on validation images; {@link learningRates} by default. */
  readonly rates?: readonly number[];
  readonly stream: RandomStream;
  /** Processes at a time; 1 by default. The result has the same bits whatever the number. */
  readonly threads?: number;
  /** The trainings that are done already, and where further ones go. */
  readonly kept?: { readonly tuning: Kept<TrainingOutcome>; readonly trainings: Kept<TrainingOutcome> };
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

export interface DefenceCost {
  readonly defence: string;
  /** The mean share of test images whose class is told, with a 95 % interval: Student's t over the seeds, Wilson's for one seed. */
  readonly accuracy: Estimate;
  /** How much lower that is than without a defence, seed by seed; undefined where `none` is not among the defences. */
  readonly cost: Estimate | undefined;
  /** The rate of the best validation accuracy. */
  readonly learningRate: number;
  /** Of each seed. */
  readonly outcomes: readonly TrainingOutcome[];
}

export interface CostOfDefences {
  readonly defences: readonly DefenceCost[];
  /** How many images trained, chose the learning rate and measured. */
  readonly images: { readonly train: number; readonly validation: number; readonly test: number };
}

/** Learning rates of Adam that are tried where none are given. */
export const learningRates: readonly number[] = [3e-3, 1e-2, 3e-2];

/** Images of a client where nothing else is said. */
export const clientImages = 16;

/** The fewest images on which an accuracy is measured. */
export const fewestImages = 500;

/** Whether training under these defences is feasible: Soteria's scores take a Jacobian of each image. */
export function canTrain({ defences }: DefencePlan): boolean {
  return !defences.some(({ effects }) => effects.some(({ kind }) => kind === "hiding"));
}

const shares = { train: 0.75, validation: 0.1, test: 0.15 };

/**
 * Trains as a federated server would on what its clients share, for each defence, and measures the accuracy on images that
 * took no part. At each step one client computes the gradient of its batch, defends it and shares it; the server takes a step
 * of Adam with it, of a rate that falls as a cosine. Clipping and `dp` clip the gradient of each example, and the noise of
 * `dp` goes to their sum; other defences change the gradient of the batch. The network is the audited one with the same
 * random initialisation. Its learning rate is chosen for each defence by the accuracy on validation images, in
 * trainings of their own; rates beyond the given ones are tried where the best is at their edge.
 *
 * @throws RangeError when there are fewer than {@link fewestImages} images, a defence cannot be read, or a number is out of range
 * @throws the signal's reason when it is aborted
 */
export async function costOfDefences(request: CostRequest): Promise<CostOfDefences> {
  const { defences, seeds = 5, steps = 1200, batchSize = clientImages, rates = learningRates } = request;
  const { threads = 1, kept, onProgress, signal } = request;
  for (const [name, value] of Object.entries({ seeds, steps, batchSize, rates: rates.length }))
    if (!Number.isInteger(value) || value < 1)
      throw new RangeError(`cost: ${name} ${value} is not a positive integer`);
  const plans = defences.map(planOf);
  for (const plan of plans)
    if (!canTrain(plan))
      throw new RangeError(
        `cost: "${plan.text}" looks at each image by a Jacobian at every step, which is too slow to train under`,
      );
  const [splitting, tuning, training] = request.stream.spawn(3);
  if (splitting === undefined || tuning === undefined || training === undefined)
    throw new Error("spawn(3) gives three streams");
  const common = dataOf(request, splitting);
  let done = (kept?.tuning.finished.size ?? 0) + (kept?.trainings.finished.size ?? 0);
  let total = plans.length * (rates.length + seeds);
  const trainAll = (
    tasks: readonly TrainingTask[],
    finished: ReadonlyMap<number, TrainingOutcome> | undefined,
    keep: ((place: number, outcome: TrainingOutcome) => void) | undefined,
  ) =>
    mapTasks<TrainingTask, TrainingOutcome, TrainingData>(
      workModule(import.meta.url, "accuracy-work"),
      tasks,
      {
        threads,
        signal,
        common,
        ...(finished && { finished }),
        onResult(place, outcome) {
          keep?.(place, outcome);
          onProgress?.(++done, total);
        },
      },
    );
  const chosen = await tunedRates({
    defences: plans.map(({ text }) => text),
    rates,
    taskOf: (defence, learningRate) => ({
      defence,
      learningRate,
      steps,
      batchSize,
      stream: tuning.state(),
      measure: "validation",
    }),
    async train(trials, finished) {
      total = trials.length + plans.length * seeds;
      return trainAll(trials, finished, kept?.tuning.keep);
    },
    ...(kept && { finished: kept.tuning.finished }),
  });
  const streams = training.spawn(seeds).map((stream) => stream.state());
  const outcomes = await trainAll(
    plans.flatMap(({ text: defence }, i) =>
      streams.map((stream): TrainingTask => {
        return { defence, learningRate: chosen[i] ?? 0, steps, batchSize, stream, measure: "test" };
      }),
    ),
    kept?.trainings.finished,
    kept?.trainings.keep,
  );
  const each = plans.map((_, i) => outcomes.slice(i * seeds, (i + 1) * seeds));
  const bare = each[plans.findIndex(({ text }) => text === "none")];
  const examples = rowsOf(common.test);
  return {
    defences: plans.map(({ text: defence }, i) => ({
      defence,
      accuracy: accuracyOf(each[i] ?? [], examples),
      cost: bare && costOf(each[i] ?? [], bare, examples),
      learningRate: chosen[i] ?? 0,
      outcomes: each[i] ?? [],
    })),
    images: { train: rowsOf(common.train), validation: rowsOf(common.validation), test: examples },
  };
}

function accuracyOf(outcomes: readonly TrainingOutcome[], examples: number): Estimate {
  const values = outcomes.map(({ accuracy }) => accuracy);
  const [only = Number.NaN] = values;
  if (values.length === 1)
    return { estimate: only, ...wilsonInterval(Math.round(only * examples), examples) };
  const { estimate, low, high } = meanInterval(values);
  return { estimate, low: Math.max(0, low), high: Math.min(1, high) };
}

/** The paired differences; of a single pair the interval of Newcombe's method 10, which takes the two for independent. */
function costOf(
  outcomes: readonly TrainingOutcome[],
  bare: readonly TrainingOutcome[],
  examples: number,
): Estimate {
  const differences = outcomes.map(({ accuracy }, i) => (bare[i]?.accuracy ?? Number.NaN) - accuracy);
  if (differences.length > 1) return meanInterval(differences);
  if (outcomes === bare) return { estimate: 0, low: 0, high: 0 };
  const [mine, other] = [accuracyOf(outcomes, examples), accuracyOf(bare, examples)];
  const estimate = other.estimate - mine.estimate;
  return {
    estimate,
    low: estimate - Math.hypot(other.estimate - other.low, mine.high - mine.estimate),
    high: estimate + Math.hypot(other.high - other.estimate, mine.estimate - mine.low),
  };
}

function dataOf(request: CostRequest, stream: RandomStream): TrainingData {
  const { images, labels, network = { model: "lenet" }, classes } = request;
  const [rows = 0, ...shape] = images.shape;
  if (shape.length !== 3)
    throw new RangeError(`cost: images ${formatShape(images.shape)}; expected [n, channels, height, width]`);
  if (rows < fewestImages)
    throw new RangeError(`cost: ${rows} images; at least ${fewestImages} are needed to train and to measure`);
  if (labels.length !== rows)
    throw new RangeError(`cost: ${labels.length} labels for ${rows} images: one for each is needed`);
  const { parts } = splitRows({ rows, fractions: shares, stratify: labels, stream });
  const all = { x: castArray(images, "float32"), y: ndarray(Array.from(labels), [rows], "int64") };
  const [train, validation, test] = [parts.train, parts.validation, parts.test].map((part = []) =>
    examplesAt(all, part),
  );
  if (train === undefined || validation === undefined || test === undefined)
    throw new Error("there are three parts");
  return { network, classes, train, validation, test };
}

function rowsOf({ y }: Labelled): number {
  return y.data.length;
}
