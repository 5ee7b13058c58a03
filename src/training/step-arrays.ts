// The arrays that a call of the compiled steps takes beside carry and data, and how they are filled.
import { itemAt } from "../engine/lists.ts";
import { type NDArray, zerosArray } from "../engine/ndarray.ts";
import { sizeOf } from "../engine/shape.ts";
import * as tree from "../engine/tree.ts";
import type { Batch } from "./sampler.ts";
import { type ArrayTree, arraysOf, type NamedArrays, withArrays } from "./trees.ts";

export interface StepRun {
  readonly firstStep: number;
  /** All of one size, and all with weights or all without. */
  readonly batches: readonly Batch[];
  readonly learningRates: readonly number[];
}

/** Row numbers [steps, B], learning rates [steps], factors [steps, B] and further arrays [steps, ...] of one call. */
export type StepArrays = {
  readonly indices: NDArray;
  readonly rate: NDArray;
  readonly weights?: NDArray;
  readonly inputs: NamedArrays;
};

/** Zeros for so many steps with batches like this one. */
export function stepArraysLike(
  { indices, weights }: Batch,
  extra: NamedArrays,
  { length, dtype }: { readonly length: number; readonly dtype: NDArray["dtype"] },
): StepArrays {
  const stacked = withArrays(
    extra,
    arraysOf(extra).map(({ shape, dtype: type }) => zerosArray([length, ...shape], type)),
  );
  return {
    indices: zerosArray([length, indices.length], "int32"),
    rate: zerosArray([length], "float64"),
    ...(weights === undefined ? {} : { weights: zerosArray([length, indices.length], dtype) }),
    inputs: stacked,
  };
}

export function stepTree({ weights, ...others }: StepArrays): ArrayTree {
  return weights === undefined ? others : { ...others, weights };
}

export function asInt32(indices: Batch["indices"]): Int32Array {
  return indices instanceof Int32Array ? indices : Int32Array.from(indices, Number);
}

export function fillSteps(
  steps: StepArrays,
  batches: readonly Batch[],
  learningRates: readonly number[],
  rows: number,
  firstStep: number,
): void {
  const indices = steps.indices.data as Int32Array;
  const rates = steps.rate.data as Float64Array;
  const weights = steps.weights?.data as Float64Array | undefined;
  let place = 0;
  for (const [i, batch] of batches.entries()) {
    const rate = itemAt(learningRates, i);
    if (!Number.isFinite(rate))
      throw new RangeError(`train: the schedule gives the learning rate ${rate} at step ${firstStep + i}`);
    if (batch.indices.length === 0)
      throw new RangeError(`train: the batch of step ${firstStep + i} is empty`);
    rates[i] = rate;
    for (let k = 0; k < batch.indices.length; k++, place++) {
      const row = Number(batch.indices[k]);
      if (!(row >= 0 && row < rows))
        throw new RangeError(`train: the batch of step ${firstStep + i} has row ${row} of ${rows}`);
      indices[place] = row;
      if (weights !== undefined) weights[place] = batch.weights?.[k] ?? 1;
    }
  }
}

export function fillInputs(stacked: NamedArrays, extra: NamedArrays, step: number): void {
  const sources = tree.leavesLike(stacked as unknown, extra as unknown) as NDArray[];
  for (const [i, target] of arraysOf(stacked).entries()) {
    const source = itemAt(sources, i);
    const size = sizeOf(target.shape.slice(1));
    if (source.dtype !== target.dtype || source.data.length !== size)
      throw new RangeError(
        `train: an input of a step is ${source.dtype}[${source.shape.join(", ")}], the first was ${target.dtype}[${target.shape.slice(1).join(", ")}]`,
      );
    (target.data as Float64Array).set(source.data as Float64Array, step * size);
  }
}
