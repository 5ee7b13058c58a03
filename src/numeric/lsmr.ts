import { type LsmrOptions, type LsmrResult, lsmrSteps, type Product } from "./lsmr-steps.ts";

export type { LsmrOptions, LsmrProgress, LsmrResult, LsmrStop } from "./lsmr-steps.ts";

/** A linear map known by its products. The given vector must not be changed or kept; the result may be reused. */
export interface LinearOperator<Result = Float64Array> {
  readonly rows: number;
  readonly columns: number;
  /** A x: `columns` numbers to `rows`. */
  multiply(x: Float64Array): Result;
  /** A' y: `rows` numbers to `columns`. */
  transposeMultiply(y: Float64Array): Result;
}

/**
 * Least squares with a linear operator: the x with the smallest ||A x - b||^2 + damping^2 ||x||^2, by LSMR. Of several
 * it is the shortest.
 *
 * @throws RangeError when sizes do not fit, or b or an option is not valid
 * @throws Error when a product is not finite or has the wrong length (says which, and the iteration)
 * @see Fong and Saunders, SIAM J. Sci. Comput. 33 (2011) 2950
 */
export function lsmr(operator: LinearOperator, b: Float64Array, options: LsmrOptions = {}): LsmrResult {
  const steps = lsmrSteps(operator.rows, operator.columns, b, options);
  let step = steps.next();
  while (step.done !== true) step = steps.next(multiplied(operator, step.value));
  return step.value;
}

/**
 * {@link lsmr} with an operator whose products are promises: compiled graphs, workers, other machines.
 *
 * @throws as {@link lsmr}; a rejected product rejects the result
 */
export async function lsmrAsync(
  operator: LinearOperator<Float64Array | Promise<Float64Array>>,
  b: Float64Array,
  options: LsmrOptions = {},
): Promise<LsmrResult> {
  const steps = lsmrSteps(operator.rows, operator.columns, b, options);
  let step = steps.next();
  while (step.done !== true) step = steps.next(await multiplied(operator, step.value));
  return step.value;
}

function multiplied<Result>(operator: LinearOperator<Result>, { side, vector }: Product): Result {
  return side === "multiply" ? operator.multiply(vector) : operator.transposeMultiply(vector);
}
