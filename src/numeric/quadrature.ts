/** How exact an integral is to be. */
export interface QuadratureOptions {
  /** Default 1e-10. */
  readonly relativeTolerance?: number;
  /** Default 1e-12. */
  readonly absoluteTolerance?: number;
  /** Subintervals at most; default 500. */
  readonly maximumIntervals?: number;
  /** Points inside the range where the integrand has kinks or peaks; subintervals begin there. Finite ranges only. */
  readonly breakpoints?: readonly number[];
}

export interface QuadratureResult {
  readonly value: number;
  /** An estimate of the absolute error, usually far too large. */
  readonly error: number;
  readonly evaluations: number;
}

/**
 * The integral of a function over a range, of which an end may be infinite: adaptive Gauss-Kronrod quadrature with 21
 * points, which halves the subinterval with the largest error until the sum of the errors meets a tolerance. The ends
 * are not evaluated, so that integrable singularities there do no harm beyond more subintervals.
 *
 * @throws RangeError when an end is NaN, or a breakpoint lies outside
 * @throws Error when the integrand is not finite somewhere (says where), or the tolerance is not met (says what was
 *   reached)
 * @see Piessens, de Doncker-Kapenga, Ueberhuber and Kahaner, QUADPACK (1983): QAG, QAGI and their error estimate
 * @example integrate((x) => Math.exp(-x * x), -Infinity, Infinity).value // 1.7724538509055159
 */
export function integrate(
  f: (x: number) => number,
  from: number,
  to: number,
  options: QuadratureOptions = {},
): QuadratureResult {
  if (Number.isNaN(from) || Number.isNaN(to))
    throw new RangeError(`integrate: the range ${from} to ${to} is not one`);
  if (from === to) return { value: 0, error: 0, evaluations: 0 };
  if (from > to) {
    const turned = integrate(f, to, from, options);
    return { ...turned, value: -turned.value };
  }
  const checked = (x: number): number => {
    const value = f(x);
    if (!Number.isFinite(value)) throw new Error(`integrate: the integrand is ${value} at ${x}`);
    return value;
  };
  const isBounded = Number.isFinite(from) && Number.isFinite(to);
  if (isBounded)
    return adaptive(checked, [from, ...inside(options.breakpoints ?? [], from, to), to], options);
  if (options.breakpoints !== undefined)
    throw new RangeError("integrate: breakpoints are for finite ranges; split an infinite one yourself");
  // x = start + (1 - t) / t maps (0, 1) to a half line; the whole line is folded at 0.
  const folded = (distance: number): number => {
    if (Number.isFinite(from)) return checked(from + distance);
    if (Number.isFinite(to)) return checked(to - distance);
    return checked(distance) + checked(-distance);
  };
  const result = adaptive((t) => folded((1 - t) / t) / (t * t), [0, 1], options);
  const isWhole = from === -Infinity && to === Infinity;
  return { ...result, evaluations: result.evaluations * (isWhole ? 2 : 1) };
}

function inside(breakpoints: readonly number[], from: number, to: number): number[] {
  for (const x of breakpoints)
    if (!(x >= from && x <= to))
      throw new RangeError(`integrate: breakpoint ${x} is not in ${from} to ${to}`);
  return [...new Set(breakpoints)].filter((x) => x > from && x < to).sort((a, b) => a - b);
}

interface Piece {
  readonly from: number;
  readonly to: number;
  readonly value: number;
  readonly error: number;
}

function adaptive(
  f: (x: number) => number,
  ends: readonly number[],
  { relativeTolerance = 1e-10, absoluteTolerance = 1e-12, maximumIntervals = 500 }: QuadratureOptions,
): QuadratureResult {
  const pieces: Piece[] = [];
  for (let i = 1; i < ends.length; i++)
    pieces.push(gaussKronrod(f, ends[i - 1] as number, ends[i] as number));
  for (let evaluated = pieces.length; ; evaluated += 2) {
    let value = 0;
    let error = 0;
    let worst = 0;
    pieces.forEach((piece, i) => {
      value += piece.value;
      error += piece.error;
      if (piece.error > (pieces[worst] as Piece).error) worst = i;
    });
    const tolerance = Math.max(absoluteTolerance, relativeTolerance * Math.abs(value));
    if (error <= tolerance) return { value, error, evaluations: 21 * evaluated };
    const { from, to } = pieces[worst] as Piece;
    const middle = 0.5 * (from + to);
    const isTooShort = to - from <= 1e-14 * Math.max(Math.abs(from), Math.abs(to));
    if (pieces.length >= maximumIntervals || isTooShort)
      throw new Error(
        `integrate: the error ${error.toPrecision(2)} of the value ${value} is not below ${tolerance.toPrecision(2)}` +
          ` with ${pieces.length} subintervals; the hardest is from ${from} to ${to}`,
      );
    pieces[worst] = gaussKronrod(f, from, middle);
    pieces.push(gaussKronrod(f, middle, to));
  }
}

/** The 21 points of Kronrod on [-1, 1] that are not negative, from the outermost; every other one is Gauss's. */
const points = [
  0.9956571630258081, 0.9739065285171717, 0.9301574913557082, 0.8650633666889845, 0.7808177265864169,
  0.6794095682990244, 0.5627571346686047, 0.4333953941292472, 0.2943928627014602, 0.14887433898163122, 0,
];

const kronrodWeights = [
  0.011694638867371874, 0.032558162307964725, 0.054755896574351995, 0.07503967481091996, 0.0931254545836976,
  0.10938715880229764, 0.12349197626206584, 0.13470921731147334, 0.14277593857706009, 0.1477391049013385,
  0.1494455540029169,
];

/** Gauss's weights at the second, fourth, ... of these points. */
const gaussWeights = [
  0.06667134430868814, 0.1494513491505806, 0.21908636251598204, 0.26926671930999635, 0.29552422471475287,
];

function gaussKronrod(f: (x: number) => number, from: number, to: number): Piece {
  const centre = 0.5 * (from + to);
  const half = 0.5 * (to - from);
  const values = new Float64Array(21);
  let kronrod = 0;
  let gauss = 0;
  let size = 0;
  for (let i = 0; i <= 10; i++) {
    const offset = half * (points[i] as number);
    const left = f(centre - offset);
    const right = i === 10 ? 0 : f(centre + offset);
    values[i] = left;
    values[20 - i] = i === 10 ? left : right;
    const weight = kronrodWeights[i] as number;
    kronrod += weight * (left + right);
    size += weight * (Math.abs(left) + Math.abs(right));
    if (i % 2 === 1) gauss += (gaussWeights[(i - 1) / 2] as number) * (left + right);
  }
  let spread = 0;
  for (let i = 0; i <= 20; i++)
    spread += (kronrodWeights[Math.min(i, 20 - i)] as number) * Math.abs((values[i] as number) - kronrod / 2);
  // QUADPACK's estimate: the difference of the two rules, put right by how smooth the integrand looks.
  const difference = Math.abs((kronrod - gauss) * half);
  spread *= half;
  size *= half;
  let error = difference;
  if (spread !== 0 && difference !== 0) error = spread * Math.min(1, ((200 * difference) / spread) ** 1.5);
  if (size > 1e-290) error = Math.max(error, 2 * Number.EPSILON * size);
  return { from, to, value: kronrod * half, error };
}
