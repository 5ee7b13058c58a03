// The gamma function's family. Stirling's series (DLMF 5.11.1) from x = 10 on, where eight terms reach the last bit;
// below, the recurrence brings the argument next to 2, where the series in zeta(k) - 1 (DLMF 5.7.3) keeps every
// digit through the zeros of the logarithm at 1 and 2.
import { checkArgument } from "./argument.ts";
import { polynomialSum } from "./chebyshev.ts";

const eulerGamma = 0.5772156649015329;
const halfLogTwoPi = 0.9189385332046728;

/** zeta(k) - 1 for k = 2, 3, ... */
const zetaMinusOne = [
  0.6449340668482264, 0.2020569031595943, 0.08232323371113819, 0.03692775514336993, 0.01734306198444914,
  0.008349277381922827, 0.00407735619794434, 0.0020083928260822143, 0.0009945751278180853,
  0.0004941886041194645, 0.0002460865533080483, 0.00012271334757848915, 6.124813505870483e-5,
  3.058823630702049e-5, 1.528225940865187e-5, 7.637197637899763e-6, 3.81729326499984e-6, 1.908212716553939e-6,
  9.539620338727962e-7, 4.769329867878064e-7, 2.38450502727733e-7, 1.1921992596531106e-7,
  5.960818905125948e-8, 2.980350351465228e-8, 1.4901554828365043e-8, 7.45071178983543e-9,
  3.725334024788457e-9, 1.862659723513049e-9, 9.313274324196682e-10, 4.656629065033784e-10,
  2.3283118336765053e-10, 1.164155017270052e-10, 5.820772087902701e-11, 2.9103850444971e-11,
];

/** B(2k) / (2k (2k - 1)), k = 1, 2, ... */
const stirling = [
  0.08333333333333333, -0.002777777777777778, 0.0007936507936507937, -0.0005952380952380953,
  0.0008417508417508417, -0.0019175269175269176, 0.00641025641025641, -0.029550653594771242,
  0.17964437236883057,
];

/** B(2k) / (2k), k = 1, 2, ... */
const digammaSeries = [
  0.08333333333333333, -0.008333333333333333, 0.003968253968253968, -0.004166666666666667,
  0.007575757575757576, -0.021092796092796094, 0.08333333333333333, -0.4432598039215686, 3.0539543302701198,
  -26.456212121212122,
];

/**
 * ln |Gamma(x)|. Relative error below 1e-14 for x > 0 (also next to the zeros at 1 and 2), absolute below x = 0;
 * Infinity at 0, -1, -2, ...
 *
 * @throws RangeError when x is NaN or -Infinity
 */
export function logGamma(x: number): number {
  checkArgument("logGamma", "x", x, x > -Infinity, "a number above -Infinity");
  if (x <= 0) {
    if (Number.isInteger(x)) return Infinity;
    return Math.log(Math.PI / Math.abs(sinPi(x))) - logGamma(1 - x);
  }
  if (x === Infinity) return Infinity;
  if (x >= 10) return (x - 0.5) * Math.log(x) - x + halfLogTwoPi + stirlingError(x);
  if (x < 0.5) return logGammaAfterTwo(x) - Math.log1p(x) - Math.log(x);
  if (x < 1.5) return logGammaAfterTwo(x - 1) - Math.log1p(x - 1);
  let product = 1;
  let reduced = x;
  while (reduced > 2.5) {
    reduced -= 1;
    product *= reduced;
  }
  return logGammaAfterTwo(reduced - 2) + Math.log(product);
}

/** ln Gamma(2 + z) for |z| <= 1/2. */
function logGammaAfterTwo(z: number): number {
  // Sum over k >= 2 of (zeta(k) - 1) (-z)^k / k.
  let sum = 0;
  for (let k = zetaMinusOne.length + 1; k >= 2; k--) sum = -z * (sum + (zetaMinusOne[k - 2] as number) / k);
  return -z * (sum - (1 - eulerGamma));
}

/**
 * The gamma function. Relative error below 3e-15 for x > 0, 1e-13 below; exact factorials up to 22!; Infinity above
 * x = 171.62 and 0 below -184 (between two poles).
 *
 * @throws RangeError when x is NaN, -Infinity or one of the poles 0, -1, -2, ...
 */
export function gamma(x: number): number {
  checkArgument("gamma", "x", x, x > -Infinity, "a number above -Infinity");
  if (x <= 0) {
    checkArgument("gamma", "x", x, !Number.isInteger(x), "in the domain: the function has a pole there");
    if (x < -184) return 0;
    // In two factors, since gamma(1 - x) overflows before the result underflows.
    const half = gammaHalf(1 - x);
    return Math.PI / sinPi(x) / half.power / (half.power * half.rest);
  }
  if (x > 171.7) return Infinity;
  if (Number.isInteger(x) && x <= 23) {
    let factorial = 1;
    for (let k = 2; k < x; k++) factorial *= k;
    return factorial;
  }
  const { power, rest } = gammaHalf(x);
  return power * rest * power;
}

/** Gamma(x) = power^2 rest for x > 0. */
function gammaHalf(x: number): { power: number; rest: number } {
  if (x >= 10)
    return {
      power: x ** (0.5 * x - 0.25),
      rest: Math.exp(-x) * Math.sqrt(2 * Math.PI) * Math.exp(stirlingError(x)),
    };
  let product = 1;
  let reduced = x;
  while (reduced > 2.5) {
    reduced -= 1;
    product *= reduced;
  }
  while (reduced < 1.5) {
    product /= reduced;
    reduced += 1;
  }
  return { power: 1, rest: product * Math.exp(logGammaAfterTwo(reduced - 2)) };
}

/**
 * What Stirling's formula leaves: ln Gamma(x) - ((x - 1/2) ln x - x + ln(2 pi)/2), for x > 0. Absolute error below
 * 2e-15.
 *
 * @throws RangeError when x is not above 0
 */
export function stirlingError(x: number): number {
  checkArgument("stirlingError", "x", x, x > 0, "a number above 0");
  if (x < 1) return logGamma(x) - ((x - 0.5) * Math.log(x) - x + halfLogTwoPi);
  let sum = 0;
  let shifted = x;
  for (; shifted < 10; shifted++) sum += (shifted + 0.5) * Math.log1p(1 / shifted) - 1;
  const inverse = 1 / shifted;
  return sum + inverse * polynomialSum(stirling, inverse * inverse);
}

/**
 * The digamma function, the derivative of ln Gamma. Error below 1e-14 times the larger of 1 and the result.
 *
 * @throws RangeError when x is not finite, or one of the poles 0, -1, -2, ...
 */
export function digamma(x: number): number {
  checkArgument("digamma", "x", x, Number.isFinite(x), "a finite number");
  if (x <= 0) {
    checkArgument("digamma", "x", x, !Number.isInteger(x), "in the domain: the function has a pole there");
    const fraction = x - Math.round(x);
    return digamma(1 - x) - Math.PI / Math.tan(Math.PI * fraction);
  }
  let sum = 0;
  let shifted = x;
  for (; shifted < 10; shifted++) sum -= 1 / shifted;
  const inverse = 1 / (shifted * shifted);
  return sum + Math.log(shifted) - 0.5 / shifted - inverse * polynomialSum(digammaSeries, inverse);
}

/** sin(pi x), exact in its zeros. */
export function sinPi(x: number): number {
  const nearest = Math.round(x);
  const sine = Math.sin(Math.PI * (x - nearest));
  return nearest % 2 === 0 ? sine : -sine;
}
