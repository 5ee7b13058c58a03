import type { NDArray } from "../../engine/ndarray.ts";

/**
 * The label of a single example, from the gradient of the last layer's bias: that gradient is softmax(logits) minus the
 * one-hot label, so its only negative entry is the label's.
 *
 * Source: B. Zhao, K. R. Mopuri, H. Bilen, "iDLG: Improved Deep Leakage from Gradients", 2020, for cross entropy. The
 * paper reads the weight's gradient, which needs inputs of one sign; the bias needs nothing.
 *
 * @param biasGradient one number for each class, from one example
 * @throws RangeError when it is empty or not finite
 */
export function inferLabel(biasGradient: NDArray): number {
  const values = Array.from(biasGradient.data as ArrayLike<number>);
  if (values.length === 0 || values.some((value) => !Number.isFinite(value)))
    throw new RangeError("inferLabel: the gradient of the bias is empty or not finite");
  return values.indexOf(Math.min(...values));
}
