import * as op from "../engine/ops/index.ts";
import { rootOf } from "./root.ts";
import { requireInRange } from "./settings.ts";
import { mapTensors, type TensorTree, tensorsOf } from "./trees.ts";

/** Both may be given: the values are clipped first. */
export interface ClipOptions {
  /** Gradients whose norm, over all parameters together, is larger are scaled to it. */
  readonly globalNorm?: number;
  /** Each entry of the gradient is held to [-value, value]. */
  readonly value?: number;
}

/** A gradient clipped as asked; `{}` leaves it as it is. */
export function clipGradient(gradient: TensorTree, { globalNorm, value }: ClipOptions): TensorTree {
  const held = value === undefined ? gradient : clipByValue(gradient, value);
  return globalNorm === undefined ? held : clipByGlobalNorm(held, globalNorm);
}

/**
 * The gradient times min(1, bound / (norm + 1e-6)): `torch.nn.utils.clip_grad_norm_`.
 *
 * @param bound of the Euclidean norm of all entries together, above 0
 * @throws RangeError when the bound is not a positive number
 */
export function clipByGlobalNorm(gradient: TensorTree, bound: number): TensorTree {
  requireInRange("clip", { globalNorm: bound }, { low: Number.MIN_VALUE });
  const squares = tensorsOf(gradient).map((g) => op.sum(g.square()));
  const [first, ...others] = squares;
  if (first === undefined) return gradient;
  const norm = rootOf(others.reduce((sum, square) => sum.add(square), first));
  const factor = op.minimum(op.div(bound, norm.add(1e-6)), 1);
  return mapTensors((g) => g.mul(factor), gradient);
}

/**
 * Every entry held to [-bound, bound]: `torch.nn.utils.clip_grad_value_`.
 *
 * @throws RangeError when the bound is not a positive number
 */
export function clipByValue(gradient: TensorTree, bound: number): TensorTree {
  requireInRange("clip", { value: bound }, { low: Number.MIN_VALUE });
  return mapTensors((g) => op.clip(g, { min: -bound, max: bound }), gradient);
}
