import { checkArgument } from "./argument.ts";
import { gamma, sinPi } from "./gamma.ts";

/** B(2j) / (2j)!, j = 1, 2, ... */
const bernoulliOverFactorial = [
  0.08333333333333333, -0.001388888888888889, 3.306878306878307e-5, -8.267195767195768e-7,
  2.08767569878681e-8, -5.284190138687493e-10, 1.3382536530684679e-11, -3.3896802963225827e-13,
  8.586062056277845e-15, -2.174868698558062e-16, 5.5090028283602295e-18, -1.3954464685812522e-19,
];

/**
 * The Hurwitz zeta function, the sum over k >= 0 of (k + q)^-s, continued analytically to 0 <= s < 1. Relative error
 * below 1e-14 for s > 1.
 *
 * The sum's first terms and the Euler-Maclaurin formula for the rest (DLMF 25.11.5 and 25.2.10).
 *
 * @param s from 0 up, not 1
 * @param q above 0
 * @throws RangeError outside these ranges
 */
export function hurwitzZeta(s: number, q: number): number {
  checkArgument("hurwitzZeta", "s", s, s >= 0 && s < Infinity && s !== 1, "a number from 0 up other than 1");
  checkArgument("hurwitzZeta", "q", q, q > 0 && q < Infinity, "a number above 0");
  let sum = 0;
  let shifted = q;
  for (let k = 0; k < 10 || shifted < 10; k++) {
    const term = shifted ** -s;
    sum += term;
    shifted += 1;
    if (term < 1e-17 * sum && s > 40) return sum;
  }
  const power = shifted ** -s;
  sum += (power * shifted) / (s - 1) + 0.5 * power;
  let rising = s / shifted;
  const square = shifted * shifted;
  for (let j = 1; j <= bernoulliOverFactorial.length; j++) {
    const term = (bernoulliOverFactorial[j - 1] as number) * rising * power;
    sum += term;
    if (Math.abs(term) < 1e-17 * Math.abs(sum)) break;
    rising *= ((s + 2 * j - 1) * (s + 2 * j)) / square;
  }
  return sum;
}

/**
 * The Riemann zeta function for real s. Relative error below 1e-14 (absolute near the zeros -2, -4, ...).
 *
 * @throws RangeError when s is not finite, or the pole 1; results beyond the largest number are infinite
 */
export function zeta(s: number): number {
  checkArgument("zeta", "s", s, Number.isFinite(s) && s !== 1, "a finite number other than 1");
  if (s >= 0) return hurwitzZeta(s, 1);
  // Reflection, DLMF 25.4.2.
  return 2 * (2 * Math.PI) ** (s - 1) * sinPi(s / 2) * gamma(1 - s) * zeta(1 - s);
}
