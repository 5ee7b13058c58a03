import { requireInRange, requirePositiveInteger } from "./settings.ts";

/** The learning rate of each step, counted from 0: a pure function. */
export type Schedule = (step: number) => number;

/** The same rate at every step. */
export function constantRate(rate: number): Schedule {
  requireInRange("constantRate", { rate });
  return () => rate;
}

/**
 * `initial` times `factor` for every passed milestone, or for every `every` steps that have passed: PyTorch's `StepLR`
 * and `MultiStepLR`, counted in steps.
 *
 * @throws RangeError when a number is out of range
 */
export function stepDecay({
  initial,
  factor = 0.1,
  ...times
}: { readonly initial: number; readonly factor?: number } & (
  | { readonly every: number }
  | { readonly milestones: readonly number[] }
)): Schedule {
  requireInRange("stepDecay", { initial, factor });
  if ("every" in times) {
    const { every } = times;
    requirePositiveInteger("stepDecay", { every });
    return (step) => initial * factor ** Math.floor(step / every);
  }
  const { milestones } = times;
  return (step) => initial * factor ** milestones.filter((milestone) => milestone <= step).length;
}

/**
 * From `initial` to `final` along half a cosine in `steps` steps, `final` from then on: PyTorch's `CosineAnnealingLR`.
 *
 * Source: I. Loshchilov, F. Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", ICLR 2017, eq. 5.
 *
 * @throws RangeError when a number is out of range
 */
export function cosineDecay({
  initial,
  steps,
  final = 0,
}: {
  readonly initial: number;
  readonly steps: number;
  readonly final?: number;
}): Schedule {
  requireInRange("cosineDecay", { initial, final });
  requirePositiveInteger("cosineDecay", { steps });
  return (step) =>
    step >= steps ? final : final + ((initial - final) * (1 + Math.cos((Math.PI * step) / steps))) / 2;
}

/**
 * initial sqrt(offset / (step + offset)): with the default offset 1, initial / sqrt(t + 1), the rate of the convergence
 * theorems for convex losses.
 *
 * @throws RangeError when a number is out of range
 */
export function inverseSquareRoot({
  initial,
  offset = 1,
}: {
  readonly initial: number;
  readonly offset?: number;
}): Schedule {
  requireInRange("inverseSquareRoot", { initial });
  requireInRange("inverseSquareRoot", { offset }, { low: Number.MIN_VALUE });
  return (step) => initial * Math.sqrt(offset / (step + offset));
}

/**
 * A straight rise from `from` times the schedule's first rate to that rate in `steps` steps, then the schedule from its
 * beginning: PyTorch's `LinearLR` in front of it with `SequentialLR`.
 *
 * @param options.from in [0, 1]; default 0
 * @throws RangeError when a number is out of range
 * @example linearWarmup(cosineDecay({ initial: 0.1, steps: 900 }), { steps: 100 })
 */
export function linearWarmup(
  schedule: Schedule,
  { steps, from = 0 }: { readonly steps: number; readonly from?: number },
): Schedule {
  requirePositiveInteger("linearWarmup", { steps });
  requireInRange("linearWarmup", { from }, { high: 1 + Number.EPSILON });
  const first = schedule(0);
  return (step) => (step < steps ? first * (from + ((1 - from) * step) / steps) : schedule(step - steps));
}
