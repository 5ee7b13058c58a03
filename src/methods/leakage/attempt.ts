import {
  type LbfgsCheckpoint,
  type LbfgsState,
  type LbfgsStatus,
  lbfgsCheckpoint,
  minimize,
  type Objective,
} from "../../training/lbfgs.ts";
import { type AdamCheckpoint, minimizeByAdam } from "../../training/minimize-adam.ts";
import { stepDecay } from "../../training/schedule.ts";

/** One attempt of an attack: one start, one minimisation. Its settings and its result can be sent to another process. */

export type AttackOptimizer = "lbfgs" | "adam" | "signed-adam";

export interface AttemptSettings {
  readonly optimizer: AttackOptimizer;
  /** Gradient evaluations after which no further iteration starts. */
  readonly evaluations: number;
  /** Step size of Adam at its start. */
  readonly learningRate: number;
  /** How many unknowns are pixels, the first of them. */
  readonly pixels: number;
  /** Where Adam holds the pixels. */
  readonly box?: { readonly low: number; readonly high: number };
  /** The matching loss at which the gradients count as equal. */
  readonly enough: number;
  /**
   * L-BFGS gives an attempt up as stuck when so many evaluations lowered the matching loss by less than a hundredth and
   * moved the pixels by less than a hundredth of their root mean square. The loss alone would not do: on a noised gradient
   * it nears the noise's own square long before the images are as near as they get.
   */
  readonly patience: number;
}

export interface AttemptStep {
  readonly evaluation: number;
  readonly matchingLoss: number;
  /** All unknowns; read only, changes with the next step. */
  readonly x: Float64Array;
}

export interface AttemptResult {
  readonly x: Float64Array;
  readonly matchingLoss: number;
  readonly evaluations: number;
  readonly status: LbfgsStatus | "matched" | "stuck";
  /** The status in a sentence. */
  readonly reason: string;
}

/** An attempt after an iteration, from which it can go on. */
export interface AttemptCheckpoint {
  readonly minimizer:
    | { readonly kind: "lbfgs"; readonly state: LbfgsCheckpoint }
    | { readonly kind: "adam"; readonly state: AdamCheckpoint };
  /** Where the attempt last got on: the matching loss fell by a hundredth, or the pixels moved by one. */
  readonly reference: AttemptStep;
}

export interface AttemptWatch {
  readonly onStep?: (step: AttemptStep) => void;
  /** Called after `onStep` wherever the attempt goes on; the next iteration waits for a promise. */
  readonly onCheckpoint?: (checkpoint: AttemptCheckpoint) => Promise<void> | undefined;
  /** Where an attempt of the same start and settings was cut off: it ends with the same bits. */
  readonly from?: AttemptCheckpoint;
  readonly signal?: AbortSignal;
}

/**
 * Minimises the matching loss from one start.
 *
 * @throws RangeError when the start is not finite or a setting is out of range
 */
export async function runAttempt(
  objective: Objective,
  start: Float64Array,
  settings: AttemptSettings,
  watch: AttemptWatch = {},
): Promise<AttemptResult> {
  const { optimizer, evaluations, learningRate, pixels, box, enough, patience } = settings;
  const from = watch.from?.minimizer;
  if (from !== undefined && (from.kind === "lbfgs") !== (optimizer === "lbfgs"))
    throw new RangeError(`the checkpoint is one of ${from.kind}, the attempt is by ${optimizer}`);
  let ending: "matched" | "stuck" | undefined;
  let reference: AttemptStep = watch.from?.reference ?? {
    evaluation: 0,
    matchingLoss: Number.POSITIVE_INFINITY,
    x: start,
  };
  const onIteration = (state: { x: Float64Array; value: number; evaluations: number }): unknown => {
    const { x, value, evaluations: evaluation } = state;
    watch.onStep?.({ evaluation, matchingLoss: value, x });
    if (value < 0.99 * reference.matchingLoss || hasMoved(x, reference.x, pixels))
      reference = { evaluation, matchingLoss: value, x: x.slice() };
    if (value <= enough) ending = "matched";
    else if (optimizer === "lbfgs" && evaluation - reference.evaluation >= patience) ending = "stuck";
    return ending && "stop";
  };
  const keep = (minimizer: AttemptCheckpoint["minimizer"]): Promise<void> | undefined =>
    watch.onCheckpoint?.({ minimizer, reference });
  const onLbfgsIteration = (state: LbfgsState): unknown =>
    onIteration(state) ?? keep({ kind: "lbfgs", state: lbfgsCheckpoint(state) });
  const watching = { onIteration, ...(watch.signal && { signal: watch.signal }) };
  const result =
    optimizer === "lbfgs"
      ? await minimize(objective, start, {
          maxIterations: evaluations,
          maxEvaluations: evaluations,
          toleranceGradient: 0,
          toleranceChange: 0,
          historySize: 100,
          ...watching,
          onIteration: onLbfgsIteration,
          ...(from?.kind === "lbfgs" && { from: from.state }),
        })
      : await minimizeByAdam(objective, start, {
          iterations: evaluations,
          // Inverting Gradients': a tenth of the last from 3/8, 5/8 and 7/8 of the way on.
          schedule: stepDecay({
            initial: learningRate,
            milestones: [3 / 8, 5 / 8, 7 / 8].map((part) => Math.ceil(part * evaluations)),
          }),
          gradient: optimizer === "signed-adam" ? "sign" : "value",
          ...(box && { box: { ...box, count: pixels } }),
          ...watching,
          onCheckpoint: (state) => keep({ kind: "adam", state }),
          ...(from?.kind === "adam" && { from: from.state }),
        });
  const { x, value, evaluations: used, status } = result;
  return {
    x,
    matchingLoss: Number.isNaN(value) ? Number.POSITIVE_INFINITY : value,
    evaluations: used,
    status: ending ?? status,
    reason:
      ending === "matched"
        ? "the gradients match"
        : ending === "stuck"
          ? `${patience} evaluations lowered the matching loss and moved the images by less than a hundredth`
          : "reason" in result
            ? result.reason
            : adamReasons[result.status],
  };
}

/** Whether the first `count` coordinates of two points differ by a hundredth of their root mean square. */
function hasMoved(x: Float64Array, from: Float64Array, count: number): boolean {
  let [distance, size] = [0, 0];
  for (let i = 0; i < count; i++) {
    const value = x[i] ?? 0;
    distance += (value - (from[i] ?? 0)) ** 2;
    size += value ** 2;
  }
  return distance > 1e-4 * size;
}

const adamReasons = {
  "max-iterations": "all iterations were used",
  stopped: "stopped",
  aborted: "aborted",
  diverged: "the matching loss is not finite",
} as const;
