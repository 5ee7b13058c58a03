import * as op from "../engine/ops/index.ts";
import type { Tensor } from "../engine/tensor.ts";
import { valueAndGrad } from "../engine/transforms/grad.ts";
import { vmap } from "../engine/transforms/vmap.ts";
import type { Problem } from "./problem.ts";
import { rootOf } from "./root.ts";
import { requireInRange } from "./settings.ts";
import { mapTensors, type TensorTree, tensorsOf } from "./trees.ts";

/** The gradient of private training: that of each example clipped by itself (M. Abadi et al. 2016, Algorithm 1). */

/**
 * The mean of the rows' gradients, each times min(1, norm / its Euclidean norm over all tensors), and times its weight.
 *
 * @param each tensors whose first axis counts the rows
 * @param weights [rows], by default 1: a row of weight 2 counts as two, and is clipped as one
 * @throws RangeError when the norm is not a positive number
 */
export function meanOfClippedRows<T extends TensorTree>(each: T, norm: number, weights?: Tensor): T {
  requireInRange("row clip", { norm }, { low: Number.MIN_VALUE });
  const flat = tensorsOf(each).map((tensor) => {
    const rows = tensor.shape[0] ?? 0;
    return op.reshape(tensor, [rows, tensor.size / rows]);
  });
  const [first, ...others] = flat.map((tensor) => op.sum(op.square(tensor), { axes: 1 }));
  if (first === undefined) return each;
  const lengths = rootOf(others.reduce((sum, square) => sum.add(square), first));
  const clipped = op.minimum(op.div(norm, lengths), 1);
  const factors = op.reshape(weights === undefined ? clipped : clipped.mul(weights), [1, first.size]);
  return mapTensors(
    (tensor) =>
      op.reshape(
        op.matmul(factors, op.reshape(tensor, [first.size, tensor.size / first.size])).div(first.size),
        tensor.shape.slice(1),
      ),
    each,
  ) as T;
}

/** The batch's {@link meanOfClippedRows} with its losses; `factors` weigh its rows. */
export function clippedRowsGradient(
  problem: Problem,
  parameters: TensorTree,
  batch: TensorTree,
  factors: Tensor | undefined,
  norm: number,
): { readonly loss: Tensor; readonly rows: Tensor; readonly gradient: TensorTree } {
  const ofRow = (p: TensorTree, row: TensorTree) =>
    valueAndGrad((values: TensorTree) => {
      const one = mapTensors((tensor) => op.unsqueeze(tensor, 0), row);
      return op.mean(problem.train(values, {}, one, {}).loss);
    })(p);
  const [rows, each] = vmap(ofRow, [null, 0])(parameters, batch) as readonly [Tensor, TensorTree];
  return {
    loss: op.mean(factors === undefined ? rows : rows.mul(factors)),
    rows,
    gradient: meanOfClippedRows(each, norm, factors),
  };
}
