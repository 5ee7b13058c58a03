// The error function and its complements to about 2e-16 relative. Two Chebyshev series carry everything:
// erf(x)/x for |x| <= 1, and (1 + 2x) exp(x^2) erfc(x) for all x >= 0 in the variable of Shepherd and Laframboise,
// Math. Comp. 36 (1981) 249. The coefficients are made by bench/peers/numeric_coefficients.py.
import { checkArgument } from "./argument.ts";
import { chebyshevSum } from "./chebyshev.ts";

/** erf(x) / x in t = 2 x^2 - 1. */
const erfOverX = [
  1.9509538787653082, -0.14226120510371365, 0.010035582187599796, -0.0005768764699767485,
  2.741993125219606e-5, -1.1043175507344507e-6, 3.8488755420345036e-8, -1.1808582533875466e-9,
  3.2334215826050907e-11, -7.991015947004549e-13, 1.7990725113961456e-14, -3.718635487818693e-16,
  7.103599003714253e-18, -1.2612455119155226e-19,
];

/** (1 + 2x) exp(x^2) erfc(x) in t = (x - 3.75) / (x + 3.75). */
const scaledErfc = [
  2.3551578691348034, -0.004590054580646478, -0.08424913336651792, 0.05920993999819189, -0.026658668435305753,
  0.009074997670705265, -0.002413163540417608, 0.0004907758365258086, -6.916973302501207e-5,
  4.13902798607301e-6, 7.74038306619849e-7, -2.1886401049234397e-7, 1.076499946567091e-8,
  4.521959811218287e-9, -7.754400208831351e-10, -6.318088340886684e-11, 2.86879501093067e-11,
  1.9455868545777347e-13, -9.65469674843344e-13, 3.25254814814874e-14, 3.3478119482868056e-14,
  -1.864562880419313e-15, -1.2507950530688648e-15, 7.418235256624044e-17, 5.068148904796111e-17,
  -2.2370566594359995e-18, -2.187342944303018e-18, 2.6766327399258762e-20,
];

/**
 * The error function, 2/sqrt(pi) times the integral of exp(-t^2) from 0 to x. Relative error below 1e-15.
 *
 * @throws RangeError when x is NaN
 */
export function erf(x: number): number {
  checkArgument("erf", "x", x, !Number.isNaN(x), "a number");
  const size = Math.abs(x);
  if (size <= 1) return x * chebyshevSum(erfOverX, 2 * x * x - 1);
  return Math.sign(x) * (1 - erfc(size));
}

/**
 * The complementary error function 1 - erf(x), accurate in its tail. Relative error below 1e-15 (1e-14 where the
 * result is below 1e-300, and absolute below the smallest normal number); 0 from x = 27.3 on.
 *
 * @throws RangeError when x is NaN
 */
export function erfc(x: number): number {
  checkArgument("erfc", "x", x, !Number.isNaN(x), "a number");
  if (x < -1) return 2 - erfc(-x);
  if (x < 0.5) return 1 - erf(x);
  if (x > 27.3) return 0;
  return expOfMinusSquare(x) * erfcx(x);
}

/**
 * The scaled complementary error function exp(x^2) erfc(x), which neither vanishes nor cancels for large x. Relative
 * error below 1e-15 for x >= 0, 1e-14 below; Infinity below x = -26.7.
 *
 * @throws RangeError when x is NaN
 */
export function erfcx(x: number): number {
  checkArgument("erfcx", "x", x, !Number.isNaN(x), "a number");
  if (x < 0) return x < -26.7 ? Infinity : 2 / expOfMinusSquare(x) - erfcx(-x);
  if (x > 1e8) return 1 / (x * Math.sqrt(Math.PI));
  return chebyshevSum(scaledErfc, (x - 3.75) / (x + 3.75)) / (1 + 2 * x);
}

/** exp(-x^2) without the error of squaring: the leading 24 bits of x have an exact square. */
export function expOfMinusSquare(x: number): number {
  const leading = Math.fround(x);
  return Math.exp(-leading * leading) * Math.exp((leading - x) * (leading + x));
}
