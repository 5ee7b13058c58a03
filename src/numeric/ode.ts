import { type Step, stateWithin, takeStep } from "./dormand-prince.ts";

/** How exactly, and with how many steps, a differential equation is solved. */
export interface OdeOptions {
  /** Of each component, a step; default 1e-6. */
  readonly relativeTolerance?: number;
  /** Of each component, a step; one for all or one each. Default 1e-9. */
  readonly absoluteTolerance?: number | Float64Array;
  /** The first step's length; chosen from the derivative when absent. */
  readonly firstStep?: number;
  /** No step is longer; default: the whole range. */
  readonly maximumStep?: number;
  /** Default 100000. */
  readonly maximumSteps?: number;
}

/** A solution: the points between which the solver stepped, and the curve through them. */
export interface OdeSolution {
  /** The times of the steps, from the first to the last. */
  readonly times: Float64Array;
  /** The state at each of the times. */
  readonly states: readonly Float64Array[];
  /**
   * The state at any time in the range, by the method's own interpolation of fourth order.
   *
   * @throws RangeError outside the range
   */
  at(time: number): Float64Array;
  /** Calls of the derivative. */
  readonly evaluations: number;
  /** Steps that were too inexact, and tried again shorter. */
  readonly rejected: number;
}

/**
 * Solves dy/dt = f(t, y) from one time to another (later or earlier) by the explicit Runge-Kutta pair of Dormand and
 * Prince, orders 5 and 4, with the step length chosen so that each step's error is below the tolerances.
 *
 * @param f writes the derivative at (time, state) into `out`; must not keep or change `state`
 * @param initial the state at `from`; kept as it is
 * @throws RangeError when the range, the initial state or a tolerance is not valid
 * @throws Error when the solution or its derivative is not finite, the steps become too short for the clock's digits
 *   (a stiff or singular problem), or their number runs out; says the time
 * @see Dormand and Prince, J. Comput. Appl. Math. 6 (1980) 19; Hairer, Norsett and Wanner, Solving Ordinary Differential
 *   Equations I, sections II.4 to II.6
 * @example solveOde((t, y, out) => { out[0] = -y[0]; }, Float64Array.of(1), 0, 1).at(0.5) // [0.6065...]
 */
export function solveOde(
  f: (time: number, state: Float64Array, out: Float64Array) => void,
  initial: Float64Array,
  from: number,
  to: number,
  options: OdeOptions = {},
): OdeSolution {
  const { relativeTolerance = 1e-6, maximumStep = Math.abs(to - from), maximumSteps = 100_000 } = options;
  const absolute = checkedTolerances(initial, from, to, options);
  const n = initial.length;
  const direction = to >= from ? 1 : -1;
  let evaluations = 0;
  const derivative = (time: number, state: Float64Array, out: Float64Array): boolean => {
    evaluations++;
    f(time, state, out);
    return out.every(Number.isFinite);
  };
  /** The error as a multiple of the tolerances: a root mean square over the components. */
  const scaledNorm = (v: Float64Array, a: Float64Array, b: Float64Array): number => {
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const size = Math.max(Math.abs(a[i] as number), Math.abs(b[i] as number));
      sum += ((v[i] as number) / ((absolute[i] as number) + relativeTolerance * size)) ** 2;
    }
    return Math.sqrt(sum / Math.max(1, n));
  };

  const times = [from];
  const states: Float64Array[] = [initial.slice()];
  const steps: Step[] = [];
  let time = from;
  let state: Float64Array = initial.slice();
  let slope: Float64Array = new Float64Array(n);
  if (!derivative(time, state, slope))
    throw new Error(`solveOde: the derivative is not finite at time ${time}`);
  let length =
    options.firstStep ?? guessStep(derivative, scaledNorm, { time, state, slope, direction, maximumStep });
  let errorBefore = 1e-4;
  let rejected = 0;
  let isAfterRejection = false;
  while ((to - time) * direction > 0) {
    if (steps.length + rejected >= maximumSteps)
      throw new Error(`solveOde: ${maximumSteps} steps only reached time ${time} of ${to}`);
    length = Math.min(length, maximumStep);
    if (length < 16 * Number.EPSILON * Math.abs(time) || length === 0)
      throw new Error(
        `solveOde: steps became too short at time ${time}: the problem is stiff or singular there`,
      );
    const remaining = Math.abs(to - time);
    // A last step of a hair would be lost in rounding: the one before takes it along.
    const isLast = length * 1.01 >= remaining;
    const h = direction * (isLast ? remaining : length);
    const step = takeStep(derivative, time, state, slope, h);
    if (step === undefined || !step.end.every(Number.isFinite)) {
      if (length < 1e-10 * Math.max(Math.abs(time), Math.abs(to - from)))
        throw new Error(`solveOde: the solution is not finite after time ${time}`);
      length *= 0.1;
      rejected++;
      isAfterRejection = true;
      continue;
    }
    const error = scaledNorm(step.error, state, step.end);
    // Gustafsson's controller: the error before steadies the step length.
    const factor = error ** 0.17 / errorBefore ** 0.04;
    if (error > 1) {
      length = Math.abs(h) / Math.min(5, error ** 0.17 / 0.9);
      rejected++;
      isAfterRejection = true;
      continue;
    }
    const change = Math.max(0.1, Math.min(5, factor / 0.9));
    length = Math.abs(h) / (isAfterRejection ? Math.max(1, change) : change);
    errorBefore = Math.max(error, 1e-4);
    isAfterRejection = false;
    time = isLast ? to : time + h;
    state = step.end;
    slope = step.endSlope;
    times.push(time);
    states.push(state);
    steps.push(step);
  }
  return {
    times: Float64Array.from(times),
    states,
    evaluations,
    rejected,
    at: (wanted) => interpolate(times, states, steps, wanted, direction),
  };
}

type Derivative = (time: number, state: Float64Array, out: Float64Array) => boolean;

function checkedTolerances(
  initial: Float64Array,
  from: number,
  to: number,
  options: OdeOptions,
): Float64Array {
  if (!Number.isFinite(from) || !Number.isFinite(to))
    throw new RangeError(`solveOde: the range ${from} to ${to} is not finite`);
  const at = initial.findIndex((value) => !Number.isFinite(value));
  if (at >= 0) throw new RangeError(`solveOde: component ${at} of the initial state is ${initial[at]}`);
  const { relativeTolerance = 1e-6, absoluteTolerance = 1e-9, firstStep = 1, maximumStep = 1 } = options;
  const absolute =
    typeof absoluteTolerance === "number"
      ? new Float64Array(initial.length).fill(absoluteTolerance)
      : absoluteTolerance;
  if (absolute.length !== initial.length)
    throw new RangeError(`solveOde: ${absolute.length} absolute tolerances for ${initial.length} components`);
  if (
    !(relativeTolerance >= 0) ||
    !absolute.every((value) => value > 0 || (value === 0 && relativeTolerance > 0))
  )
    throw new RangeError("solveOde: tolerances are numbers from 0 up, not both 0");
  for (const [name, value] of Object.entries({ firstStep, maximumStep }))
    if (!(value > 0)) throw new RangeError(`solveOde: ${name} ${value} is not above 0`);
  return absolute;
}

/** Hairer, Norsett and Wanner, section II.4: a first step whose error an explicit Euler step lets expect. */
function guessStep(
  derivative: Derivative,
  scaledNorm: (v: Float64Array, a: Float64Array, b: Float64Array) => number,
  start: {
    time: number;
    state: Float64Array;
    slope: Float64Array;
    direction: number;
    maximumStep: number;
  },
): number {
  const { time, state, slope, direction, maximumStep } = start;
  const size = scaledNorm(state, state, state);
  const speed = scaledNorm(slope, state, state);
  const first = Math.min(maximumStep, size < 1e-5 || speed < 1e-5 ? 1e-6 : (0.01 * size) / speed);
  const moved = state.map((value, i) => value + direction * first * (slope[i] as number));
  const movedSlope = new Float64Array(state.length);
  if (!derivative(time + direction * first, moved, movedSlope)) return first * 0.1;
  const bend = scaledNorm(
    movedSlope.map((value, i) => value - (slope[i] as number)),
    state,
    state,
  );
  const largest = Math.max(speed, bend / first);
  const second = largest <= 1e-15 ? Math.max(1e-6, first * 1e-3) : (0.01 / largest) ** 0.2;
  return Math.min(100 * first, second, maximumStep);
}

function interpolate(
  times: readonly number[],
  states: readonly Float64Array[],
  steps: readonly Step[],
  wanted: number,
  direction: number,
): Float64Array {
  const first = times[0] as number;
  const last = times[times.length - 1] as number;
  if (!((wanted - first) * direction >= 0 && (last - wanted) * direction >= 0))
    throw new RangeError(`solveOde: time ${wanted} is not in the solved range ${first} to ${last}`);
  let low = 0;
  let high = steps.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((wanted - (times[middle] as number)) * direction >= 0) low = middle;
    else high = middle;
  }
  const step = steps[low];
  const state = states[low] as Float64Array;
  if (step === undefined) return state.slice();
  const start = times[low] as number;
  return stateWithin(step, state, (wanted - start) / ((times[low + 1] as number) - start));
}
