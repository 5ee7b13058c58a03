// One update as a function of tensors: rows gathered, loss and gradient, clipping, the optimiser.
import * as op from "../engine/ops/index.ts";
import type { CompileOptions } from "../engine/runtime/compile.ts";
import type { Tensor } from "../engine/tensor.ts";
import { valueAndGrad } from "../engine/transforms/grad.ts";
import { scan } from "../engine/transforms/scan.ts";
import { type ClipOptions, clipGradient } from "./clip.ts";
import type { Optimizer } from "./optimizer.ts";
import type { Problem } from "./problem.ts";
import { clippedRowsGradient } from "./row-clip.ts";
import { branchAt, mapTensors, type NamedArrays, type TensorTree, tensorAt } from "./trees.ts";

export interface StepperOptions {
  readonly problem: Problem;
  readonly optimizer: Optimizer;
  readonly data: NamedArrays;
  readonly clip?: ClipOptions;
  /** The norm to which the gradient of each row is clipped before their mean is taken. */
  readonly rowClipNorm?: number;
  /** What is done to a batch's gradient on the host, between two calls of the runtime. */
  readonly transformGradient?: GradientTransform;
  /** Equal parts in which the gradient of a batch is computed, one after the other. */
  readonly accumulate?: number;
  /** Further arrays of a step, of the same shapes for batches of the same size: a pure function of its arguments. */
  readonly inputs?: (step: number, indices: Int32Array) => NamedArrays;
  readonly compile?: CompileOptions;
}

/** The step whose gradient is transformed, before its update. */
export interface GradientContext {
  readonly step: number;
  /** The batch. */
  readonly indices: Int32Array;
  /** At which the gradient was taken; valid until the transformation is done. */
  readonly parameters: NamedArrays;
}

/** A pure function of its arguments, so that a training that is resumed or replayed has the same bits. */
export type GradientTransform = (
  gradient: NamedArrays,
  context: GradientContext,
) => NamedArrays | Promise<NamedArrays>;

/** What a step is made of: row numbers [B], the learning rate (float64), factors [B], further arrays. */
export type StepTensors = { indices: Tensor; rate: Tensor; weights?: Tensor; inputs: TensorTree };
export type CarryTensors = { parameters: TensorTree; optimizer: TensorTree; buffers: TensorTree };

/**
 * The parts of a compiled step's arguments by their names.
 *
 * @throws TypeError when one is missing
 */
export function tracedCarry(tree: TensorTree): CarryTensors {
  return {
    parameters: branchAt(tree, "parameters"),
    optimizer: branchAt(tree, "optimizer"),
    buffers: branchAt(tree, "buffers"),
  };
}

/** The same of what a step is made of. */
export function tracedStep(tree: TensorTree): StepTensors {
  const [indices, rate, weights] = ["indices", "rate", "weights"].map((name) => tensorAt(tree, name));
  if (indices === undefined || rate === undefined)
    throw new TypeError("a step is made of indices and a rate");
  return { indices, rate, inputs: branchAt(tree, "inputs"), ...(weights && { weights }) };
}

export interface BatchGradient {
  readonly loss: Tensor;
  /** The loss of each row, where the loss function has them. */
  readonly rows?: Tensor;
  readonly gradient: TensorTree;
  readonly buffers: TensorTree;
}

/** The next carry, and the mean loss (with each row's, where the loss has them) before the update. */
export function takeStep(
  options: StepperOptions,
  carry: CarryTensors,
  data: TensorTree,
  step: StepTensors,
): readonly [CarryTensors, { loss: Tensor; rows?: Tensor }] {
  const { gradient, buffers, loss, rows } = batchGradient(options, carry, data, step);
  return [
    { ...update(options, carry, gradient, step.rate), buffers },
    { loss, ...(rows === undefined ? {} : { rows }) },
  ];
}

/** The gradient of the mean loss of a batch, its rows clipped where that is asked for, and the buffers after it. */
export function batchGradient(
  options: StepperOptions,
  { parameters, buffers }: CarryTensors,
  data: TensorTree,
  { indices, weights, inputs }: StepTensors,
): BatchGradient {
  const { problem, accumulate = 1, rowClipNorm } = options;
  const partAt = (at: Tensor, factors: Tensor | undefined, before: TensorTree): BatchGradient => {
    const batch = mapTensors((table) => op.take(table, at), data);
    if (rowClipNorm !== undefined)
      return { ...clippedRowsGradient(problem, parameters, batch, factors, rowClipNorm), buffers: before };
    const [[loss, extra], gradient] = valueAndGrad(
      (p: TensorTree) => {
        const { loss: found, buffers: next } = problem.train(p, before, batch, inputs);
        const isPerRow = found.rank === 1 && found.size === at.size;
        if (found.rank !== 0 && !isPerRow)
          throw new RangeError(
            `train: the loss must be a scalar or one number for each of the ${at.size} rows, got shape [${found.shape.join(", ")}]`,
          );
        if (!isPerRow && factors !== undefined)
          throw new RangeError("train: weights need a loss function that returns one loss for each row");
        const weighted = factors === undefined ? found : found.mul(factors);
        return [
          isPerRow ? op.mean(weighted) : weighted,
          { next, ...(isPerRow ? { rows: found } : {}) },
        ] as const;
      },
      { hasAux: true },
    )(parameters);
    const { next, rows } = extra as { next: TensorTree; rows?: Tensor };
    return { loss, gradient, buffers: next, ...(rows === undefined ? {} : { rows }) };
  };

  const size = indices.size;
  // A batch that has no equal parts is the short one at an epoch's end: it fits as it is.
  return accumulate === 1 || size % accumulate !== 0
    ? partAt(indices, weights, buffers)
    : accumulateParts(partAt, { parameters, buffers, indices, weights, accumulate });
}

/** Parameters and optimiser after a step along a gradient. */
export function update(
  { optimizer, clip = {} }: StepperOptions,
  { parameters, optimizer: state }: Pick<CarryTensors, "parameters" | "optimizer">,
  gradient: TensorTree,
  rate: Tensor,
): Pick<CarryTensors, "parameters" | "optimizer"> {
  const [step, nextState] = optimizer.update(clipGradient(gradient, clip), state, parameters, rate);
  return { parameters: mapTensors((p, s) => p.add(s), parameters, step), optimizer: nextState };
}

function accumulateParts(
  partAt: (at: Tensor, factors: Tensor | undefined, before: TensorTree) => BatchGradient,
  {
    parameters,
    buffers,
    indices,
    weights,
    accumulate,
  }: {
    parameters: TensorTree;
    buffers: TensorTree;
    indices: Tensor;
    weights: Tensor | undefined;
    accumulate: number;
  },
): BatchGradient {
  const split = (values: Tensor): Tensor => values.reshape([accumulate, values.size / accumulate]);
  type Sums = { gradient: TensorTree; buffers: TensorTree };
  const [sums, results] = scan(
    (sum: Sums, at: { indices: Tensor; weights?: Tensor }) => {
      const { gradient, buffers: next, loss, rows } = partAt(at.indices, at.weights, sum.buffers);
      return [
        { gradient: mapTensors((a, b) => a.add(b), sum.gradient, gradient), buffers: next },
        { loss, ...(rows === undefined ? {} : { rows }) },
      ] as const;
    },
    { gradient: mapTensors(op.zerosLike, parameters), buffers } as Sums,
    { indices: split(indices), ...(weights === undefined ? {} : { weights: split(weights) }) },
  );
  const { loss, rows } = results as { loss: Tensor; rows?: Tensor };
  return {
    loss: op.mean(loss),
    gradient: mapTensors((sum) => sum.div(accumulate), sums.gradient),
    buffers: sums.buffers,
    ...(rows === undefined ? {} : { rows: rows.reshape([indices.size]) }),
  };
}
