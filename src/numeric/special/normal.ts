/** The normal distribution function, also far out in its tail. */

/** log Φ(x): the logarithm of the probability that an N(0, 1) number is below x. */
export function logNormalDistribution(x: number): number {
  if (x > 0) return Math.log1p(-Math.exp(logUpperTail(x)));
  return logUpperTail(-x);
}

/** Φ(x). */
export function normalDistribution(x: number): number {
  return x > 0 ? 1 - Math.exp(logUpperTail(x)) : Math.exp(logUpperTail(-x));
}

/**
 * The x with Φ(x) = p, by bisection.
 *
 * @throws RangeError unless 0 < p < 1
 */
export function normalQuantile(p: number): number {
  if (!(p > 0 && p < 1)) throw new RangeError(`normalQuantile: ${p} is not a probability between 0 and 1`);
  let [low, high] = [-40, 40];
  for (let i = 0; i < 200 && high - low > 0; i++) {
    const middle = (low + high) / 2;
    if (middle === low || middle === high) break;
    if (normalDistribution(middle) < p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** log(1 − Φ(x)) for x >= 0: a series near 0, Laplace's continued fraction (Abramowitz and Stegun 26.2.14) beyond. */
function logUpperTail(x: number): number {
  const density = -0.5 * x * x - 0.5 * Math.log(2 * Math.PI);
  if (x < 3) {
    // Φ(x) − 1/2 = φ(x) Σ x^(2k+1) / (1 · 3 · 5 ...).
    let term = x;
    let sum = x;
    for (let k = 1; Math.abs(term) > 1e-18 * sum; k++) {
      term *= (x * x) / (2 * k + 1);
      sum += term;
    }
    return Math.log(0.5 - Math.exp(density) * sum);
  }
  let fraction = 0;
  for (let k = 150; k > 0; k--) fraction = k / (x + fraction);
  return density - Math.log(x + fraction);
}
