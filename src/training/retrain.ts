/**
 * What a recorded training would have come to without some rows: the same start, the same batches in the same order, the
 * same learning rates. Many such trainings share their batches, and so each call of the runtime.
 */
import { itemAt } from "../engine/lists.ts";
import { ndarray } from "../engine/ndarray.ts";
import * as op from "../engine/ops/index.ts";
import type { Tensor } from "../engine/tensor.ts";
import { vmap } from "../engine/transforms/vmap.ts";
import { norm } from "../numeric/linear-algebra/vector.ts";
import { requireBoundedNorm, requireFiniteLosses } from "./divergence.ts";
import { logisticRuns } from "./logistic-runs.ts";
import { type LogisticTraining, logisticTraining } from "./logistic-training.ts";
import { createPacing, type Walker, walk } from "./pacing.ts";
import type { Problem } from "./problem.ts";
import { internalsOf, lastEpochsStart, type TrainingRecord } from "./record.ts";
import { readAt, stackOf, writeAt } from "./record-steps.ts";
import { requireRows } from "./record-tangent.ts";
import { replay } from "./replay.ts";
import type { Batch } from "./sampler.ts";
import { asInt32 } from "./step-arrays.ts";
import type { StepperOptions } from "./step-graph.ts";
import { type Carry, createStepper, type Stepper } from "./stepper.ts";
import {
  areMatrices,
  arraysOf,
  bytesOf,
  copyArrays,
  type NamedArrays,
  type TensorTree,
  tensorAt,
  unravelArrays,
  zerosOf,
} from "./trees.ts";

export interface RetrainOptions {
  /**
   * By what a batch's sum of losses is divided when rows are left out of it: still by the size it had (`drop`, the paper's
   * rule), or by what is left (`renorm`). A batch of which nothing is left moves nothing but a momentum. Default `drop`.
   */
  readonly normalize?: "drop" | "renorm";
  /** The rows are left out in so many epochs from the last; what was before stays. Default all. */
  readonly lastEpochs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called with how many steps were taken, of how many. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** Trainings that go on together take at most this much. */
const stackedBytes = 2 ** 26;

/**
 * The final parameters of a training without some rows, for each list of rows.
 *
 * @param removals row numbers of the training data, from 0, for each training
 * @returns for each, parameters like those of the record
 * @throws RangeError when a row is none of the data, the training cannot be taken apart into rows, or has not so many epochs
 * @throws DivergenceError when a loss is not finite, naming step and learning rate
 */
export async function retrainWithout(
  record: TrainingRecord,
  removals: readonly (readonly number[])[],
  { normalize = "drop", lastEpochs, signal, onProgress }: RetrainOptions = {},
): Promise<NamedArrays[]> {
  const { stepper } = internalsOf(record);
  const { options } = stepper;
  const span = spanFrom(record, lastEpochsStart(record, lastEpochs));
  const start = await replay(record, span.firstStep);
  for (const rows of removals) requireRows("retrainWithout", rows, options.data);
  requireSeparable(options, start);
  const sets = removals.map((rows) => new Set(rows));
  const logistic = await logisticTraining(record);
  if (logistic !== undefined)
    return retrainLogistic(record, logistic, sets, start.parameters, {
      ...{ normalize, signal, onProgress },
      from: span.firstStep - record.firstStep,
    });
  // Clipping by a norm would mix stacked trainings, and kernels of several are no one convolution.
  const isAlone =
    options.clip?.globalNorm !== undefined ||
    options.rowClipNorm !== undefined ||
    !areMatrices(start.parameters);
  const together = isAlone ? 1 : Math.max(1, Math.floor(stackedBytes / bytesOf(start)));
  const steps = span.lastStep - span.firstStep;
  const total = Math.ceil(sets.length / together) * steps;
  const ends: NamedArrays[] = [];
  for (let first = 0; first < sets.length; first += together) {
    const done = (first / together) * steps;
    const part = sets.slice(first, first + together);
    const onStep = (taken: number): void => onProgress?.(done + taken, total);
    const how = { normalize, signal, onStep };
    if (isAlone) ends.push(await retrainAlone(span, stepper, start, part, how));
    else ends.push(...(await retrainTogether(span, options, start, part, how)));
  }
  return ends;
}

async function retrainLogistic(
  { lastStep, firstStep, learningRates }: TrainingRecord,
  training: LogisticTraining,
  removed: readonly ReadonlySet<number>[],
  like: NamedArrays,
  { normalize, signal, onProgress, from }: Omit<RetrainOptions, "lastEpochs"> & { readonly from: number },
): Promise<NamedArrays[]> {
  const learningRateOf = (step: number): number => itemAt(learningRates, step - firstStep);
  let heard = performance.now();
  const ends = await logisticRuns(training, removed, {
    renormalizes: normalize === "renorm",
    from,
    async onEnds(count) {
      onProgress?.(count, removed.length);
      // Now and then others get their turn, an abort among them.
      if (performance.now() - heard < 50) return;
      await new Promise(setImmediate);
      signal?.throwIfAborted();
      heard = performance.now();
    },
  });
  return ends.map((end) => {
    requireBoundedNorm(norm(end), Number.MAX_VALUE, lastStep, learningRateOf);
    return unravelArrays(like, end);
  });
}

/** The steps that are taken again. */
type Span = Pick<TrainingRecord, "firstStep" | "lastStep" | "batches" | "learningRates">;

function spanFrom({ firstStep, lastStep, batches, learningRates }: TrainingRecord, from: number): Span {
  const skipped = from - firstStep;
  return {
    firstStep: from,
    lastStep,
    batches: batches.slice(skipped),
    learningRates: learningRates.slice(skipped),
  };
}

interface How {
  readonly normalize: "drop" | "renorm";
  readonly signal: AbortSignal | undefined;
  readonly onStep: (taken: number) => void;
}

/** One training by the record's own graphs, with weights. */
async function retrainAlone(
  span: Span,
  stepper: Stepper,
  start: Carry,
  removed: readonly ReadonlySet<number>[],
  how: How,
): Promise<NamedArrays> {
  const weighted = span.batches.map(({ indices, weights }) => ({
    indices,
    weights: weightsWithout(asInt32(indices), weights, removed, how.normalize),
  }));
  // The walk writes over what it starts from.
  const own = copyArrays<Carry>(start);
  const end = await walkBatches(span, stepper, own, weighted, how);
  return end.parameters;
}

/** The end of the record's steps with other batches. */
async function walkBatches(
  { firstStep, lastStep, learningRates }: Span,
  stepper: Stepper,
  carry: Carry,
  batches: readonly Batch[],
  { signal, onStep }: How,
): Promise<Carry> {
  const walker: Walker = { carry, spare: zerosOf(carry) as Carry };
  const learningRateOf = (step: number): number => itemAt(learningRates, step - firstStep);
  const span = { firstStep, batches, learningRateOf, total: lastStep };
  for await (const { firstStep: step, losses, batches: taken } of walk(
    stepper,
    walker,
    createPacing(),
    span,
  )) {
    signal?.throwIfAborted();
    requireFiniteLosses(losses, step, learningRateOf);
    onStep(step - firstStep + taken.length);
  }
  return walker.carry;
}

function requireSeparable({ transformGradient }: StepperOptions, { buffers }: Carry): void {
  if (arraysOf(buffers).length > 0)
    throw new RangeError(
      "retrainWithout: batch normalisation makes the rows of a batch depend on one another; expected a model without it, or with group normalisation",
    );
  if (transformGradient !== undefined)
    throw new RangeError(
      "retrainWithout: expected a training whose gradients were not transformed on the host",
    );
}

async function retrainTogether(
  span: Span,
  options: StepperOptions,
  start: Carry,
  removed: readonly ReadonlySet<number>[],
  how: How,
): Promise<NamedArrays[]> {
  const count = removed.length;
  const { firstStep, batches } = span;
  const dtype = arraysOf(start.parameters)[0]?.dtype ?? "float32";
  const stepper = createStepper({
    problem: stackedProblem(options.problem),
    optimizer: options.optimizer,
    data: options.data,
    ...(options.clip === undefined ? {} : { clip: options.clip }),
    ...(options.compile === undefined ? {} : { compile: options.compile }),
    inputs: (step, indices) => {
      const { weights } = itemAt(batches, step - firstStep);
      const values = weightsWithout(indices, weights, removed, how.normalize);
      return {
        weights: ndarray(values, [count, indices.length], dtype),
        inputs: options.inputs?.(step, indices) ?? {},
      };
    },
  });
  try {
    const parameters = stackOf(start.parameters, count);
    for (let i = 0; i < count; i++) writeAt(parameters, start.parameters, i);
    const optimizer = await stepper.initialState(parameters);
    tileInto(optimizer, start.optimizer, count);
    // The weights come as inputs of a step, one list for each training.
    const bare = batches.map(({ indices }) => ({ indices }));
    const end = await walkBatches(span, stepper, { parameters, optimizer, buffers: {} }, bare, how);
    return removed.map((_, i) => readAt(end.parameters, i));
  } finally {
    await stepper.dispose();
  }
}

/** The sum of the losses of trainings that share nothing but their batches, so that each gradient is its own. */
function stackedProblem(problem: Problem): Problem {
  return {
    ...problem,
    train(parameters, buffers, batch, inputs) {
      const weights = tensorAt(inputs, "weights");
      if (weights === undefined) throw new TypeError("stacked trainings come with their weights");
      const further = (inputs as { readonly inputs?: TensorTree }).inputs ?? {};
      const one = (values: TensorTree, factors: Tensor): Tensor => {
        const { loss } = problem.train(values, {}, batch, further);
        if (loss.rank !== 1)
          throw new RangeError("retrainWithout: needs a loss function that returns one loss for each row");
        return op.mean(loss.mul(factors));
      };
      return { loss: op.sum(vmap(one, [0, 0])(parameters, weights)), buffers };
    },
  };
}

/** The weights of a batch's rows [trainings, B] where each training lacks some. */
function weightsWithout(
  indices: ArrayLike<number>,
  weights: ArrayLike<number> | undefined,
  removed: readonly ReadonlySet<number>[],
  normalize: "drop" | "renorm",
): Float64Array {
  const size = indices.length;
  const values = new Float64Array(removed.length * size);
  for (const [i, rows] of removed.entries()) {
    let left = 0;
    for (let k = 0; k < size; k++) {
      if (rows.has(indices[k] ?? 0)) continue;
      values[i * size + k] = weights?.[k] ?? 1;
      left++;
    }
    if (normalize === "renorm" && left > 0 && left < size)
      for (let k = 0; k < size; k++) values[i * size + k] = ((values[i * size + k] ?? 0) * size) / left;
  }
  return values;
}

/** Writes an optimiser's state into that of stacked trainings; what these share, as a step's number, is written once. */
function tileInto(stacked: Carry["optimizer"], single: Carry["optimizer"], count: number): void {
  const sources = arraysOf(single);
  for (const [k, target] of arraysOf(stacked).entries()) {
    const source = itemAt(sources, k);
    const times = target.shape.length === source.shape.length ? 1 : count;
    for (let i = 0; i < times; i++)
      (target.data as Float64Array).set(source.data as Float64Array, i * source.data.length);
  }
}
