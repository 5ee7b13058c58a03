/** When a root finder stops, and how long it may take. */
export interface RootOptions {
  /** Half the width of the bracket to reach, beside 4 x 2^-52 |x|. Default 0: to the last bits. */
  readonly tolerance?: number;
  /** Evaluations at most; default 200. */
  readonly maximumEvaluations?: number;
}

/**
 * A root of a continuous function between two points where its signs differ, by Brent's method: never slower than
 * bisection by more than a square, and superlinear where the function is smooth.
 *
 * @throws RangeError when the ends are not finite, or the function has the same sign at both (says the values)
 * @throws Error when the function is not a number somewhere (says where), or the evaluations run out
 * @see Brent, Algorithms for Minimization without Derivatives (1973), chapter 4
 * @example brentRoot(Math.cos, 1, 2) // 1.5707963267948966
 */
export function brentRoot(
  f: (x: number) => number,
  from: number,
  to: number,
  { tolerance = 0, maximumEvaluations = 200 }: RootOptions = {},
): number {
  let evaluations = 0;
  const at = (x: number): number => {
    evaluations++;
    return checkedValue(f(x), x, "brentRoot");
  };
  let a = from;
  let b = to;
  checkEnds(a, b, "brentRoot");
  let fa = at(a);
  let fb = at(b);
  if (fa === 0) return a;
  if (fb === 0) return b;
  checkSigns(a, fa, b, fb, "brentRoot");
  // b is the best point, c the other end of the bracket, a the point before b.
  let c = a;
  let fc = fa;
  let step = b - a;
  let stepBefore = step;
  for (;;) {
    if (Math.sign(fb) === Math.sign(fc)) {
      c = a;
      fc = fa;
      step = b - a;
      stepBefore = step;
    }
    if (Math.abs(fc) < Math.abs(fb)) {
      [a, b, c] = [b, c, b];
      [fa, fb, fc] = [fb, fc, fb];
    }
    const width = 2 * Number.EPSILON * Math.abs(b) + tolerance;
    const middle = 0.5 * (c - b);
    if (Math.abs(middle) <= width || fb === 0) return b;
    if (evaluations >= maximumEvaluations)
      throw new Error(
        `brentRoot: no root to the tolerance in ${evaluations} evaluations: it lies between ${b} and ${c}`,
      );
    if (Math.abs(stepBefore) < width || Math.abs(fa) <= Math.abs(fb)) {
      step = middle;
      stepBefore = middle;
    } else {
      const { p, q } = interpolation({ a, fa, b, fb, c, fc });
      if (2 * p < Math.min(3 * middle * q - Math.abs(width * q), Math.abs(stepBefore * q))) {
        stepBefore = step;
        step = p / q;
      } else {
        step = middle;
        stepBefore = middle;
      }
    }
    a = b;
    fa = fb;
    b += Math.abs(step) > width ? step : Math.sign(middle) * Math.max(width, Number.MIN_VALUE);
    fb = at(b);
  }
}

/** The step p / q from b by the secant through two points, or by inverse quadratic interpolation through three. */
function interpolation(points: Record<"a" | "fa" | "b" | "fb" | "c" | "fc", number>): {
  p: number;
  q: number;
} {
  const { a, fa, b, fb, c, fc } = points;
  const middle = 0.5 * (c - b);
  const s = fb / fa;
  let p = 2 * middle * s;
  let q = 1 - s;
  if (a !== c) {
    const r = fb / fc;
    const t = fa / fc;
    p = s * (2 * middle * t * (t - r) - (b - a) * (r - 1));
    q = (t - 1) * (r - 1) * (s - 1);
  }
  return p > 0 ? { p, q: -q } : { p: -p, q };
}

/**
 * A root of a differentiable function between two points where its signs differ: Newton's method, with bisection
 * wherever a step would leave the bracket or does not halve it in two.
 *
 * @param f the value and the derivative at x
 * @throws RangeError when the ends are not finite, or the function has the same sign at both (says the values)
 * @throws Error when the function is not a number somewhere (says where), or the evaluations run out
 */
export function newtonRoot(
  f: (x: number) => { value: number; derivative: number },
  from: number,
  to: number,
  { tolerance = 0, maximumEvaluations = 200 }: RootOptions = {},
): number {
  checkEnds(from, to, "newtonRoot");
  const first = checkedValue(f(from).value, from, "newtonRoot");
  const last = checkedValue(f(to).value, to, "newtonRoot");
  if (first === 0) return from;
  if (last === 0) return to;
  checkSigns(from, first, to, last, "newtonRoot");
  let below = first < 0 ? from : to;
  let above = first < 0 ? to : from;
  let x = 0.5 * (from + to);
  let step = Math.abs(to - from);
  let stepBefore = step;
  for (let evaluations = 2; evaluations < maximumEvaluations; evaluations++) {
    const { value, derivative } = f(x);
    checkedValue(value, x, "newtonRoot");
    if (value === 0) return x;
    if (value < 0) below = x;
    else above = x;
    const newton = x - value / derivative;
    const isInside = newton > Math.min(below, above) && newton < Math.max(below, above);
    const next =
      isInside && Math.abs(2 * (newton - x)) <= Math.abs(stepBefore) ? newton : 0.5 * (below + above);
    stepBefore = step;
    step = Math.abs(next - x);
    const width = 2 * Number.EPSILON * Math.abs(next) + tolerance;
    x = next;
    if (step <= width || Math.abs(above - below) <= width) return x;
  }
  throw new Error(
    `newtonRoot: no root to the tolerance in ${maximumEvaluations} evaluations: it lies between ${below} and ${above}`,
  );
}

function checkedValue(value: number, x: number, call: string): number {
  if (Number.isNaN(value)) throw new Error(`${call}: the function is not a number at ${x}`);
  return value;
}

function checkEnds(a: number, b: number, call: string): void {
  if (!Number.isFinite(a) || !Number.isFinite(b))
    throw new RangeError(`${call}: the ends ${a} and ${b} are not finite`);
}

function checkSigns(a: number, fa: number, b: number, fb: number, call: string): void {
  if (Math.sign(fa) === Math.sign(fb))
    throw new RangeError(`${call}: no change of sign between ${a} and ${b}: the values are ${fa} and ${fb}`);
}
