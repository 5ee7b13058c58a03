import { itemAt } from "../engine/lists.ts";
import type { CompileOptions } from "../engine/runtime/compile.ts";
import { type RandomStream, randomStream, type Seed } from "../numeric/random.ts";
import type { ClipOptions } from "./clip.ts";
import type { Evaluation } from "./evaluator.ts";
import type { Optimizer } from "./optimizer.ts";
import {
  type Criterion,
  type Examples,
  type LossFunction,
  type Problem,
  rowsOf,
  type TrainableModel,
} from "./problem.ts";
import type { RecordOptions } from "./record.ts";
import { epochShuffling, type Sampler, type SamplerContext } from "./sampler.ts";
import { constantRate, type Schedule } from "./schedule.ts";
import { requirePositiveInteger, requireWeights } from "./settings.ts";
import { sgd } from "./sgd.ts";

import { startOf } from "./start.ts";

import type { GradientTransform } from "./step-graph.ts";

import type { Carry, StepperOptions } from "./stepper.ts";
import type { StepSelection } from "./steps.ts";
import type { TrainingState } from "./training-state.ts";
import { arraysOf, type NamedArrays } from "./trees.ts";

/** The moment before an update (or at the end), as hooks see it. The arrays are valid until the hook returns. */
export interface StepView<P = NamedArrays> {
  /** How many updates were made. */
  readonly step: number;
  /** How many will have been made at the end. */
  readonly steps: number;
  readonly parameters: P;
  readonly optimizer: Carry["optimizer"];
  readonly buffers: NamedArrays;
  /** Of the update to come. */
  readonly learningRate: number;
  /** The mean loss of the last step's batch, NaN before the first. */
  readonly loss: number;
}

export interface Hook<P = NamedArrays> {
  readonly at: StepSelection;
  /** Returning `"stop"` ends the training there. */
  run(view: StepView<P>): unknown;
}

export interface EvaluateOptions<D = NamedArrays> {
  /** Held-out data of the structure of the training data. */
  readonly data: D;
  /** Steps from one evaluation to the next, which start at step 0; the end is always evaluated. Default: an epoch. */
  readonly every?: number;
  /** Rows of one call. Default 256. */
  readonly batchSize?: number;
}

export interface StoppingOptions {
  /** Ends the training after so many evaluations in a row without a better one. */
  readonly patience: number;
  /** A better one is better by more than this. Default 0. */
  readonly minimumImprovement?: number;
  /** Default `loss`; `accuracy` needs classes. */
  readonly measure?: "loss" | "accuracy";
  /** Whether the result has the parameters of the best evaluation (the default) or the last ones. */
  readonly restoreBest?: boolean;
}

export interface TrainingProgress {
  readonly step: number;
  readonly steps: number;
  readonly epoch: number;
  readonly loss: number;
  readonly learningRate: number;
  readonly evaluation?: Evaluation | undefined;
}

interface CommonOptions<P, D> {
  /** Arrays whose first axes count the same rows. */
  readonly data: D;
  /** Default plain SGD. */
  readonly optimizer?: Optimizer;
  /** The learning rate, or a function of the step. */
  readonly schedule: Schedule | number;
  /** Default {@link epochShuffling}. */
  readonly sampler?: (context: SamplerContext) => Sampler;
  /** Rows of one step. */
  readonly batchSize: number;
  /** How long: one of the two. */
  readonly epochs?: number;
  readonly steps?: number;
  /** Where random numbers come from: initial parameters, then the sampler, get a child each. Default seed 0. */
  readonly seed?: Seed;
  /** Instead of a seed. */
  readonly stream?: RandomStream;
  /** One factor for each row's loss [rows]; a batch's sum is still divided by its number of rows. */
  readonly weights?: ArrayLike<number>;
  /** See {@link ClipOptions}: gradients are clipped before the optimiser sees them. */
  readonly clip?: ClipOptions;
  /**
   * The norm to which the gradient of each row is clipped before it is weighed and their mean is taken, as in private
   * training (Abadi et al. 2016); for models without buffers, and without `inputs`.
   */
  readonly rowClipNorm?: number;
  /**
   * What is done to each batch's gradient, on the host, before clipping and the optimiser: compression, noise, whatever a
   * client does before it shares one. A pure function, with noise drawn by the step's number; steps then share no calls of the
   * runtime.
   */
  readonly transformGradient?: GradientTransform;
  /** Computes the gradient of a batch in so many equal parts, one after the other, to save memory. */
  readonly accumulate?: number;
  /**
   * Further arrays of a step (dropout masks, noise), a pure function of step and rows: `masks` of a model,
   * `context.inputs` of a loss.
   */
  readonly inputs?: (step: number, indices: Int32Array) => NamedArrays;
  readonly evaluate?: EvaluateOptions<D>;
  /** Early stopping; needs `evaluate`. */
  readonly stopping?: StoppingOptions;
  readonly hooks?: readonly Hook<P>[];
  readonly record?: RecordOptions;
  /** Called with a state of its own arrays, from which {@link CommonOptions.resume} goes on to the same bits. */
  readonly checkpoint?: { readonly every: number; save(state: TrainingState): unknown };
  readonly resume?: TrainingState;
  /** The norm of the parameters may grow to this times its first value (or 1, if larger). Default 1e8. */
  readonly maximumGrowth?: number;
  readonly signal?: AbortSignal;
  /** Called after every call of the runtime, which takes up to a quarter of a second. */
  readonly onProgress?: (progress: TrainingProgress) => void;
  /** Steps in one call of the runtime; changes no bit of the result. Default: as many as fit in a quarter of a second. */
  readonly stepsPerCall?: number;
  /** Threads, device; see `compile`. */
  readonly compile?: CompileOptions;
}

export interface TrainModelOptions extends CommonOptions<NamedArrays, Examples> {
  readonly model: TrainableModel;
  /** Default: softmax cross entropy. */
  readonly criterion?: Criterion;
  /** Default: the model's own, drawn from the seed. */
  readonly parameters?: NamedArrays;
  /** Running statistics; default the model's initial ones. */
  readonly buffers?: NamedArrays;
  /** Of drawn parameters. Default float32. */
  readonly dtype?: "float32" | "float64";
  /**
   * lambda of lambda/2 |parameters|^2 in the loss of every row, so that a row left out takes its share along, where an
   * optimiser's weight decay stays whole. It is no part of evaluations. Default 0.
   */
  readonly rowPenalty?: number;
}

export interface TrainLossOptions<P extends NamedArrays, D extends NamedArrays> extends CommonOptions<P, D> {
  readonly loss: LossFunction<P, D>;
  readonly parameters: P;
}

/** Options with their defaults, checked. */
export interface TrainingPlan {
  readonly problem: Problem;
  readonly optimizer: Optimizer;
  readonly stepper: StepperOptions;
  readonly parameters: NamedArrays;
  readonly buffers: NamedArrays;
  readonly sampler: Sampler;
  readonly learningRateOf: Schedule;
  readonly total: number;
  readonly rows: number;
}

/** @throws RangeError or TypeError in one line for options that do not fit */
export function planTraining(options: AnyTrainOptions): TrainingPlan {
  const { data, batchSize, weights, accumulate = 1, clip, inputs, rowClipNorm, transformGradient } = options;
  const rows = rowsOf("data", data);
  requirePositiveInteger("train", { batchSize, accumulate });
  if (batchSize > rows) throw new RangeError(`train: batchSize ${batchSize} is larger than the ${rows} rows`);
  if (batchSize % accumulate !== 0)
    throw new RangeError(`train: batchSize ${batchSize} cannot be split into ${accumulate} equal parts`);
  if (accumulate > 1 && inputs !== undefined)
    throw new RangeError("train: inputs of a step cannot be split for accumulate");
  requireWeights("train", weights, rows);
  if (options.stopping !== undefined && options.evaluate === undefined)
    throw new RangeError("train: stopping needs evaluate");

  const stream = options.stream ?? randomStream(options.seed ?? 0);
  const [initial, sampling] = stream.spawn(2);
  const { problem, parameters, buffers } = startOf("train", options, {
    stream: itemAt([initial], 0),
    dtype: options.dtype ?? "float32",
  });
  if (rowClipNorm !== undefined) {
    if (!(rowClipNorm > 0 && rowClipNorm < Infinity))
      throw new RangeError(`train: rowClipNorm ${rowClipNorm} is not a positive number`);
    if (inputs !== undefined || arraysOf(buffers).length > 0)
      throw new RangeError(
        "train: rowClipNorm needs rows that do not depend on one another: no inputs of a step, no model with buffers",
      );
  }
  const dtypes = new Set(arraysOf(parameters).map(({ dtype }) => dtype));
  if (dtypes.size !== 1 || !["float32", "float64"].includes([...dtypes][0] ?? ""))
    throw new RangeError(
      `train: the parameters are ${[...dtypes].join(" and ") || "none"}, not of one float dtype`,
    );
  const make = options.sampler ?? epochShuffling;
  const sampler = make({ size: rows, batchSize, stream: itemAt([sampling], 0) });
  const { schedule, optimizer = sgd() } = options;
  // JavaScript callers may give anything.
  if (typeof schedule !== "number" && typeof schedule !== "function")
    throw new TypeError(
      `train: schedule is ${String(schedule)}; expected a learning rate or a function of the step`,
    );
  if (typeof optimizer?.init !== "function" || typeof optimizer.update !== "function")
    throw new TypeError(`train: optimizer is ${String(optimizer)}; expected one as sgd() or adam() gives it`);
  return {
    problem,
    optimizer,
    parameters,
    buffers,
    sampler: weights === undefined ? sampler : withRowWeights(sampler, weights),
    learningRateOf: typeof schedule === "number" ? constantRate(schedule) : schedule,
    total: totalSteps(options, sampler),
    rows,
    stepper: {
      problem,
      optimizer,
      data,
      accumulate,
      ...(clip === undefined ? {} : { clip }),
      ...(rowClipNorm === undefined ? {} : { rowClipNorm }),
      ...(transformGradient === undefined ? {} : { transformGradient }),
      ...(inputs === undefined ? {} : { inputs }),
      ...(options.compile === undefined ? {} : { compile: options.compile }),
    },
  };
}

/** The options as the loop sees them, whatever the types of the caller's trees. */
export type AnyTrainOptions = CommonOptions<NamedArrays, NamedArrays> &
  Partial<Omit<TrainModelOptions, keyof CommonOptions<unknown, unknown>>> & {
    readonly loss?: LossFunction;
  };

function totalSteps({ steps, epochs }: AnyTrainOptions, { stepsPerEpoch }: Sampler): number {
  if ((steps === undefined) === (epochs === undefined))
    throw new RangeError("train: expected either steps or epochs");
  if (steps !== undefined) {
    requirePositiveInteger("train", { steps });
    return steps;
  }
  if (stepsPerEpoch === undefined) throw new RangeError("train: this sampler has no epochs; expected steps");
  if (!(epochs !== undefined && epochs > 0 && epochs < Number.POSITIVE_INFINITY))
    throw new RangeError(`train: epochs ${epochs} is not a positive number`);
  return Math.ceil(epochs * stepsPerEpoch);
}

/** The sampler's batches with the weights of their rows, times those the sampler gives. */
function withRowWeights(sampler: Sampler, weights: ArrayLike<number>): Sampler {
  const weigh = (batch: Awaited<ReturnType<Sampler["next"]>>) => ({
    indices: batch.indices,
    weights: Float64Array.from(
      batch.indices,
      (row: number | bigint, k: number) => (weights[Number(row)] as number) * (batch.weights?.[k] ?? 1),
    ),
  });
  return {
    ...sampler,
    next: (step, view) => {
      const batch = sampler.next(step, view);
      return batch instanceof Promise ? batch.then(weigh) : weigh(batch);
    },
  };
}
