import { maximumAbsolute } from "../numeric/rows.ts";
import type { Objective } from "./lbfgs.ts";
import type { Schedule } from "./schedule.ts";

/** Adam on a function of one vector on the host; `adam` is the optimiser of a training loop. */

export interface MinimizeByAdamOptions {
  /** How many steps, each with one evaluation. */
  readonly iterations: number;
  /** The step size of each step, counted from 0. */
  readonly schedule: Schedule;
  /** `sign` moves by the sign of each entry of the gradient alone. Default `value`. */
  readonly gradient?: "value" | "sign";
  /** Holds the first `count` entries to [low, high] after every step. */
  readonly box?: { readonly low: number; readonly high: number; readonly count: number };
  /** Called at each point, before the step from it, with its value; `"stop"` ends. */
  readonly onIteration?: (state: {
    readonly x: Float64Array;
    readonly value: number;
    /** With that at this point. */
    readonly evaluations: number;
  }) => unknown;
  /** Called after each step with what `from` takes; its arrays change with the next one, which waits for a promise. */
  readonly onCheckpoint?: (checkpoint: AdamCheckpoint) => Promise<void> | undefined;
  /** A checkpoint of the same minimisation, cut off: it ends with the same bits. */
  readonly from?: AdamCheckpoint;
  readonly signal?: AbortSignal;
}

/** A minimisation after a step. */
export interface AdamCheckpoint {
  readonly steps: number;
  readonly x: Float64Array;
  /** The running means of the gradient and of its squares. */
  readonly first: Float64Array;
  readonly second: Float64Array;
  readonly best: { readonly x: Float64Array; readonly value: number };
}

export interface MinimizeByAdamResult {
  /** The point with the smallest value that was evaluated. */
  readonly x: Float64Array;
  readonly value: number;
  /** Where the last step ended, which is not evaluated. */
  readonly last: Float64Array;
  readonly evaluations: number;
  readonly status: "max-iterations" | "stopped" | "aborted" | "diverged";
}

const decay = [0.9, 0.999] as const;
const epsilon = 1e-8;

/**
 * Minimises by Adam (D. P. Kingma, J. Ba, "Adam: A Method for Stochastic Optimization", 2015, Algorithm 1) with
 * beta 0.9 and 0.999 and epsilon 1e-8.
 *
 * @param initial the starting point; not changed
 * @throws RangeError when the iterations are not a positive integer
 */
export async function minimizeByAdam(
  objective: Objective,
  initial: Float64Array,
  options: MinimizeByAdamOptions,
): Promise<MinimizeByAdamResult> {
  const { iterations, schedule, gradient: use = "value", box, signal } = options;
  const { onIteration, onCheckpoint, from } = options;
  if (!Number.isInteger(iterations) || iterations < 1)
    throw new RangeError(`minimizeByAdam: iterations ${iterations} is not a positive integer`);
  const n = initial.length;
  const x = (from?.x ?? initial).slice();
  const best = { x: (from?.best.x ?? initial).slice(), value: from?.best.value ?? Number.POSITIVE_INFINITY };
  const first = from?.first.slice() ?? new Float64Array(n);
  const second = from?.second.slice() ?? new Float64Array(n);
  const result = (status: MinimizeByAdamResult["status"], evaluations: number): MinimizeByAdamResult => ({
    ...best,
    last: x,
    status,
    evaluations,
  });

  for (let step = (from?.steps ?? 0) + 1; step <= iterations; step++) {
    if (signal?.aborted) return result("aborted", step - 1);
    const { value, gradient } = await objective(x);
    if (!Number.isFinite(value) || !Number.isFinite(maximumAbsolute(gradient)))
      return result("diverged", step);
    if (value < best.value) {
      best.value = value;
      best.x.set(x);
    }
    if (onIteration?.({ x, value, evaluations: step }) === "stop") return result("stopped", step);
    const rate = schedule(step - 1);
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
    await onCheckpoint?.({ steps: step, x, first, second, best });
  }
  return result("max-iterations", iterations);
}
