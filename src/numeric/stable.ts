// Alpha-stable laws in Zolotarev's and Nolan's parameterisation S1: a variable X has
//   E exp(i u X) = exp(-|s u|^a (1 - i b sign(u) tan(pi a / 2)) + i m u)          for a other than 1,
//   E exp(i u X) = exp(-|s u| (1 + i b (2 / pi) sign(u) ln|u|) + i m u)           for a = 1,
// with tail index a, skewness b, scale s and location m. Note that a = 2 has the variance 2 s^2.
import type { RandomStream } from "./random.ts";
import { gamma, sinPi } from "./special/gamma.ts";

/** A stable law, S1(tailIndex, skewness, scale, location). */
export interface StableLaw {
  /** Above 0 up to 2 (the normal law). */
  readonly tailIndex: number;
  /** From -1 to 1; default 0, a symmetric law. */
  readonly skewness?: number;
  /** Above 0; default 1. */
  readonly scale?: number;
  /** Default 0. */
  readonly location?: number;
}

/** A law with its defaults, checked; a tail index within 1e-8 of 1 is 1, where the formulas for others lose all digits. */
export interface CheckedLaw extends Required<StableLaw> {}

/**
 * Fills in a law's defaults.
 *
 * @throws RangeError when a parameter is out of its range, or the law is skewed and its tail index nearer to 1 than 1e-8
 *   without being 1 (in S1 such a law lies near infinity)
 */
export function checkedLaw(law: StableLaw, call: string): CheckedLaw {
  const { tailIndex, skewness = 0, scale = 1, location = 0 } = law;
  if (!(tailIndex > 0 && tailIndex <= 2))
    throw new RangeError(`${call}: tailIndex ${tailIndex} is not above 0 and at most 2`);
  if (!(skewness >= -1 && skewness <= 1))
    throw new RangeError(`${call}: skewness ${skewness} is not in [-1, 1]`);
  if (!(scale > 0 && scale < Infinity))
    throw new RangeError(`${call}: scale ${scale} is not a number above 0`);
  if (!Number.isFinite(location))
    throw new RangeError(`${call}: location ${location} is not a finite number`);
  const isNearOne = Math.abs(tailIndex - 1) < 1e-8;
  if (isNearOne && tailIndex !== 1 && skewness !== 0)
    throw new RangeError(`${call}: a skewed law with tailIndex ${tailIndex} is too near to 1; use 1`);
  return { tailIndex: isNearOne ? 1 : tailIndex, skewness, scale, location };
}

/**
 * `size` independent draws of a stable law, by the method of Chambers, Mallows and Stuck.
 *
 * @throws RangeError when a parameter is out of its range; a draw beyond the largest double is infinite (tail indices
 *   below 0.1)
 * @see Chambers, Mallows and Stuck, J. Amer. Statist. Assoc. 71 (1976) 340; Weron, Statist. Probab. Lett. 28 (1996) 165
 * @example stableDraws(3, { tailIndex: 1.5 }, randomStream(0))
 */
export function stableDraws(size: number, law: StableLaw, stream: RandomStream): Float64Array {
  const { tailIndex, skewness, scale, location } = checkedLaw(law, "stableDraws");
  const standard = standardVariable(tailIndex, skewness);
  const shift = tailIndex === 1 ? location + (2 / Math.PI) * skewness * scale * Math.log(scale) : location;
  const out = stream.uniform(size);
  const exponential = stream.exponential(size);
  for (let i = 0; i < size; i++) {
    // The uniform numbers are multiples of 2^-53 from 0 up: half a step keeps the angle off both ends.
    const angle = Math.PI * ((out[i] as number) + 2 ** -54 - 0.5);
    out[i] = shift + scale * standard(angle, Math.max(exponential[i] as number, 2 ** -64));
  }
  return out;
}

/**
 * The standard stable variable (scale 1, location 0) as a function of a uniform angle of (-pi/2, pi/2) and an exponential
 * variable of mean 1.
 *
 * @throws RangeError when a parameter is out of its range
 */
export function standardVariable(
  tailIndex: number,
  skewness: number,
): (angle: number, exponential: number) => number {
  const { tailIndex: a } = checkedLaw({ tailIndex, skewness }, "standardVariable");
  if (a === 1 && skewness === 0) return Math.tan;
  if (a === 1)
    return (angle, exponential) => {
      const turned = Math.PI / 2 + skewness * angle;
      const ratio = (0.5 * Math.PI * exponential * Math.cos(angle)) / turned;
      return (2 / Math.PI) * (turned * Math.tan(angle) - skewness * Math.log(ratio));
    };
  // Powers by one exponential of logarithms, which is nearly twice as fast as two powers.
  const inner = 1 / a;
  const outer = (1 - a) / a;
  if (skewness === 0)
    return (angle, exponential) =>
      Math.sin(a * angle) *
      Math.exp(
        outer * (Math.log(Math.cos((1 - a) * angle)) - Math.log(exponential)) -
          inner * Math.log(Math.cos(angle)),
      );
  const tangent = skewness * Math.tan((Math.PI * a) / 2);
  const turn = Math.atan(tangent) / a;
  const logFactor = Math.log1p(tangent * tangent) / (2 * a);
  return (angle, exponential) =>
    Math.sin(a * (angle + turn)) *
    Math.exp(
      logFactor +
        outer * (Math.log(Math.cos(angle - a * (angle + turn))) - Math.log(exponential)) -
        inner * Math.log(Math.cos(angle)),
    );
}

/**
 * The constant c of the Levy measure c |y|^(-1 - a) dy of the symmetric law of scale 1: Gamma(1 + a) sin(pi a / 2) / pi, 0 for
 * a = 2. P(|X| > x) is about (2 c / a) x^-a for large x.
 *
 * @throws RangeError when the tail index is not above 0 and at most 2
 */
export function levyConstant(tailIndex: number): number {
  checkedLaw({ tailIndex }, "levyConstant");
  return tailIndex === 2 ? 0 : (gamma(1 + tailIndex) * sinPi(tailIndex / 2)) / Math.PI;
}

/**
 * E |X|^p of the symmetric law of scale 1.
 *
 * @param power above -1, below the tail index (any above -1 for tail index 2)
 * @throws RangeError outside these ranges, where the moment is infinite
 * @see Shanbhag and Sreehari, Z. Wahrscheinlichkeitstheorie 38 (1977) 217
 */
export function stableAbsoluteMoment(tailIndex: number, power: number): number {
  checkedLaw({ tailIndex }, "stableAbsoluteMoment");
  const exists = power > -1 && power < Infinity && (power < tailIndex || tailIndex === 2);
  if (!exists)
    throw new RangeError(
      `stableAbsoluteMoment: power ${power} is not between -1 and the tail index ${tailIndex}: the moment is infinite`,
    );
  const spread = (2 ** power * gamma((1 + power) / 2)) / Math.sqrt(Math.PI);
  if (tailIndex === 2) return spread;
  return (spread * gamma(1 - power / tailIndex)) / gamma(1 - power / 2);
}

/**
 * Mean and variance of ln |X| of the symmetric law of scale 1.
 *
 * @throws RangeError when the tail index is not above 0 and at most 2
 */
export function stableLogMoments(tailIndex: number): { readonly mean: number; readonly variance: number } {
  checkedLaw({ tailIndex }, "stableLogMoments");
  const eulerGamma = 0.5772156649015329;
  return {
    mean: eulerGamma * (1 / tailIndex - 1),
    variance: (Math.PI ** 2 / 6) * (1 / tailIndex ** 2 + 0.5),
  };
}
