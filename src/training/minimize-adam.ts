import { maximumAbsolute } from "../../numeric/rows.ts";
import type { Objective } from "../../training/lbfgs.ts";

/** Adam on a function of one vector, as attacks that cannot use a line search need it. */

export interface AdamOptions {
  /** How many steps, each with one evaluation. */
  readonly iterations: number;
  /** The step size at the start. Default 0.1. */
  readonly learningRate?: number;
  /** `sign` moves by the sign of each entry of the gradient alone. Default `value`. */
  readonly gradient?: "value" | "sign";
  /** The iterations, as parts of all, at which the step size falls to a tenth. Default 3/8, 5/8 and 7/8. */
  readonly milestones?: readonly number[];
  /** Holds the first `count` entries to [low, high] after every step. */
  readonly box?: { readonly low: number; readonly high: number; readonly count: number };
  /** Called after each step with the point, the value before the step and the steps so far; `"stop"` ends. */
  readonly onIteration?: (state: {
    readonly x: Float64Array;
    readonly value: number;
    readonly evaluations: number;
  }) => unknown;
  readonly signal?: AbortSignal;
}

export interface AdamResult {
  /** The point with the smallest value that was evaluated. */
  readonly x: Float64Array;
  readonly value: number;
  readonly evaluations: number;
  readonly status: "max-iterations" | "stopped" | "aborted" | "diverged";
}

const decay = [0.9, 0.999] as const;
const epsilon = 1e-8;

/**
 * Minimises by Adam (D. P. Kingma, J. Ba, "Adam: A Method for Stochastic Optimization", 2015, Algorithm 1) with the
 * step sizes of J. Geiping et al., "Inverting Gradients", 2020: a tenth of the last from 3/8, 5/8 and 7/8 of the way on.
 *
 * @param initial the starting point; not changed
 * @throws RangeError when the iterations or the step size are not positive
 */
export async function minimizeByAdam(
  objective: Objective,
  initial: Float64Array,
  options: AdamOptions,
): Promise<AdamResult> {
  const { iterations, learningRate = 0.1, gradient: use = "value", box, onIteration, signal } = options;
  const { milestones = [3 / 8, 5 / 8, 7 / 8] } = options;
  if (!Number.isInteger(iterations) || iterations < 1)
    throw new RangeError(`adam: iterations ${iterations} is not a positive integer`);
  if (!(learningRate > 0 && learningRate < Infinity))
    throw new RangeError(`adam: learningRate ${learningRate} is not a positive number`);
  const n = initial.length;
  const x = initial.slice();
  const best = { x: initial.slice(), value: Number.POSITIVE_INFINITY };
  const first = new Float64Array(n);
  const second = new Float64Array(n);
  const result = (status: AdamResult["status"], evaluations: number): AdamResult => ({
    ...best,
    status,
    evaluations,
  });

  for (let step = 1; step <= iterations; step++) {
    if (signal?.aborted) return result("aborted", step - 1);
    const { value, gradient } = await objective(x);
    if (!Number.isFinite(value) || !Number.isFinite(maximumAbsolute(gradient)))
      return result("diverged", step);
    if (value < best.value) {
      best.value = value;
      best.x.set(x);
    }
    if (onIteration?.({ x, value, evaluations: step }) === "stop") return result("stopped", step);
    const passed = milestones.filter((part) => step - 1 >= part * iterations).length;
    const rate = learningRate * 0.1 ** passed;
    const correction = [1 - decay[0] ** step, 1 - decay[1] ** step] as const;
    for (let i = 0; i < n; i++) {
      const slope = use === "sign" ? Math.sign(gradient[i] as number) : (gradient[i] as number);
      const mean = decay[0] * (first[i] as number) + (1 - decay[0]) * slope;
      const square = decay[1] * (second[i] as number) + (1 - decay[1]) * slope * slope;
      first[i] = mean;
      second[i] = square;
      const moved =
        (x[i] as number) - (rate * (mean / correction[0])) / (Math.sqrt(square / correction[1]) + epsilon);
      x[i] = box !== undefined && i < box.count ? Math.min(box.high, Math.max(box.low, moved)) : moved;
    }
  }
  return result("max-iterations", iterations);
}
