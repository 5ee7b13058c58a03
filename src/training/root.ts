import * as op from "../engine/ops/index.ts";
import type { Tensor } from "../engine/tensor.ts";

/**
 * The square root of numbers from 0 up, with a finite derivative at 0: a step is differentiated too, and a sum of squares is 0
 * where a row was left out of a batch of its own, or an entry never had a gradient. What is added there is far below any
 * epsilon.
 */
export function rootOf(squares: Tensor): Tensor {
  return op.maximum(squares, squares.dtype === "float64" ? 1e-300 : 1e-36).sqrt();
}
