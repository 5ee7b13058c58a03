import type { TypedArray } from "../engine/dtype.ts";
import { type NDArray, takeRows } from "../engine/ndarray.ts";
import * as op from "../engine/ops/index.ts";
import type { Tensor } from "../engine/tensor.ts";
import { linearize } from "../engine/transforms/jvp.ts";
import * as tree from "../engine/tree.ts";
import type { RandomStream } from "../numeric/random.ts";
import {
  arraysOf,
  mapTensors,
  type NamedArrays,
  type NamedTensors,
  type TensorsOf,
  type TensorTree,
  tensorsOf,
} from "./trees.ts";

/** What training needs of a model; every `Model` of src/models has it. */
export interface TrainableModel {
  readonly classes?: number;
  /** Whether the outputs are x weight^T + bias, of `fc.weight` and (where there is one) `fc.bias`, and nothing else. */
  readonly isLinear?: boolean;
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
 * The examples at some places, in their order.
 *
 * @throws RangeError when there is no such row
 */
export function examplesAt({ x, y }: Examples, rows: ArrayLike<number>): Examples {
  return { x: takeRows(x, rows), y: takeRows(y, rows) };
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

/**
 * The default criterion: softmax cross entropy for integer classes [B] or probabilities [B, classes]; of one logit
 * [B, 1], which is that of class 1, and classes 0 and 1 the binary cross entropy.
 */
export const crossEntropy: Criterion = (output, y) =>
  isOneLogit(output, y)
    ? op.binaryCrossEntropyWithLogits(op.reshape(output, [output.size]), y.cast(output.dtype), {
        reduction: "none",
      })
    : op.softmaxCrossEntropy(output, y, { reduction: "none" });

function isOneLogit(output: Tensor, y: Tensor): boolean {
  return output.rank === 2 && output.shape[1] === 1 && y.rank === 1 && y.dtype === "int64";
}

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
  /**
   * The problem with the model's output replaced by its linearisation at the parameters, so that second derivatives are
   * those of Gauss and Newton. Of a model only.
   */
  readonly gaussNewton?: Problem;
  /** Of logistic regression with one logit, which has loops of its own: see logistic-training.ts. */
  readonly logistic?: { readonly rowPenalty: number };
}

/** Whose second derivatives count: all, those of the loss through a linear model (Gauss-Newton), or none. */
export type Curvature = "exact" | "gauss-newton" | "none";

/**
 * The problem with less curvature in training: of the same losses and gradients.
 *
 * @throws RangeError for a loss function of one's own, which has no model to linearise, with `gauss-newton`
 */
export function withCurvature(problem: Problem, curvature: Curvature): Problem {
  if (curvature === "exact") return problem;
  if (curvature === "gauss-newton") {
    if (problem.gaussNewton === undefined)
      throw new RangeError("curvature gauss-newton needs a model, whose output is then linearised");
    return problem.gaussNewton;
  }
  return {
    ...problem,
    train(parameters, buffers, batch, inputs) {
      let next = buffers;
      const loss = linearisedAt((values) => {
        const found = problem.train(values, buffers, batch, inputs);
        next = found.buffers;
        return found.loss;
      }, parameters);
      return { loss, buffers: next };
    },
  };
}

/** The value and first derivative of `f` at the parameters, and no others. */
function linearisedAt(f: (parameters: TensorTree) => Tensor, parameters: TensorTree): Tensor {
  const fixed = mapTensors(op.stopGradient, parameters);
  const [value, push] = linearize(f, fixed);
  const moved = mapTensors((p, at) => p.sub(at), parameters, fixed);
  return op.stopGradient(value).add(push(moved));
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

/**
 * @param options.rowPenalty lambda of lambda/2 |parameters|^2, a part of the loss of each row in training
 */
export function problemOfModel(
  model: TrainableModel,
  criterion: Criterion = crossEntropy,
  { rowPenalty = 0 }: { readonly rowPenalty?: number | undefined } = {},
): Problem {
  const linearised: TrainableModel = {
    ...model,
    apply: (parameters, x, options) =>
      linearisedAt((values) => model.apply(values as NamedTensors, x, options), parameters),
  };
  const isLogistic = model.isLinear === true && model.classes === 1 && criterion === crossEntropy;
  return {
    ...makeProblem(model, criterion, rowPenalty),
    gaussNewton: makeProblem(linearised, criterion, rowPenalty),
    ...(isLogistic && { logistic: { rowPenalty } }),
  };
}

function makeProblem(model: TrainableModel, criterion: Criterion, rowPenalty: number): Problem {
  const penalised = (rows: Tensor, parameters: TensorTree): Tensor =>
    rowPenalty === 0 ? rows : rows.add(squaredNorm(parameters).mul(rowPenalty / 2));
  return {
    train(parameters, buffers, batch, inputs) {
      const { x, y } = batch as { x: Tensor; y: Tensor };
      const masks = Object.keys(inputs).length === 0 ? {} : { masks: inputs as NamedTensors };
      if (model.applyTraining === undefined) {
        const output = model.apply(parameters as NamedTensors, x, { training: true, ...masks });
        return { loss: penalised(criterion(output, y), parameters), buffers };
      }
      const { output, buffers: next } = model.applyTraining(
        parameters as NamedTensors,
        buffers as NamedTensors,
        x,
        masks,
      );
      return { loss: penalised(criterion(output, y), parameters), buffers: next };
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
      const chosen = isOneLogit(output, y)
        ? op.greater(op.reshape(output, [output.size]), 0).cast("int64")
        : op.argmax(output, { axis: -1 });
      return { loss, correct: op.equal(chosen, y).cast(output.dtype) };
    },
  };
}

function squaredNorm(parameters: TensorTree): Tensor {
  const squares = tensorsOf(parameters).map((tensor) => op.sum(op.square(tensor)));
  return squares.reduce((sum, square) => sum.add(square));
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
  // One logit tells two classes apart.
  const count = Math.max(2, classes);
  const row = (y.data as BigInt64Array).findIndex((label) => label < 0n || label >= count);
  if (row >= 0)
    throw new RangeError(
      `${name}.y: row ${row} is of class ${y.data[row]}; expected 0 to ${count - 1}, the classes of the model`,
    );
}
