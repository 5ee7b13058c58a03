import * as op from "../engine/ops/index.ts";
import type { Tensor } from "../engine/tensor.ts";
import { valueAndGrad } from "../engine/transforms/grad.ts";
import { vmap } from "../engine/transforms/vmap.ts";
import type { Problem } from "./problem.ts";
import { requireInRange } from "./settings.ts";
import { mapTensors, type TensorTree, tensorsOf } from "./trees.ts";

/** The gradient of private training: that of each example clipped by itself (M. Abadi et al. 2016, Algorithm 1). */

/**
 * The mean of the rows' gradients, each times min(1, norm / its Euclidean norm over all tensors).
 *
 * @param each tensors whose first axis counts the rows
 * @throws RangeError when the norm is not a positive number
 */
export function meanOfClippedRows<T extends TensorTree>(each: T, norm: number): T {
  requireInRange("row clip", { norm }, { low: Number.MIN_VALUE });
  const flat = tensorsOf(each).map((tensor) => {
    const rows = tensor.shape[0] ?? 0;
    return op.reshape(tensor, [rows, tensor.size / rows]);
  });
  const [first, ...others] = flat.map((tensor) => op.sum(op.square(tensor), { axes: 1 }));
  if (first === undefined) return each;
  const lengths = op.sqrt(others.reduce((sum, square) => sum.add(square), first));
  // A gradient of 0 has nothing to clip: norm / 0 is more than 1.
  const factors = op.reshape(op.minimum(op.div(norm, lengths), 1), [1, first.size]);
  return mapTensors(
    (tensor) =>
      op.reshape(
        op.matmul(factors, op.reshape(tensor, [first.size, tensor.size / first.size])).div(first.size),
        tensor.shape.slice(1),
      ),
    each,
  ) as T;
}

/** The batch's {@link meanOfClippedRows} with its losses. */
export function clippedRowsGradient(
  problem: Problem,
  parameters: TensorTree,
  batch: TensorTree,
  factors: Tensor | undefined,
  norm: number,
): { readonly loss: Tensor; readonly rows: Tensor; readonly gradient: TensorTree } {
  const ofRow = (p: TensorTree, row: TensorTree, factor: Tensor | undefined) =>
    valueAndGrad(
      (values: TensorTree) => {
        const one = mapTensors((tensor) => op.unsqueeze(tensor, 0), row);
        const loss = op.mean(problem.train(values, {}, one, {}).loss);
        return [factor === undefined ? loss : loss.mul(factor), loss] as const;
      },
      { hasAux: true },
    )(p);
  const [[weighted, rows], each] =
    factors === undefined
      ? vmap((p: TensorTree, row: TensorTree) => ofRow(p, row, undefined), [null, 0])(parameters, batch)
      : vmap(ofRow, [null, 0, 0])(parameters, batch, factors);
  return {
    loss: op.mean(weighted),
    rows: rows as Tensor,
    gradient: meanOfClippedRows(each as TensorTree, norm),
  };
}
