/**
 * Bounds that need no recorded step, for losses that need not be convex: what can be said of a training before it is done. They
 * grow exponentially with its length, so that they are of use for short trainings and as a check of `errorBounds`.
 *
 * Source: S. Hara, A. Nitanda, T. Maehara, "Data Cleansing for Models Trained with SGD", NeurIPS 2019, the non-convex theorem, with
 * explicit constants from its proof's scheme.
 */
import { requireInRange } from "../../training/settings.ts";

/** What is known of the loss of a row everywhere. */
export interface NonConvexConstants {
  /** G: no gradient of a row is longer. */
  readonly gradient: number;
  /** Lambda: no eigenvalue of a Hessian is larger in magnitude. */
  readonly largest: number;
  /** L: Hessians at two points differ in norm by at most L times the distance of the points. */
  readonly lipschitz: number;
}

/**
 * How far the linear estimate for a row that was used once can be from retraining, in the norm of the parameters:
 * (L eta² G² / (2 b² Lambda)) q^(m-1) (q^m - 1) with q = 1 + eta Lambda.
 *
 * @param options.learningRate eta, constant
 * @param options.batchSize b
 * @param options.stepsAfter m, the steps after the one that used the row
 * @throws RangeError when a number is out of range
 */
export function singleUseBound({
  gradient,
  largest,
  lipschitz,
  learningRate,
  batchSize,
  stepsAfter,
}: NonConvexConstants & {
  readonly learningRate: number;
  readonly batchSize: number;
  readonly stepsAfter: number;
}): number {
  requireInRange("singleUseBound", { gradient, lipschitz, stepsAfter });
  requireInRange("singleUseBound", { largest, learningRate, batchSize }, { low: Number.MIN_VALUE });
  if (stepsAfter === 0) return 0;
  const growth = Math.log1p(learningRate * largest);
  const factor = (lipschitz * learningRate ** 2 * gradient ** 2) / (2 * batchSize ** 2 * largest);
  return factor * Math.exp(growth * (stepsAfter - 1)) * Math.expm1(growth * stepsAfter);
}

/**
 * The same for a row that may be in every step of a training of T steps with rates of at most gamma / √T:
 * (4 gamma² T G² L / Lambda) (e^(gamma Lambda √T) - 1).
 *
 * @throws RangeError when a number is out of range
 */
export function everyStepBound({
  gradient,
  largest,
  lipschitz,
  gamma,
  steps,
}: NonConvexConstants & { readonly gamma: number; readonly steps: number }): number {
  requireInRange("everyStepBound", { gradient, lipschitz, steps });
  requireInRange("everyStepBound", { largest, gamma }, { low: Number.MIN_VALUE });
  const factor = (4 * gamma ** 2 * steps * gradient ** 2 * lipschitz) / largest;
  return factor * Math.expm1(gamma * largest * Math.sqrt(steps));
}
