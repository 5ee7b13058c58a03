// The reference numbers for this method, as trainings of the workbench.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type NDArray, ndarray } from "../../engine/ndarray.ts";
import { sizeOf } from "../../engine/shape.ts";
import * as tree from "../../engine/tree.ts";
import { logistic } from "../../models/logistic.ts";
import { mlp } from "../../models/mlp.ts";
import { randomStream } from "../../numeric/random.ts";
import type { Examples } from "../../training/problem.ts";
import type { TrainingRecord } from "../../training/record.ts";
import { givenBatches } from "../../training/sampler.ts";
import { train } from "../../training/train.ts";
import type { TrainModelOptions } from "../../training/train-options.ts";
import type { NamedArrays } from "../../training/trees.ts";

const shared = process.env.FALLLINE_SHARED ?? join(import.meta.dirname, "../../../../shared");
const folder = join(shared, "vectors/cleansing");

/** Why tests that need the reference numbers are skipped; `undefined` where they are there. */
export const noVectors = existsSync(folder) ? undefined : "the reference vectors are not on this machine";

export interface Metagradient {
  readonly theta_T: readonly number[];
  readonly dtheta_dw: readonly (readonly number[])[];
  readonly theta_minus: readonly (readonly number[])[];
}

export interface Vectors {
  readonly sizes: readonly number[];
  readonly alpha: number;
  readonly X: readonly (readonly number[])[];
  readonly Y: readonly number[];
  readonly X_val: readonly (readonly number[])[];
  readonly Y_val: readonly number[];
  readonly theta0: readonly number[];
  readonly batches: readonly (readonly number[])[];
  readonly lrs: readonly number[];
  readonly steps_per_epoch: number;
  readonly theta_trace: readonly (readonly number[])[];
  readonly theta_T: readonly number[];
  readonly val_loss: number;
  readonly u: readonly number[];
  readonly theta_minus_j: readonly (readonly number[])[];
  readonly delta_lie: readonly (readonly number[])[];
  readonly delta_acc: readonly (readonly number[])[];
  readonly influence_true_linear: readonly number[];
  readonly influence_true_loss: readonly number[];
  readonly influence_lie: readonly number[];
  readonly influence_acc: readonly number[];
  readonly influence_nohess: readonly number[];
  readonly influence_lie_last_1_epoch: readonly number[];
  readonly influence_lie_last_2_epochs: readonly number[];
  readonly u_after_full_retrace: readonly number[];
  readonly koh_liang: { readonly damping_added: number; readonly influence: readonly number[] };
  readonly variants: {
    readonly renorm: readonly (readonly number[])[];
    readonly reg_global: {
      readonly theta_T: readonly number[];
      readonly theta_minus: readonly (readonly number[])[];
    };
    readonly group_removed: readonly number[];
    readonly group_theta: readonly number[];
    readonly group_lie_sum: number;
  };
  readonly metagradients: Readonly<Record<"momentum0.9" | "nesterov0.9" | "adam_lr0.05", Metagradient>>;
  readonly metrics: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly bounds: {
    readonly lambda: number;
    readonly Lambda: number;
    readonly hessian_lipschitz: number;
    readonly lr: number;
    readonly steps: number;
    readonly rows: readonly Readonly<Record<string, number>>[];
  } | null;
}

export function readVectors(name: string): Vectors {
  return JSON.parse(readFileSync(join(folder, `${name}.json`), "utf8")) as Vectors;
}

/** Any file of the folder. */
export function readJson<T>(name: string): T {
  return JSON.parse(readFileSync(join(folder, `${name}.json`), "utf8")) as T;
}

/** The training of the vectors: plain SGD, their batches, rates and penalty. */
export function trainingOf(vectors: Vectors): TrainModelOptions {
  const { sizes, X, Y, theta0, batches, lrs, alpha } = vectors;
  const inputShape = [sizes[0] ?? 0];
  const widths = sizes.slice(1, -1);
  const model =
    widths.length === 0
      ? logistic({ inputShape, classes: 1 })
      : mlp({ inputShape, classes: 1, widths, activation: "tanh" });
  const like = model.init(randomStream(0), "float64");
  return {
    model,
    data: examplesOf(X, Y),
    parameters: unflattened(like, theta0),
    batchSize: 4,
    steps: batches.length,
    sampler: () => ({ ...givenBatches(batches), stepsPerEpoch: vectors.steps_per_epoch }),
    schedule: (step) => lrs[step] ?? Number.NaN,
    rowPenalty: alpha,
    record: { states: "all" },
  };
}

export function examplesOf(x: readonly (readonly number[])[], y: readonly number[]): Examples {
  return {
    x: ndarray(x.flat(), [x.length, x[0]?.length ?? 0], "float64"),
    y: ndarray(y, [y.length], "int64"),
  };
}

export function unflattened(like: NamedArrays, flat: readonly number[]): NamedArrays {
  let place = 0;
  return tree.map(({ shape }: NDArray) => {
    const size = sizeOf(shape);
    place += size;
    return ndarray(flat.slice(place - size, place), shape, "float64");
  }, like) as NamedArrays;
}

export function flattened(parameters: NamedArrays): number[] {
  return (tree.leaves(parameters) as NDArray[]).flatMap(({ data }) => Array.from(data, Number));
}

/** The largest difference of two lists. */
export function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let most = 0;
  for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs((a[i] ?? 0) - (b[i] ?? 0)));
  return most;
}

/** The record of a training whose options ask for one. */
export async function recordOf(options: TrainModelOptions): Promise<TrainingRecord> {
  const { record } = await train(options);
  if (record === undefined) throw new Error("record was asked for");
  return record;
}
