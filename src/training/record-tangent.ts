/**
 * How the end of a recorded training moves when a row is left out, to first order: one walk forwards through the record
 * with the derivative of the very step that trained. The whole vector, for a few rows, where `differentiateRecord` gives
 * one number for each row.
 */
import { InputError } from "../data/input-error.ts";
import { itemAt } from "../engine/lists.ts";
import { type NDArray, zerosArray } from "../engine/ndarray.ts";
import * as op from "../engine/ops/index.ts";
import type { Tensor } from "../engine/tensor.ts";
import { jvp } from "../engine/transforms/jvp.ts";
import { scan } from "../engine/transforms/scan.ts";
import { vmap } from "../engine/transforms/vmap.ts";
import { compileTrees } from "./compile-trees.ts";
import type { Curvature } from "./problem.ts";
import { internalsOf, type RecordedStep, type TrainingRecord } from "./record.ts";
import { differentiableOptions } from "./record-adjoint.ts";
import { callsAlong, readAt, stackedStep, stackOf, stackSteps } from "./record-steps.ts";
import { replayForward } from "./replay.ts";
import { type StepperOptions, takeStep } from "./step-graph.ts";
import {
  type ArrayTree,
  areMatrices,
  arraysOf,
  branchAt,
  bytesOf,
  mapTensors,
  type NamedArrays,
  type TensorTree,
  tensorAt,
  tensorsOf,
  withArrays,
  zerosOf,
} from "./trees.ts";

export interface TangentOptions {
  /**
   * `none`: the derivative by the weight of a row, times -1, as S. Hara et al. 2019 estimate. `acc`: at the steps that hold
   * the row, its own curvature is left out too and the step without it is taken as it is, so that the error is of second
   * order in the displacement (ACC-SGD-IE, arXiv 2510.26185, for any optimiser). Default `none`.
   */
  readonly correction?: "none" | "acc";
  /** Default `exact`. */
  readonly curvature?: Curvature;
  readonly signal?: AbortSignal | undefined;
  /** Called with how many steps were taken, of how many. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** Displacements that are moved along together take at most this much. */
const stackedBytes = 2 ** 27;

/**
 * For each row, the predicted final parameters without it less those with it.
 *
 * @param rows row numbers of the training data, from 0
 * @throws RangeError when a row is none of the data, or the training's rows depend on one another
 * @throws InputError when a displacement is not finite, naming the step
 */
export async function displacements(
  record: TrainingRecord,
  rows: readonly number[],
  { correction = "none", curvature = "exact", signal, onProgress }: TangentOptions = {},
): Promise<NamedArrays[]> {
  const { stepper, store } = internalsOf(record);
  const start = await store.view(record.firstStep);
  const options = differentiableOptions(stepper.options, start, curvature);
  requireRows("displacements", rows, options.data);
  // Kernels of several displacements are no one convolution.
  const together = areMatrices(start.parameters) ? Math.max(1, Math.floor(stackedBytes / bytesOf(start))) : 1;
  const steps = record.lastStep - record.firstStep;
  const total = Math.ceil(rows.length / together) * steps;
  const found: NamedArrays[] = [];
  for (let first = 0; first < rows.length; first += together) {
    const done = (first / together) * steps;
    const part = rows.slice(first, first + together);
    found.push(
      ...(await displacementsTogether(record, options, part, {
        correction,
        signal,
        onStep: (step) => onProgress?.(done + step - record.firstStep + 1, total),
      })),
    );
  }
  return found;
}

/** @throws RangeError naming the first row that is none of the data */
export function requireRows(owner: string, rows: readonly number[], data: NamedArrays): void {
  const count = arraysOf(data)[0]?.shape[0] ?? 0;
  const bad = rows.find((row) => !Number.isInteger(row) || row < 0 || row >= count);
  if (bad !== undefined)
    throw new RangeError(`${owner}: ${bad} is not one of the ${count} rows trained on, counted from 0`);
}

async function displacementsTogether(
  record: TrainingRecord,
  options: StepperOptions,
  rows: readonly number[],
  {
    correction,
    signal,
    onStep,
  }: {
    readonly correction: "none" | "acc";
    readonly signal: AbortSignal | undefined;
    readonly onStep: (step: number) => void;
  },
): Promise<NamedArrays[]> {
  const { store } = internalsOf(record);
  const { parameters, optimizer } = await store.view(record.firstStep);
  let moved: Displacement = {
    parameters: zerosOf(stackOf(parameters, rows.length)) as NamedArrays,
    optimizer: zerosOf(stackOf(optimizer, rows.length)),
  };
  // The shapes of the displacements are the same at every step.
  const like = moved;
  const compile = (list: readonly RecordedStep[]): Promise<PushCall> =>
    compilePush(options, list, like, correction);
  for await (const { list, call } of callsAlong(record, replayForward(record), { compile, signal })) {
    moved = await call.run(list, moved, rows);
    const { step, learningRate } = itemAt(list, list.length - 1);
    if (!arraysOf(moved).every(({ data }) => (data as Float64Array).every(Number.isFinite)))
      throw new InputError(
        `the displacement of a row left the finite numbers by step ${step}: a learning rate of ${learningRate} is too large for the curvature there; expected a smaller one`,
      );
    onStep(step);
  }
  return rows.map((_, i) => readAt(moved.parameters, i));
}

type Displacement = { readonly parameters: NamedArrays; readonly optimizer: ArrayTree };

interface PushCall {
  run(list: readonly RecordedStep[], before: Displacement, rows: readonly number[]): Promise<Displacement>;
  dispose(): Promise<void>;
}

async function compilePush(
  options: StepperOptions,
  like: readonly RecordedStep[],
  moved: Displacement,
  correction: "none" | "acc",
): Promise<PushCall> {
  const { arrays, fill } = stackSteps(options, like);
  const count = arraysOf(moved.parameters)[0]?.shape[0] ?? 0;
  const dtype = arraysOf(moved.parameters)[0]?.dtype ?? "float32";
  const size = itemAt(like, 0).batch.indices.length;
  const without = zerosArray([like.length, count, size], dtype);
  const executable = await compileTrees(
    (before, data, steps, left) => {
      const [after] = scan(
        (displacement: TensorTree, at: TensorTree): readonly [TensorTree, TensorTree] => [
          pushStep(options, data, at, displacement, correction),
          {},
        ],
        before,
        { recorded: steps, left },
      );
      return after;
    },
    [moved, options.data, arrays, without],
    options.compile,
  );
  return {
    async run(list, before, rows) {
      fill(list);
      fillWithout(without, list, rows);
      return withArrays(before, arraysOf(await executable.run(before, options.data, arrays, without)));
    },
    dispose: () => executable.dispose(),
  };
}

/** For each row left out [steps, rows, B], the weights of the batch without it. */
function fillWithout(without: NDArray, list: readonly RecordedStep[], rows: readonly number[]): void {
  let place = 0;
  for (const { batch } of list)
    for (const row of rows)
      for (const [k, index] of batch.indices.entries())
        without.data[place++] = Number(index) === row ? 0 : (batch.weights?.[k] ?? 1);
}

function pushStep(
  options: StepperOptions,
  data: TensorTree,
  at: TensorTree,
  displacement: TensorTree,
  correction: "none" | "acc",
): TensorTree {
  const { parameters, optimizer, step } = stackedStep(branchAt(at, "recorded"));
  const left = tensorAt(at, "left");
  if (left === undefined) throw new TypeError("a step comes with the weights of the batch without each row");
  const weights = step.weights ?? op.ones([step.indices.size], tensorsOf(parameters)[0]?.dtype ?? "float32");
  const taken = (p: TensorTree, o: TensorTree, w: Tensor): TensorTree => {
    const [next] = takeStep(options, { parameters: p, optimizer: o, buffers: {} }, data, {
      ...step,
      weights: w,
    });
    return { parameters: next.parameters, optimizer: next.optimizer };
  };
  const push = (moved: TensorTree, without: Tensor): TensorTree => {
    const [p, o] = [branchAt(moved, "parameters"), branchAt(moved, "optimizer")];
    if (correction === "none")
      return jvp(taken, [parameters, optimizer, weights], [p, o, without.sub(weights)])[1];
    const [there, direction] = jvp(
      (q: TensorTree, r: TensorTree) => taken(q, r, without),
      [parameters, optimizer],
      [p, o],
    );
    return mapTensors(
      (slope, end, usual) => slope.add(end.sub(usual)),
      direction,
      there,
      taken(parameters, optimizer, weights),
    );
  };
  if (left.shape[0] !== 1) return vmap(push, [0, 0])(displacement, left);
  const [one, without] = [mapTensors((leaf) => op.squeeze(leaf, 0), displacement), op.squeeze(left, 0)];
  return mapTensors((leaf) => op.unsqueeze(leaf, 0), push(one, without));
}
