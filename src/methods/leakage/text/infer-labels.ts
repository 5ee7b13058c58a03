import { type NDArray, toNumbers } from "../../../engine/ndarray.ts";

/**
 * The labels behind the gradient of an output layer's bias: the tokens that were masked, or a text's class, in any order.
 *
 * Entry v of that gradient is (sum over the m labels j of p_jv - how often v is a label) / m. One label is the only
 * negative entry (Zhao, Mopuri and Bilen 2020). Of several each adds -1/m to its entry, so they are taken one at a time
 * from the lowest entry: exact as long as the model gives them little probability by itself.
 *
 * @param biasGradient one number for each class
 * @param count how many labels there are
 * @returns `count` classes in ascending order
 * @throws RangeError when the gradient is empty or not finite, or the count is not positive
 */
export function inferTextLabels(biasGradient: NDArray, count: number): number[] {
  const rest = toNumbers(biasGradient);
  if (rest.length === 0 || !rest.every(Number.isFinite))
    throw new RangeError("inferTextLabels: the gradient of the bias is empty or not finite");
  if (!Number.isInteger(count) || count < 1)
    throw new RangeError(`inferTextLabels: count ${count} is not a positive integer`);
  const labels = Array.from({ length: count }, () => {
    const lowest = rest.reduce((best, value, i) => (value < (rest[best] ?? 0) ? i : best), 0);
    rest[lowest] = (rest[lowest] ?? 0) + 1 / count;
    return lowest;
  });
  return labels.sort((a, b) => a - b);
}
