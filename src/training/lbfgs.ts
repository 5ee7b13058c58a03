// L-BFGS as PyTorch's torch.optim.LBFGS runs it (2.14), down to when it stops: D. C. Liu, J. Nocedal, "On the
// Limited Memory BFGS Method for Large Scale Optimization" (1989), after M. Schmidt's minFunc.
import { dot, maximumAbsolute } from "../numeric/rows.ts";
import { createMemory, type LbfgsMemory, quasiNewtonDirection } from "./lbfgs-memory.ts";
import { strongWolfe } from "./strong-wolfe.ts";

/**
 * What is minimised. The gradient may be a buffer that the next call overwrites; `x` must be neither kept
 * nor changed.
 */
export type Objective = (x: Float64Array) => Promise<{ value: number; gradient: Float64Array }>;

export interface LbfgsOptions {
  /** The first step length tried in each iteration, and the fixed one without a line search. Default 1. */
  readonly learningRate?: number;
  /** Iterations of one {@link lbfgsStep} (default 20) or of {@link minimize} (default 1000). */
  readonly maxIterations?: number;
  /** Evaluations after which no further iteration starts. Default 1.25 times the iterations. */
  readonly maxEvaluations?: number;
  /** Stop when no gradient entry exceeds this. Default 1e-7. */
  readonly toleranceGradient?: number;
  /** Stop when neither x nor the value changes by this much; 0 for as far as rounding allows. Default 1e-9. */
  readonly toleranceChange?: number;
  /** `none` moves by the learning rate without looking, which can diverge. Default `strong-wolfe`. */
  readonly lineSearch?: "strong-wolfe" | "none";
  /**
   * Trials in one line search after its first. PyTorch 2.14 bounds them only by the evaluations left, as
   * this does too; the bound matters with a large `maxEvaluations` alone. Default 25.
   */
  readonly maxLineSearchTrials?: number;
  /**
   * Called after every iteration with the state, to be read only; returning `"stop"` ends the step. A promise is awaited,
   * and the state does not change until it is kept.
   */
  readonly onIteration?: (state: LbfgsState) => unknown;
  /**
   * The state comes from `onIteration` of a step that was cut off there: go on with that step, under the same options, as
   * if it had not been.
   */
  readonly continues?: boolean;
  /** Looked at between iterations: a step ended by it goes on, from the same state, with the same numbers. */
  readonly signal?: AbortSignal;
}

/** All that persists between steps: plain data, so that `structuredClone` of it is a checkpoint. */
export interface LbfgsState {
  /** The current point. */
  readonly x: Float64Array;
  /** The objective at the point last evaluated. */
  value: number;
  /** Its gradient there. */
  readonly gradient: Float64Array;
  /** The direction and the length of the last move. */
  readonly direction: Float64Array;
  stepLength: number;
  /** The gradient at which that direction was taken. */
  readonly previousGradient: Float64Array;
  readonly memory: LbfgsMemory;
  /** Totals over all steps. */
  iterations: number;
  evaluations: number;
  /** What the step under way has to know of its start and of its last iteration, to be continued elsewhere. */
  readonly underWay: {
    initialValue: number;
    iterationsBefore: number;
    evaluationsBefore: number;
    previousValue: number;
  };
  readonly workspace: {
    readonly step: Float64Array;
    readonly change: Float64Array;
    readonly trial: Float64Array;
    readonly gradients: readonly Float64Array[];
  };
}

export type LbfgsStatus =
  | "gradient-tolerance"
  | "change-tolerance"
  | "no-descent"
  | "max-iterations"
  | "max-evaluations"
  | "stopped"
  | "aborted"
  | "diverged";

export interface LbfgsResult {
  readonly status: LbfgsStatus;
  /** The status in a sentence, with the numbers that decided. */
  readonly reason: string;
  /** The objective at the start of this step. */
  readonly initialValue: number;
  /**
   * The objective at the point last evaluated: at `x`, except after {@link lbfgsStep} without a line search
   * has used all its iterations, as PyTorch does not evaluate after the last move.
   */
  readonly value: number;
  /** Iterations and evaluations of this step. */
  readonly iterations: number;
  readonly evaluations: number;
}

/**
 * A state to step from.
 *
 * @param initial the starting point, n numbers; copied
 * @param options.historySize pairs remembered, 2 n float64 numbers each; default 100
 * @throws RangeError when the starting point is empty or not finite
 */
export function createLbfgs(initial: Float64Array, options: { historySize?: number } = {}): LbfgsState {
  const { historySize = 100 } = options;
  const n = initial.length;
  if (!Number.isInteger(historySize) || historySize < 1)
    throw new RangeError(`lbfgs: historySize ${historySize} is not a positive integer`);
  if (n === 0) throw new RangeError("lbfgs: the starting point is empty");
  const bad = initial.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) throw new RangeError(`lbfgs: the starting point holds ${initial[bad]} at ${bad}`);
  const vector = () => new Float64Array(n);
  return {
    x: initial.slice(),
    value: Number.NaN,
    gradient: vector(),
    direction: vector(),
    stepLength: 0,
    previousGradient: vector(),
    memory: createMemory(n, historySize),
    iterations: 0,
    evaluations: 0,
    underWay: {
      initialValue: Number.NaN,
      iterationsBefore: 0,
      evaluationsBefore: 0,
      previousValue: Number.NaN,
    },
    workspace: workspaceFor(n),
  };
}

/** A state without its workspace, which holds nothing that lasts. */
export type LbfgsCheckpoint = Omit<LbfgsState, "workspace">;

/** The part of a state that a checkpoint has to keep; its arrays are those of the state. */
export function lbfgsCheckpoint(state: LbfgsState): LbfgsCheckpoint {
  const { workspace: _, ...lasting } = state;
  return lasting;
}

/** The state that goes on from a checkpoint; it takes the checkpoint's arrays for its own. */
export function restoreLbfgs(checkpoint: LbfgsCheckpoint): LbfgsState {
  return { ...checkpoint, workspace: workspaceFor(checkpoint.x.length) };
}

function workspaceFor(n: number): LbfgsState["workspace"] {
  const vector = () => new Float64Array(n);
  return {
    step: vector(),
    change: vector(),
    trial: vector(),
    gradients: [vector(), vector(), vector()],
  };
}

/**
 * What one `torch.optim.LBFGS.step()` does: evaluates at `state.x`, then iterates until a limit or a
 * tolerance is reached. Repeated calls go on with the memory of the earlier ones.
 *
 * Where the objective is not finite the step ends as `diverged`, with `x` at the last point where it was.
 *
 * @param state changed in place
 * @throws RangeError when an option is out of range or the gradient's length is not that of x
 */
export async function lbfgsStep(
  state: LbfgsState,
  objective: Objective,
  options: LbfgsOptions = {},
): Promise<LbfgsResult> {
  const { learningRate = 1, maxIterations = 20, lineSearch = "strong-wolfe" } = options;
  const { maxEvaluations = Math.floor((maxIterations * 5) / 4), maxLineSearchTrials = 25 } = options;
  const {
    toleranceGradient = 1e-7,
    toleranceChange = 1e-9,
    onIteration,
    signal,
    continues = false,
  } = options;
  checkOptions({ learningRate, maxIterations, maxEvaluations, maxLineSearchTrials });
  checkTolerances({ toleranceGradient, toleranceChange });
  const { x, gradient, direction, previousGradient, workspace, underWay } = state;
  const { trial, step, change } = workspace;

  const evaluate = async (at: Float64Array) => {
    const result = await objective(at);
    state.evaluations++;
    if (result.gradient.length !== x.length)
      throw new RangeError(`lbfgs: the gradient has ${result.gradient.length} entries, x has ${x.length}`);
    return result;
  };
  const moveTrial = (length: number): Float64Array => {
    for (let i = 0; i < x.length; i++) trial[i] = (x[i] as number) + length * (direction[i] as number);
    return trial;
  };

  if (!continues) {
    underWay.iterationsBefore = state.iterations;
    underWay.evaluationsBefore = state.evaluations;
  }
  const { iterationsBefore, evaluationsBefore } = underWay;
  let iterations = state.iterations - iterationsBefore;
  const result = (status: LbfgsStatus, reason: string): LbfgsResult => ({
    status,
    reason,
    initialValue: underWay.initialValue,
    value: state.value,
    iterations,
    evaluations: state.evaluations - evaluationsBefore,
  });
  const diverged = (value: number, length: number): LbfgsResult =>
    result(
      "diverged",
      `in iteration ${state.iterations} the objective is ${value}${Number.isFinite(value) ? " but its gradient is not finite" : ""} at step length ${length} from x`,
    );

  let largest = maximumAbsolute(gradient);
  /** Whether the iteration that has just been made was the last, and why. */
  const endReached = (): LbfgsResult | undefined => {
    const evaluations = state.evaluations - evaluationsBefore;
    if (iterations === maxIterations) return result("max-iterations", `used all ${maxIterations} iterations`);
    if (evaluations >= maxEvaluations)
      return result("max-evaluations", `used ${evaluations} evaluations of ${maxEvaluations}`);
    if (largest <= toleranceGradient) return gradientReached(result, largest, toleranceGradient);
    const moved = maximumAbsolute(direction) * Math.abs(state.stepLength);
    if (moved <= toleranceChange)
      return result("change-tolerance", `x changed by ${moved} at most, within ${toleranceChange}`);
    const changed = Math.abs(state.value - underWay.previousValue);
    if (changed < toleranceChange)
      return result("change-tolerance", `the objective changed by ${changed}, within ${toleranceChange}`);
    return undefined;
  };

  if (continues) {
    const end = endReached();
    if (end !== undefined) return end;
  } else {
    const first = await evaluate(x);
    underWay.initialValue = first.value;
    largest = maximumAbsolute(first.gradient);
    if (!Number.isFinite(first.value) || !Number.isFinite(largest))
      return result(
        "diverged",
        `at the start the objective is ${first.value}, its largest gradient ${largest}`,
      );
    state.value = first.value;
    gradient.set(first.gradient);
    if (largest <= toleranceGradient) return gradientReached(result, largest, toleranceGradient);
  }

  for (;;) {
    if (signal?.aborted) return result("aborted", `aborted after ${state.iterations} iterations`);
    iterations++;
    state.iterations++;
    const isFirst = state.iterations === 1;
    if (isFirst) for (let i = 0; i < x.length; i++) direction[i] = -(gradient[i] as number);
    else {
      for (let i = 0; i < x.length; i++) {
        change[i] = (gradient[i] as number) - (previousGradient[i] as number);
        step[i] = (direction[i] as number) * state.stepLength;
      }
      quasiNewtonDirection(state.memory, step, change, gradient, direction);
    }
    previousGradient.set(gradient);
    underWay.previousValue = state.value;

    let length = isFirst ? Math.min(1, 1 / absoluteSum(gradient)) * learningRate : learningRate;
    state.stepLength = length;
    const slope = dot(gradient, direction);
    if (!Number.isFinite(slope))
      return result("diverged", `in iteration ${state.iterations} the direction is not finite`);
    if (slope > -toleranceChange)
      return result("no-descent", `the slope ${slope} along the direction is above -${toleranceChange}`);

    if (lineSearch === "strong-wolfe") {
      const used = state.evaluations - evaluationsBefore;
      const found = await strongWolfe(
        (at) => evaluate(moveTrial(at)),
        { value: state.value, gradient, direction, slope, step: length },
        {
          toleranceChange,
          maxTrials: Math.max(0, Math.min(maxLineSearchTrials, maxEvaluations - used)),
          buffers: workspace.gradients,
        },
      );
      if (found.status === "non-finite") return diverged(found.value, found.step);
      length = found.step;
      x.set(moveTrial(length));
      state.value = found.value;
      gradient.set(found.gradient);
      largest = maximumAbsolute(gradient);
    } else {
      moveTrial(length);
      if (iterations < maxIterations) {
        const { value, gradient: moved } = await evaluate(trial);
        const movedLargest = maximumAbsolute(moved);
        if (!Number.isFinite(value) || !Number.isFinite(movedLargest)) return diverged(value, length);
        state.value = value;
        gradient.set(moved);
        largest = movedLargest;
      }
      x.set(trial);
    }
    state.stepLength = length;

    const answer = onIteration?.(state);
    if ((answer instanceof Promise ? await answer : answer) === "stop")
      return result("stopped", `stopped by onIteration after ${state.iterations} iterations`);
    const end = endReached();
    if (end !== undefined) return end;
  }
}

/**
 * Minimises from a starting point in one go: {@link createLbfgs}, one {@link lbfgsStep} of up to
 * `maxIterations` (default 1000), and, where that ends without an evaluation at x, one more.
 *
 * @param objective value and gradient at n numbers
 * @param initial the starting point, n numbers; not changed. With `options.from`, a checkpoint taken in `onIteration` of a
 *   call that was cut off, the minimisation goes on from there and ends with the same bits.
 * @throws RangeError as the two functions do
 * @example const { x, value, reason } = await minimize(rosenbrock, Float64Array.of(-1.2, 1));
 */
export async function minimize(
  objective: Objective,
  initial: Float64Array,
  options: Omit<LbfgsOptions, "continues"> & {
    readonly historySize?: number;
    readonly from?: LbfgsCheckpoint;
  } = {},
): Promise<LbfgsResult & { readonly x: Float64Array; readonly gradient: Float64Array }> {
  const { historySize = 100, from, ...rest } = options;
  const state = from === undefined ? createLbfgs(initial, { historySize }) : restoreLbfgs(from);
  const continues = from !== undefined;
  const result = await lbfgsStep(state, objective, { maxIterations: 1000, ...rest, continues });
  const { x } = state;
  if (options.lineSearch !== "none" || result.status !== "max-iterations")
    return { ...result, x, gradient: state.gradient };
  const { value, gradient } = await objective(x);
  const isFinal = Number.isFinite(value) && Number.isFinite(maximumAbsolute(gradient));
  return {
    ...result,
    ...(isFinal ? {} : { status: "diverged", reason: `after the last move the objective is ${value}` }),
    value,
    evaluations: result.evaluations + 1,
    x,
    gradient: gradient.slice(),
  };
}

function gradientReached(
  result: (status: LbfgsStatus, reason: string) => LbfgsResult,
  largest: number,
  tolerance: number,
): LbfgsResult {
  return result("gradient-tolerance", `the largest gradient entry is ${largest}, within ${tolerance}`);
}

function absoluteSum(values: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += Math.abs(values[i] as number);
  return sum;
}

function checkOptions(options: {
  learningRate: number;
  maxIterations: number;
  maxEvaluations: number;
  maxLineSearchTrials: number;
}): void {
  for (const [name, value] of Object.entries(options)) {
    const isRight = name === "learningRate" ? Number.isFinite(value) : Number.isInteger(value);
    if (!isRight || value <= 0)
      throw new RangeError(
        `lbfgs: ${name} ${value} is not a positive ${name === "learningRate" ? "number" : "integer"}`,
      );
  }
}

function checkTolerances(options: { toleranceGradient: number; toleranceChange: number }): void {
  for (const [name, value] of Object.entries(options))
    if (!(value >= 0)) throw new RangeError(`lbfgs: ${name} ${value} is not a number from 0 up`);
}
