// Line search for the strong Wolfe conditions with cubic interpolation: J. Nocedal, S. Wright, "Numerical
// Optimization" (2006), algorithms 3.5 and 3.6, in the form of M. Schmidt's minFunc that PyTorch's LBFGS uses.
import { dot, maximumAbsolute } from "../numeric/rows.ts";

/** The objective along the line: its value and gradient (a buffer that later calls may overwrite) at a step. */
export type LineObjective = (step: number) => Promise<{ value: number; gradient: Float64Array }>;

export interface LineSearchStart {
  /** The objective at step 0. */
  readonly value: number;
  /** Its gradient at step 0; not changed. */
  readonly gradient: Float64Array;
  /** The search direction. */
  readonly direction: Float64Array;
  /** gradient . direction, negative. */
  readonly slope: number;
  /** The first step to try. */
  readonly step: number;
}

export interface LineSearchOptions {
  /** c1: the decrease demanded, as a fraction of the linear prediction. */
  readonly sufficientDecrease?: number;
  /** c2: the slope allowed, as a fraction of the slope at the start. */
  readonly curvature?: number;
  /** The bracket is small enough when no coordinate changes by this much over it. */
  readonly toleranceChange?: number;
  /** Trials after the first. */
  readonly maxTrials?: number;
  /** Three buffers as long as the gradient; the result's gradient is one of them, or the start's. */
  readonly buffers?: readonly Float64Array[];
}

export interface LineSearchResult {
  /** `non-finite` when the objective was: step, value and gradient are then those of that trial. */
  readonly status: "wolfe" | "bracket" | "non-finite";
  readonly step: number;
  readonly value: number;
  readonly gradient: Float64Array;
  readonly evaluations: number;
}

interface Trial {
  step: number;
  value: number;
  gradient: Float64Array;
  slope: number;
}

/**
 * A step along a descent direction at which the strong Wolfe conditions hold, or the best point of the
 * bracket when trials run out or the bracket gets smaller than the tolerance (status `bracket`).
 *
 * @returns the step, the value and gradient there, and the number of evaluations used
 */
export async function strongWolfe(
  evaluate: LineObjective,
  start: LineSearchStart,
  options: LineSearchOptions = {},
): Promise<LineSearchResult> {
  const { sufficientDecrease = 1e-4, curvature = 0.9, toleranceChange = 1e-9, maxTrials = 25 } = options;
  const { direction } = start;
  const buffers = options.buffers ?? Array.from({ length: 3 }, () => new Float64Array(direction.length));
  const origin: Trial = { step: 0, value: start.value, gradient: start.gradient, slope: start.slope };
  let evaluations = 0;

  const isArmijo = (trial: Trial): boolean =>
    trial.value <= start.value + sufficientDecrease * trial.step * start.slope;
  const isFlat = (trial: Trial): boolean => Math.abs(trial.slope) <= -curvature * start.slope;
  const isUsable = (trial: Trial): boolean => Number.isFinite(trial.value) && Number.isFinite(trial.slope);
  const end = (status: LineSearchResult["status"], { step, value, gradient }: Trial): LineSearchResult => ({
    status,
    step,
    value,
    gradient,
    evaluations,
  });
  /** Evaluates at a step into a buffer that neither of the kept trials uses. */
  const tryStep = async (step: number, kept: Trial, alsoKept: Trial): Promise<Trial> => {
    const { value, gradient } = await evaluate(step);
    evaluations++;
    const own = buffers.find((buffer) => buffer !== kept.gradient && buffer !== alsoKept.gradient);
    if (own === undefined) throw new RangeError("strongWolfe: three buffers are needed");
    own.set(gradient);
    return { step, value, gradient: own, slope: dot(own, direction) };
  };

  // Go outwards until an interval must hold an acceptable step.
  let previous = origin;
  let current = await tryStep(start.step, origin, origin);
  let trials = 0;
  let isBracketed = false;
  while (trials < maxTrials) {
    if (!isUsable(current)) return end("non-finite", current);
    if (!isArmijo(current) || (trials > 1 && current.value >= previous.value)) isBracketed = true;
    else if (isFlat(current)) return end("wolfe", current);
    else if (current.slope >= 0) isBracketed = true;
    if (isBracketed) break;
    const nearest = current.step + 0.01 * (current.step - previous.step);
    const step = cubicMinimum(previous, current, nearest, current.step * 10);
    previous = current;
    current = await tryStep(step, previous, previous);
    trials++;
  }
  if (!isUsable(current)) return end("non-finite", current);
  if (!isBracketed) previous = origin;

  // Shrink the interval around the acceptable step. Where the values tie, its first end counts as the better.
  const bracket: [Trial, Trial] = [previous, current];
  let low: 0 | 1 = previous.value <= current.value ? 0 : 1;
  const largest = maximumAbsolute(direction);
  let hadLittleProgress = false;
  while (trials < maxTrials) {
    const [first, second] = bracket;
    const left = Math.min(first.step, second.step);
    const right = Math.max(first.step, second.step);
    if ((right - left) * largest < toleranceChange) break;
    let step = cubicMinimum(first, second, left, right);
    // A trial at the very edge shrinks the interval little: the second time, or on the edge, move inwards.
    const margin = 0.1 * (right - left);
    if (Math.min(right - step, step - left) < margin) {
      if (hadLittleProgress || step >= right || step <= left) {
        step = Math.abs(step - right) < Math.abs(step - left) ? right - margin : left + margin;
        hadLittleProgress = false;
      } else hadLittleProgress = true;
    } else hadLittleProgress = false;

    const trial = await tryStep(step, first, second);
    trials++;
    if (!isUsable(trial)) return end("non-finite", trial);
    const high = low === 0 ? 1 : 0;
    if (!isArmijo(trial) || trial.value >= bracket[low].value) {
      bracket[high] = trial;
      low = bracket[0].value <= bracket[1].value ? 0 : 1;
    } else {
      if (isFlat(trial)) return end("wolfe", trial);
      if (trial.slope * (bracket[high].step - bracket[low].step) >= 0) bracket[high] = bracket[low];
      bracket[low] = trial;
    }
  }
  return end("bracket", bracket[low]);
}

/** The minimum of the cubic through two trials' values and slopes, held to [lowest, highest]; their middle where it has none. */
function cubicMinimum(a: Trial, b: Trial, lowest: number, highest: number): number {
  const [first, second] = a.step <= b.step ? [a, b] : [b, a];
  const d1 = a.slope + b.slope - (3 * (a.value - b.value)) / (a.step - b.step);
  const square = d1 * d1 - a.slope * b.slope;
  const d2 = Math.sqrt(square);
  const minimum =
    second.step -
    (second.step - first.step) * ((second.slope + d2 - d1) / (second.slope - first.slope + 2 * d2));
  if (Number.isNaN(minimum)) return (lowest + highest) / 2;
  return Math.min(Math.max(minimum, lowest), highest);
}
