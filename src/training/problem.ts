import type { TypedArray } from "../engine/dtype.ts";
import type { NDArray } from "../engine/ndarray.ts";
import * as op from "../engine/ops/index.ts";
import type { Tensor } from "../engine/tensor.ts";
import * as tree from "../engine/tree.ts";
import type { RandomStream } from "../numeric/random.ts";
import { arraysOf, type NamedArrays, type NamedTensors, type TensorsOf, type TensorTree } from "./trees.ts";

/** What training needs of a model; every `Model` of src/models has it. */
export interface TrainableModel {
  readonly classes?: number;
  init(stream: RandomStream, dtype: "float32" | "float64"): unknown;
  initialBuffers?(dtype: "float32" | "float64"): unknown;
  apply(
    parameters: NamedTensors,
    x: Tensor,
    options?: { training?: boolean; buffers?: NamedTensors; masks?: NamedTensors },
  ): Tensor;
  applyTraining?(
    parameters: NamedTensors,
    buffers: NamedTensors,
    x: Tensor,
    options?: { masks?: NamedTensors },
  ): { output: Tensor; buffers: NamedTensors };
}

/** Examples and what is to be learned of them; the first axis of both counts the rows. */
export interface Examples {
  readonly x: NDArray;
  readonly y: NDArray;
}

/**
 * A loss of one's own: of parameters and the rows of a batch, taken from each array of the data.
 *
 * @returns one loss for each row [B], or a scalar, with which neither weights nor losses of rows are possible
 */
export type LossFunction<P = NamedArrays, D = NamedArrays> = (
  parameters: TensorsOf<P>,
  batch: TensorsOf<D>,
  context: { readonly inputs: NamedTensors; readonly training: boolean },
) => Tensor;

/** One loss for each row [B] of a model's output and the rows of y. */
export type Criterion = (output: Tensor, y: Tensor) => Tensor;

/** The default criterion: softmax cross entropy for integer classes [B] or probabilities [B, classes]. */
export const crossEntropy: Criterion = (output, y) =>
  op.softmaxCrossEntropy(output, y, { reduction: "none" });

/** What a training step differentiates, and what an evaluation computes. */
export interface Problem {
  train(
    parameters: TensorTree,
    buffers: TensorTree,
    batch: TensorTree,
    inputs: TensorTree,
  ): { readonly loss: Tensor; readonly buffers: TensorTree };
  evaluate(
    parameters: TensorTree,
    buffers: TensorTree,
    batch: TensorTree,
  ): { readonly loss: Tensor; readonly correct?: Tensor };
}

export function problemOfLoss<P, D>(loss: LossFunction<P, D>): Problem {
  const of = (parameters: TensorTree, batch: TensorTree, inputs: TensorTree, training: boolean): Tensor =>
    loss(parameters as TensorsOf<P>, batch as TensorsOf<D>, { inputs: inputs as NamedTensors, training });
  return {
    train: (parameters, buffers, batch, inputs) => ({
      loss: of(parameters, batch, inputs, true),
      buffers,
    }),
    evaluate: (parameters, _, batch) => ({ loss: of(parameters, batch, {}, false) }),
  };
}

export function problemOfModel(model: TrainableModel, criterion: Criterion = crossEntropy): Problem {
  return {
    train(parameters, buffers, batch, inputs) {
      const { x, y } = batch as { x: Tensor; y: Tensor };
      const masks = Object.keys(inputs).length === 0 ? {} : { masks: inputs as NamedTensors };
      if (model.applyTraining === undefined) {
        const output = model.apply(parameters as NamedTensors, x, { training: true, ...masks });
        return { loss: criterion(output, y), buffers };
      }
      const { output, buffers: next } = model.applyTraining(
        parameters as NamedTensors,
        buffers as NamedTensors,
        x,
        masks,
      );
      return { loss: criterion(output, y), buffers: next };
    },
    evaluate(parameters, buffers, batch) {
      const { x, y } = batch as { x: Tensor; y: Tensor };
      const output = model.apply(parameters as NamedTensors, x, {
        training: false,
        buffers: buffers as NamedTensors,
      });
      const loss = criterion(output, y);
      const isClasses = y.dtype === "int64" && y.rank === 1 && output.rank === 2;
      if (!isClasses) return { loss };
      return { loss, correct: op.equal(op.argmax(output, { axis: -1 }), y).cast(output.dtype) };
    },
  };
}

/** Data that were found to be finite before: a method may train a thousand times on the same arrays. */
const finite = new WeakSet<TypedArray>();

/**
 * The number of rows that all arrays of the data have, after checking that they agree and hold finite numbers.
 *
 * @param name what the errors call the data
 * @throws RangeError naming the array, and the row of a number that is not finite
 */
export function rowsOf(name: string, data: NamedArrays): number {
  const paths = tree.paths(data);
  const arrays = arraysOf(data);
  const size = arrays[0]?.shape[0];
  if (size === undefined)
    throw new RangeError(`${name}: there is no array with a first axis that counts rows`);
  for (const [i, array] of arrays.entries()) {
    const path = paths[i] ?? "";
    if (array.shape[0] !== size)
      throw new RangeError(
        `${name}.${path} has ${array.shape[0] ?? "no"} rows, ${name}.${paths[0]} has ${size}; expected as many`,
      );
    requireFinite(`${name}.${path}`, array, size);
  }
  if (size === 0) throw new RangeError(`${name}: the data have no rows`);
  return size;
}

function requireFinite(name: string, { dtype, data }: NDArray, rows: number): void {
  if ((dtype !== "float32" && dtype !== "float64") || finite.has(data)) return;
  for (let i = 0; i < data.length; i++)
    if (!Number.isFinite(data[i]))
      throw new RangeError(
        `${name}: row ${Math.floor(i / (data.length / rows))} holds ${data[i]}; expected finite numbers`,
      );
  finite.add(data);
}

/** @throws RangeError naming the first row whose class the model does not have */
export function requireClasses(name: string, y: NDArray, classes: number | undefined): void {
  if (classes === undefined || y.dtype !== "int64" || y.shape.length !== 1) return;
  const row = (y.data as BigInt64Array).findIndex((label) => label < 0n || label >= classes);
  if (row >= 0)
    throw new RangeError(
      `${name}.y: row ${row} is of class ${y.data[row]}; expected 0 to ${classes - 1}, the classes of the model`,
    );
}
