// Gauss quadrature rules. A family of orthonormal polynomials is known by its three-term recurrence
//   b[k] p[k] = (x - a[k-1]) p[k-1] - b[k-1] p[k-2],   p[0] = 1 / sqrt(mass):
// the nodes are the eigenvalues of the tridiagonal matrix of a and b (Golub and Welsch, Math. Comp. 23 (1969) 221),
// here refined by Newton's method on p[n]; the weights are 1 / sum of p[k](x)^2 (Christoffel), which has no cancellation.
import { tridiagonalEigen } from "./linear-algebra/tridiagonal-eigen.ts";
import { gamma } from "./special/gamma.ts";

/** The integral of w(x) f(x) is about the sum of weights[i] f(nodes[i]), exact for polynomials of degree below 2n. */
export interface GaussRule {
  /** In rising order. */
  readonly nodes: Float64Array;
  readonly weights: Float64Array;
}

/**
 * Gauss-Legendre: w = 1 on [-1, 1].
 *
 * @param n nodes, from 1 up
 * @throws RangeError when n is not a whole number from 1 up
 */
export function gaussLegendre(n: number): GaussRule {
  return gaussRule(checkedCount(n, "gaussLegendre"), {
    mass: 2,
    centre: () => 0,
    coupling: (k) => k / Math.sqrt(4 * k * k - 1),
  });
}

/**
 * Gauss-Hermite: w = exp(-x^2) on the real line.
 *
 * @param n nodes, from 1 up
 * @throws RangeError when n is not a whole number from 1 up
 */
export function gaussHermite(n: number): GaussRule {
  return gaussRule(checkedCount(n, "gaussHermite"), {
    mass: Math.sqrt(Math.PI),
    centre: () => 0,
    coupling: (k) => Math.sqrt(k / 2),
  });
}

/**
 * Gauss-Jacobi: w = (1 - x)^alpha (1 + x)^beta on [-1, 1].
 *
 * @param n nodes, from 1 up
 * @param alpha above -1 and up to 80
 * @param beta above -1 and up to 80
 * @throws RangeError outside these ranges
 */
export function gaussJacobi(n: number, alpha: number, beta: number): GaussRule {
  for (const [name, value] of Object.entries({ alpha, beta }))
    if (!(value > -1 && value <= 80))
      throw new RangeError(`gaussJacobi: ${name} ${value} is not above -1 and at most 80`);
  const sum = alpha + beta;
  return gaussRule(checkedCount(n, "gaussJacobi"), {
    mass: (2 ** (sum + 1) * gamma(alpha + 1) * gamma(beta + 1)) / gamma(sum + 2),
    centre: (k) =>
      k === 0 ? (beta - alpha) / (sum + 2) : ((beta - alpha) * sum) / ((2 * k + sum) * (2 * k + sum + 2)),
    coupling: (k) =>
      k === 1
        ? Math.sqrt((4 * (1 + alpha) * (1 + beta)) / ((sum + 2) ** 2 * (sum + 3)))
        : Math.sqrt(
            (4 * k * (k + alpha) * (k + beta) * (k + sum)) /
              ((2 * k + sum) ** 2 * (2 * k + sum + 1) * (2 * k + sum - 1)),
          ),
  });
}

interface Recurrence {
  /** The integral of the weight function. */
  readonly mass: number;
  /** a[k], k from 0. */
  centre(k: number): number;
  /** b[k], k from 1. */
  coupling(k: number): number;
}

function gaussRule(n: number, recurrence: Recurrence): GaussRule {
  const a = Float64Array.from({ length: n }, (_, k) => recurrence.centre(k));
  const b = Float64Array.from({ length: n + 1 }, (_, k) => (k === 0 ? 0 : recurrence.coupling(k)));
  const nodes = a.slice();
  tridiagonalEigen(nodes, b.slice(1, n));
  nodes.sort();
  const weights = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    let x = nodes[i] as number;
    for (let step = 0; step < 3; step++) {
      const { value, slope } = evaluate(a, b, x);
      const change = value / slope;
      x -= change;
      if (Math.abs(change) <= 1e-16 * Math.abs(x)) break;
    }
    nodes[i] = x;
    weights[i] = recurrence.mass / evaluate(a, b, x).squares;
  }
  return { nodes, weights };
}

/**
 * sqrt(mass) p[n] and its derivative at x, up to a common factor, and mass times the sum of squares of p[0] to p[n - 1].
 */
function evaluate(
  a: Float64Array,
  b: Float64Array,
  x: number,
): { value: number; slope: number; squares: number } {
  const n = a.length;
  let previous = 0;
  let value = 1;
  let previousSlope = 0;
  let slope = 0;
  let squares = 0;
  let scale = 1;
  for (let k = 1; k <= n; k++) {
    squares += value * value;
    const coupling = b[k] as number;
    const distance = x - (a[k - 1] as number);
    const before = b[k - 1] as number;
    const next = (distance * value - before * previous) / coupling;
    const nextSlope = (value + distance * slope - before * previousSlope) / coupling;
    previous = value;
    value = next;
    previousSlope = slope;
    slope = nextSlope;
    if (Math.abs(value) > 1e100) {
      // Far nodes of many: values grow like exp(x^2 / 2).
      previous *= 1e-100;
      value *= 1e-100;
      previousSlope *= 1e-100;
      slope *= 1e-100;
      squares *= 1e-200;
      scale *= 1e-200;
    }
  }
  return { value, slope, squares: squares / scale };
}

function checkedCount(n: number, call: string): number {
  if (!Number.isSafeInteger(n) || n < 1)
    throw new RangeError(`${call}: ${n} is not a number of nodes from 1 up`);
  return n;
}
