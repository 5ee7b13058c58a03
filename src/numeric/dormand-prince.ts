// One step of the Runge-Kutta pair of Dormand and Prince, orders 5 and 4, and the curve within it.

/** A step that was computed, good or not. */
export interface Step {
  readonly end: Float64Array;
  /** The derivative at the end: the first stage of the next step. */
  readonly endSlope: Float64Array;
  /** The difference of the two orders. */
  readonly error: Float64Array;
  /** Coefficients of the curve from start to end, three arrays beside the two states. */
  readonly curve: readonly [Float64Array, Float64Array, Float64Array];
}

/** The stages' times, in steps. */
const times = [0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1, 1];

/** How the stages build on those before; the last row is the solution of order 5. */
const stages = [
  [],
  [1 / 5],
  [3 / 40, 9 / 40],
  [44 / 45, -56 / 15, 32 / 9],
  [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729],
  [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656],
  [35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84],
];

/** Order 5 less order 4. */
const errorWeights = [71 / 57600, 0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40];

/** The part of fourth order of the curve (Hairer, Norsett and Wanner, section II.6, and their DOPRI5). */
const curveWeights = [
  -12715105075 / 11282082432,
  0,
  87487479700 / 32700410799,
  -10690763975 / 1880347072,
  701980252875 / 199316789632,
  -1453857185 / 822651844,
  69997945 / 29380423,
];

/**
 * One step of length `h` (negative: backwards).
 *
 * @param derivative writes the derivative, and says whether it is finite
 * @param slope the derivative at the start
 * @returns undefined when a derivative was not finite
 */
export function takeStep(
  derivative: (time: number, state: Float64Array, out: Float64Array) => boolean,
  time: number,
  state: Float64Array,
  slope: Float64Array,
  h: number,
): Step | undefined {
  const n = state.length;
  const slopes = [slope];
  let end = state;
  for (let stage = 1; stage < 7; stage++) {
    end = state.slice();
    addCombination(end, h, stages[stage] as number[], slopes);
    const next = new Float64Array(n);
    if (!derivative(time + (times[stage] as number) * h, end, next)) return undefined;
    slopes.push(next);
  }
  const error = new Float64Array(n);
  addCombination(error, h, errorWeights, slopes);
  const last = slopes[6] as Float64Array;
  const difference = end.map((value, i) => value - (state[i] as number));
  const bend = difference.map((value, i) => h * (slope[i] as number) - value);
  const skew = difference.map((value, i) => value - h * (last[i] as number) - (bend[i] as number));
  const fourth = new Float64Array(n);
  addCombination(fourth, h, curveWeights, slopes);
  return { end, endSlope: last, error, curve: [bend, skew, fourth] };
}

function addCombination(
  out: Float64Array,
  h: number,
  weights: readonly number[],
  slopes: readonly Float64Array[],
): void {
  weights.forEach((weight, stage) => {
    if (weight === 0) return;
    const slope = slopes[stage] as Float64Array;
    for (let i = 0; i < out.length; i++) out[i] = (out[i] as number) + h * weight * (slope[i] as number);
  });
}

/** The state at a share of [0, 1] of a step that began at `state`. */
export function stateWithin(step: Step, state: Float64Array, share: number): Float64Array {
  const [bend, skew, fourth] = step.curve;
  const rest = 1 - share;
  return state.map((value, i) => {
    const inner = (skew[i] as number) + rest * (fourth[i] as number);
    const difference = (step.end[i] as number) - value;
    return value + share * (difference + rest * ((bend[i] as number) + share * inner));
  });
}
