// Density and distribution function of stable laws by Nolan's integrals over an angle t of (-t0, pi/2),
//   f(x) = a / (pi |a - 1| x) times the integral of g exp(-g),   g(t) = x^(a/(a-1)) V(t),
// and of exp(-g) or 1 - exp(-g) for the tail (Nolan, Communications in Statistics: Stochastic Models 13 (1997) 759). V is
// monotone, so that the integrand has one peak, at g = 1. It can be as narrow as the tail is far: each half of the range is
// integrated over the logarithm of the distance to its end, where the peak has a width of order 1 wherever it lies.
import { integrate } from "./quadrature.ts";
import { gamma } from "./special/gamma.ts";
import { normalDensity, normalDistribution } from "./special/normal.ts";
import { type CheckedLaw, checkedLaw, type StableLaw } from "./stable.ts";

/** P(X <= x), and what it lacks to 1. */
export interface StableDistribution {
  readonly lower: number;
  readonly upper: number;
}

/**
 * The density of a stable law. Relative error about 1e-10, losing digits like 1e-15 / |tailIndex - 1| next to 1.
 *
 * @param x any number
 * @throws RangeError when x is NaN or a parameter is out of its range
 * @throws Error when the quadrature does not reach its tolerance
 */
export function stableDensity(x: number, law: StableLaw): number {
  const checked = checkedLaw(law, "stableDensity");
  const z = standardised(x, checked, "stableDensity");
  if (Math.abs(z) === Infinity) return 0;
  return standardDensity(z, checked.tailIndex, checked.skewness) / checked.scale;
}

/**
 * The distribution function of a stable law; both tails are accurate where they are small. Errors as
 * {@link stableDensity}'s.
 *
 * @param x any number
 * @throws as {@link stableDensity}
 */
export function stableDistribution(x: number, law: StableLaw): StableDistribution {
  const checked = checkedLaw(law, "stableDistribution");
  const z = standardised(x, checked, "stableDistribution");
  const { tailIndex, skewness } = checked;
  if (z === Infinity) return { lower: 1, upper: 0 };
  if (z === -Infinity) return { lower: 0, upper: 1 };
  // Laws of index 1 are not split at 0: what is formed there serves both sides of it.
  if (z < 0 && tailIndex !== 1) {
    const { lower, upper } = tailsFrom(-z, tailIndex, -skewness);
    return { lower: upper, upper: lower };
  }
  return tailsFrom(z, tailIndex, skewness);
}

function standardised(x: number, { tailIndex, skewness, scale, location }: CheckedLaw, call: string): number {
  if (Number.isNaN(x)) throw new RangeError(`${call}: x is not a number`);
  const shift = tailIndex === 1 ? (2 / Math.PI) * skewness * Math.log(scale) : 0;
  return (x - location) / scale - shift;
}

function standardDensity(x: number, a: number, b: number): number {
  if (a === 2) return normalDensity(x * Math.SQRT1_2) * Math.SQRT1_2;
  if (a === 1 && b === 0) return 1 / (Math.PI * (1 + x * x));
  if (a === 1) {
    const range = rangeAtOne(b > 0 ? x : -x, Math.abs(b));
    return angularIntegral(range, (logG) => Math.exp(logG - Math.exp(logG))) / (2 * Math.abs(b));
  }
  if (x < 0) return standardDensity(-x, a, -b);
  const range = rangeOf(x, a, b);
  // Next to 0 the integral would have to find a peak at the smallest doubles; the density is flat there.
  if (x < 1e-200)
    return (gamma(1 + 1 / a) * Math.cos(range.turn) * Math.cos(a * range.turn) ** (1 / a)) / Math.PI;
  if (range.length <= 0) return 0;
  const integral = angularIntegral(range, (logG) => Math.exp(logG - Math.exp(logG)));
  return (a / (Math.PI * Math.abs(a - 1) * x)) * integral;
}

/** Both tails from x >= 0, or any x where a = 1. */
function tailsFrom(x: number, a: number, b: number): StableDistribution {
  const below = (logG: number): number => Math.exp(-Math.exp(logG));
  const above = (logG: number): number => -Math.expm1(-Math.exp(logG));
  if (a === 2)
    return { lower: normalDistribution(x * Math.SQRT1_2), upper: normalDistribution(-x * Math.SQRT1_2) };
  if (a === 1 && b === 0) return { lower: cauchyTail(-x), upper: cauchyTail(x) };
  if (a === 1) {
    const range = rangeAtOne(b > 0 ? x : -x, Math.abs(b));
    const lower = angularIntegral(range, b > 0 ? below : above) / Math.PI;
    const upper = angularIntegral(range, b > 0 ? above : below) / Math.PI;
    return { lower, upper };
  }
  const range = rangeOf(x, a, b);
  if (range.length <= 0) return { lower: 1, upper: 0 };
  if (x < 1e-200) return { lower: 1 - range.length / Math.PI, upper: range.length / Math.PI };
  const upper = angularIntegral(range, a > 1 ? below : above) / Math.PI;
  // One-sided laws, of index below 1, have a lower tail that vanishes towards 0.
  if (a > 1 || upper < 0.5) return { lower: 1 - upper, upper };
  return { lower: (snapped(Math.PI / 2 - range.turn) + angularIntegral(range, below)) / Math.PI, upper };
}

function cauchyTail(x: number): number {
  return x > 1 ? Math.atan(1 / x) / Math.PI : 0.5 - Math.atan(x) / Math.PI;
}

interface AngularRange {
  /** t0. */
  readonly turn: number;
  /** pi/2 + t0. */
  readonly length: number;
  /** ln g at an angle given by its distances to the left and the right end, of which the smaller is exact. */
  logG(fromLeft: number, toRight: number): number;
}

function rangeOf(x: number, a: number, b: number): AngularRange {
  const arc = Math.atan(b * Math.tan((Math.PI * a) / 2));
  const turn = arc / a;
  const length = snapped(Math.PI / 2 + turn);
  const power = a / (a - 1);
  const constant = power * Math.log(x) + Math.log(Math.cos(arc)) / (a - 1);
  // What is left of pi/2 where skewness 1 or -1 sends a sine or cosine to zero; next to it they are sines of small angles.
  const leftGap = snapped(Math.PI / 2 - turn);
  const rightGap = snapped(Math.PI * (1 - a / 2) - arc);
  const sineOfRight = (fromLeft: number, toRight: number): number =>
    toRight > Math.PI / 2 ? Math.sin(leftGap + fromLeft) : Math.sin(toRight);
  const sineOfLeft = (fromLeft: number, toRight: number): number =>
    a * fromLeft > Math.PI / 2 ? Math.sin(rightGap + a * toRight) : Math.sin(a * fromLeft);
  const cosine = (fromLeft: number, toRight: number): number => {
    const angle = turn + (a - 1) * fromLeft;
    if (angle < 1) return Math.cos(angle);
    return a > 1 ? Math.sin(rightGap + (a - 1) * toRight) : Math.sin(leftGap + (1 - a) * fromLeft);
  };
  return {
    turn,
    length,
    logG(fromLeft, toRight) {
      const logRight = Math.log(sineOfRight(fromLeft, toRight));
      const logLeft = Math.log(sineOfLeft(fromLeft, toRight));
      return constant + power * (logRight - logLeft) + Math.log(cosine(fromLeft, toRight)) - logRight;
    },
  };
}

/** An angle that is 0 but for the rounding of the tangent and its inverse. */
function snapped(angle: number): number {
  return angle > 2e-15 ? angle : 0;
}

/** a = 1 and b > 0. */
function rangeAtOne(x: number, b: number): AngularRange {
  return {
    turn: Math.PI / 2,
    length: Math.PI,
    logG(fromLeft, toRight) {
      const isLeft = fromLeft < toRight;
      const cosine = Math.sin(isLeft ? fromLeft : toRight);
      const tangent = ((isLeft ? -1 : 1) * Math.cos(isLeft ? fromLeft : toRight)) / cosine;
      const turned = (Math.PI / 2) * (1 - b) + b * fromLeft;
      return (
        Math.log(2 / Math.PI) + Math.log(turned / cosine) + (turned * tangent) / b - (Math.PI * x) / (2 * b)
      );
    },
  };
}

/** The integral of h(ln g) over the range. */
function angularIntegral(range: AngularRange, h: (logG: number) => number): number {
  const half = range.length / 2;
  const ends = [
    (distance: number) => range.logG(distance, range.length - distance),
    (distance: number) => range.logG(range.length - distance, distance),
  ];
  let sum = 0;
  for (const logG of ends) {
    const end = Math.log(half);
    const breakpoints = [-12, -4, -1, 0, 1, 2, 3.7]
      .map((level) => crossing(logG, level, end))
      .filter((s): s is number => s !== undefined);
    // Beyond 45 below the last crossing, distances are too small to count.
    const start = Math.min(end, ...breakpoints) - 45;
    const f = (s: number): number => {
      const distance = Math.exp(s);
      return h(logG(distance)) * distance;
    };
    sum += integrate(f, start, end, {
      breakpoints,
      relativeTolerance: 1e-11,
      absoluteTolerance: 1e-12 * sum,
    }).value;
  }
  return sum;
}

/** Where monotone ln g crosses a level, in the logarithm of the distance to its end; undefined where it does not. */
function crossing(logG: (distance: number) => number, level: number, end: number): number | undefined {
  let low = -690;
  let high = end;
  const isHighAbove = logG(Math.exp(high)) > level;
  if (logG(Math.exp(low)) > level === isHighAbove) return undefined;
  for (let step = 0; step < 50; step++) {
    const middle = 0.5 * (low + high);
    if (logG(Math.exp(middle)) > level === isHighAbove) high = middle;
    else low = middle;
  }
  return high;
}
