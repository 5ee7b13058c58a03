import { checkArgument } from "./argument.ts";
import { erf, erfc, erfcx, expOfMinusSquare } from "./error-function.ts";

const halfRootPi = Math.sqrt(Math.PI) / 2;
const logTwo = Math.LN2;

/** The standard normal density exp(-x^2/2) / sqrt(2 pi). Relative error below 1e-15. */
export function normalDensity(x: number): number {
  checkArgument("normalDensity", "x", x, !Number.isNaN(x), "a number");
  return Math.abs(x) > 40 ? 0 : expOfMinusHalfSquare(x) / Math.sqrt(2 * Math.PI);
}

/**
 * The standard normal distribution function, accurate in its lower tail; the upper tail 1 - F(x) is F(-x). Relative
 * error below 1e-14 down to results of 1e-300.
 *
 * @throws RangeError when x is NaN
 */
export function normalDistribution(x: number): number {
  checkArgument("normalDistribution", "x", x, !Number.isNaN(x), "a number");
  if (x > -1) return 0.5 * erfc(-x * Math.SQRT1_2);
  return x < -40 ? 0 : 0.5 * expOfMinusHalfSquare(x) * erfcx(-x * Math.SQRT1_2);
}

/** exp(-x^2 / 2) without the error of squaring. */
function expOfMinusHalfSquare(x: number): number {
  const leading = Math.fround(x);
  return Math.exp(-0.5 * leading * leading) * Math.exp(0.5 * (leading - x) * (leading + x));
}

/**
 * ln of the standard normal distribution function, for any x. Relative error below 1e-14.
 *
 * @throws RangeError when x is NaN
 */
export function logNormalDistribution(x: number): number {
  checkArgument("logNormalDistribution", "x", x, !Number.isNaN(x), "a number");
  if (x > -1) return Math.log1p(-normalDistribution(-x));
  return Math.log(0.5 * erfcx(-x * Math.SQRT1_2)) - 0.5 * x * x;
}

/**
 * The standard normal quantile: the x with distribution function p. Relative error below 1e-14; -Infinity at 0,
 * Infinity at 1.
 *
 * For a p next to 1, where doubles are sparse, use `-normalQuantile(1 - p)` with 1 - p known directly.
 *
 * @throws RangeError when p is not in [0, 1]
 */
export function normalQuantile(p: number): number {
  checkArgument("normalQuantile", "p", p, p >= 0 && p <= 1, "in [0, 1]");
  if (p < 0.25) return -Math.SQRT2 * inverseErfc(2 * p);
  if (p > 0.75) return Math.SQRT2 * inverseErfc(2 * (1 - p));
  return Math.SQRT2 * inverseErf(2 * (p - 0.5));
}

/**
 * The inverse of {@link erf}. Relative error below 1e-14 (an argument next to 1 or -1 is itself only as good as its
 * distance to them; see {@link inverseErfc}).
 *
 * @throws RangeError when y is not in [-1, 1]
 */
export function inverseErf(y: number): number {
  checkArgument("inverseErf", "y", y, y >= -1 && y <= 1, "in [-1, 1]");
  const size = Math.abs(y);
  if (size > 0.5) return Math.sign(y) * inverseErfc(1 - size);
  // The first terms of the power series, then Halley's method: the error goes from 1e-3 to its cube, and again.
  let x = halfRootPi * size * (1 + (Math.PI / 12) * size * size * (1 + ((7 * Math.PI) / 40) * size * size));
  for (let step = 0; step < 2; step++) {
    const newton = ((erf(x) - size) * halfRootPi) / expOfMinusSquare(x);
    x -= newton / (1 + x * newton);
  }
  return Math.sign(y) * x;
}

/**
 * The inverse of {@link erfc}, for tails as small as doubles go. Relative error below 1e-14; Infinity at 0, -Infinity
 * at 2.
 *
 * @throws RangeError when q is not in [0, 2]
 */
export function inverseErfc(q: number): number {
  checkArgument("inverseErfc", "q", q, q >= 0 && q <= 2, "in [0, 2]");
  if (q === 0) return Infinity;
  if (q > 1) return -inverseErfc(2 - q);
  if (q > 0.5) return inverseErf(1 - q);
  // Hastings' rational approximation (Abramowitz and Stegun 26.2.23, error below 4.5e-4), then Halley's method on
  // exp(x^2) erfc(x) - exp(x^2) q, whose second term is formed from the logarithm of q so that no tail underflows.
  const logQ = Math.log(q);
  const t = Math.sqrt(-2 * (logQ - logTwo));
  const ratio =
    (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)));
  let x = (t - ratio) * Math.SQRT1_2;
  for (let step = 0; step < 2; step++) {
    const newton = -(erfcx(x) - Math.exp(logQ + x * x)) * halfRootPi;
    x -= newton / (1 + x * newton);
  }
  return x;
}
