/**
 * Recorded trainings of logistic regression by plain SGD in float64, in plain loops: with a hundred numbers a step, a call of
 * the runtime costs more than the step.
 */
import { itemAt } from "../engine/lists.ts";
import { parameterAt } from "../models/model.ts";
import { internalsOf, type TrainingRecord } from "./record.ts";
import { asInt32 } from "./step-arrays.ts";
import type { StepperOptions } from "./step-graph.ts";
import { arraysOf, type NamedArrays, ravelArrays } from "./trees.ts";

/** Parameters as one list: the weights, and behind them the bias where there is one. */
export interface LogisticTraining {
  /** [rows, width], with a last column of ones for the bias. */
  readonly x: Float64Array;
  readonly width: number;
  /** 0 or 1 for each row. */
  readonly y: Float64Array;
  readonly batches: readonly Int32Array[];
  /** Of the rows of each batch; absent where all are 1. */
  readonly weights: readonly (ArrayLike<number> | undefined)[];
  readonly learningRates: readonly number[];
  readonly rowPenalty: number;
  readonly weightDecay: number;
  /** The parameters before each step and at the end, [steps + 1, width]. */
  readonly trajectory: Float64Array;
  /** For each step, the probability of class 1 that its parameters give to each row of its batch. */
  readonly probabilities: readonly Float64Array[];
}

/** The trajectory may take this much. */
const mostBytes = 2 ** 27;

const known = new WeakMap<TrainingRecord, LogisticTraining>();

/** The training where it is one of these, made once for each record; `undefined` where it is another. */
export async function logisticTraining(record: TrainingRecord): Promise<LogisticTraining | undefined> {
  const made = known.get(record);
  if (made !== undefined) return made;
  const { stepper, store } = internalsOf(record);
  const { options } = stepper;
  if (!isLogisticDescent(options)) return undefined;
  const { parameters } = await store.view(record.firstStep);
  const start = ravelArrays(parameters);
  const isSmall = (record.lastStep - record.firstStep + 1) * start.length * 8 <= mostBytes;
  if (!isSmall || arraysOf(parameters).some(({ dtype }) => dtype !== "float64")) return undefined;
  const training = trainingOf(record, options, start, "bias" in subtree(parameters));
  known.set(record, training);
  return training;
}

function subtree(parameters: NamedArrays): object {
  return parameters.fc ?? {};
}

function isLogisticDescent({
  problem,
  optimizer,
  clip = {},
  rowClipNorm,
  transformGradient,
  inputs,
}: StepperOptions): boolean {
  return (
    problem.logistic !== undefined &&
    optimizer.gradientDescent !== undefined &&
    clip.globalNorm === undefined &&
    clip.value === undefined &&
    [rowClipNorm, transformGradient, inputs].every((each) => each === undefined)
  );
}

function trainingOf(
  record: TrainingRecord,
  { data, problem, optimizer }: StepperOptions,
  start: Float64Array,
  hasBias: boolean,
): LogisticTraining {
  const [features, labels] = [parameterAt(data, "x"), parameterAt(data, "y")];
  const rows = labels.data.length;
  const width = start.length;
  const own = features.data.length / rows;
  const x = new Float64Array(rows * width);
  for (let row = 0; row < rows; row++) {
    for (let k = 0; k < own; k++) x[row * width + k] = Number(features.data[row * own + k]);
    if (hasBias) x[row * width + own] = 1;
  }
  const steps = record.lastStep - record.firstStep;
  const training: LogisticTraining = {
    x,
    width,
    y: Float64Array.from(labels.data, Number),
    batches: record.batches.map(({ indices }) => asInt32(indices)),
    weights: record.batches.map(({ weights }) => weights),
    learningRates: record.learningRates,
    rowPenalty: problem.logistic?.rowPenalty ?? 0,
    weightDecay: optimizer.gradientDescent?.weightDecay ?? 0,
    trajectory: new Float64Array((steps + 1) * width),
    probabilities: record.batches.map(({ indices }) => new Float64Array(indices.length)),
  };
  training.trajectory.set(start);
  const theta = start.slice();
  for (let step = 0; step < steps; step++) {
    descend(training, step, theta);
    training.trajectory.set(theta, (step + 1) * width);
  }
  return training;
}

/** One step of the parameters, in place. */
function descend(training: LogisticTraining, step: number, theta: Float64Array): void {
  const { x, y, width, batches, learningRates, rowPenalty, weightDecay } = training;
  const weights = training.weights[step];
  const probabilities = itemAt(training.probabilities, step);
  const batch = itemAt(batches, step);
  const share = itemAt(learningRates, step) / batch.length;
  const slopes = new Float64Array(batch.length);
  let mass = 0;
  for (let k = 0; k < batch.length; k++) {
    const row = batch[k] as number;
    const weight = weights === undefined ? 1 : (weights[k] as number);
    const logit = product(x, row * width, theta, 0, width);
    const probability = 1 / (1 + Math.exp(-logit));
    probabilities[k] = probability;
    slopes[k] = share * weight * (probability - (y[row] as number));
    mass += weight;
  }
  const kept = 1 - share * (rowPenalty * mass + weightDecay * batch.length);
  if (kept !== 1) for (let i = 0; i < width; i++) theta[i] = (theta[i] as number) * kept;
  subtractRows(x, width, batch, slopes, theta);
}

/** theta -= sum over k of factors[k] x[batch[k]] */
function subtractRows(
  x: Float64Array,
  width: number,
  batch: Int32Array,
  factors: Float64Array,
  theta: Float64Array,
): void {
  let k = 0;
  for (; k + 1 < batch.length; k += 2) {
    const [f, g] = [factors[k] as number, factors[k + 1] as number];
    const [a, b] = [(batch[k] as number) * width, (batch[k + 1] as number) * width];
    for (let i = 0; i < width; i++)
      theta[i] = (theta[i] as number) - f * (x[a + i] as number) - g * (x[b + i] as number);
  }
  if (k === batch.length) return;
  const f = factors[k] as number;
  const a = (batch[k] as number) * width;
  for (let i = 0; i < width; i++) theta[i] = (theta[i] as number) - f * (x[a + i] as number);
}

/**
 * What the walk back finds at a step: for each query the derivatives of ⟨query, end⟩ by the weights of its rows, in arrays that
 * the next step overwrites.
 */
export type OnLogisticStep = (
  step: number,
  slopes: readonly Float64Array[],
  norms: readonly number[],
) => void;

/**
 * The walk of `differentiateRecord`.
 *
 * @param queries changed into their cotangents before step `from`
 * @param onStep called from the last step to `from`, counted from the record's first
 */
export function walkBackLogistic(
  training: LogisticTraining,
  queries: readonly Float64Array[],
  { from, hasCurvature }: { readonly from: number; readonly hasCurvature: boolean },
  onStep: OnLogisticStep,
): void {
  const { x, y, width, batches, weights, learningRates, rowPenalty, weightDecay, trajectory } = training;
  let curved = new Float64Array(0);
  let slopes: Float64Array[] = [];
  for (let step = batches.length - 1; step >= from; step--) {
    const batch = itemAt(batches, step);
    const own = weights[step];
    const share = itemAt(learningRates, step) / batch.length;
    const theta = step * width;
    const probabilities = itemAt(training.probabilities, step);
    if (curved.length !== batch.length) {
      curved = new Float64Array(batch.length);
      slopes = queries.map(() => new Float64Array(batch.length));
    }
    let mass = 0;
    for (let k = 0; k < batch.length; k++) mass += own === undefined ? 1 : (own[k] as number);
    const penalty = hasCurvature ? rowPenalty * mass : 0;
    const kept = 1 - share * (penalty + weightDecay * batch.length);
    const norms: number[] = [];
    for (const [q, query] of queries.entries()) {
      const found = itemAt(slopes, q);
      const along = rowPenalty === 0 ? 0 : product(trajectory, theta, query, 0, width);
      for (let k = 0; k < batch.length; k++) {
        const row = batch[k] as number;
        const pushed = product(x, row * width, query, 0, width);
        const probability = probabilities[k] as number;
        const weight = own === undefined ? 1 : (own[k] as number);
        found[k] = -share * ((probability - (y[row] as number)) * pushed + rowPenalty * along);
        curved[k] = share * weight * probability * (1 - probability) * pushed;
      }
      if (kept !== 1) for (let i = 0; i < width; i++) query[i] = (query[i] as number) * kept;
      if (hasCurvature) subtractRows(x, width, batch, curved, query);
      norms.push(Math.sqrt(product(query, 0, query, 0, width)));
    }
    onStep(step, slopes, norms);
  }
}

/** The inner product of `length` numbers of a from `i` on and of b from `j` on; four sums, for none waits for another. */
function product(a: Float64Array, i: number, b: Float64Array, j: number, length: number): number {
  let [s0, s1, s2, s3] = [0, 0, 0, 0];
  let k = 0;
  for (; k + 3 < length; k += 4) {
    s0 += (a[i + k] as number) * (b[j + k] as number);
    s1 += (a[i + k + 1] as number) * (b[j + k + 1] as number);
    s2 += (a[i + k + 2] as number) * (b[j + k + 2] as number);
    s3 += (a[i + k + 3] as number) * (b[j + k + 3] as number);
  }
  for (; k < length; k++) s0 += (a[i + k] as number) * (b[j + k] as number);
  return s0 + s1 + (s2 + s3);
}
