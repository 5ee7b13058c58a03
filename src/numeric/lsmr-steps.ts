// LSMR as a coroutine: it asks for one product at a time, so that the same lines serve operators that answer at once
// and operators that answer by a promise. Names follow section 2 and 3 of Fong and Saunders (2011).
import { norm } from "./linear-algebra/vector.ts";

/** When LSMR stops. */
export interface LsmrOptions {
  /** The relative error of A's elements: stops when ||A'r|| <= atol ||A|| ||r||, or, with btol, when r is small. Default 1e-6. */
  readonly atol?: number;
  /** The relative error of b's elements: stops when ||r|| <= atol ||A|| ||x|| + btol ||b||. Default 1e-6. */
  readonly btol?: number;
  /** Stops when the estimated condition number exceeds this; Infinity: never. Default 1e8. */
  readonly conditionLimit?: number;
  /** Default: four times the smaller side, since rounding delays what exact arithmetic ends in one. */
  readonly maximumIterations?: number;
  /** Adds damping^2 ||x||^2 to what is minimised. Default 0. */
  readonly damping?: number;
  /** Where to begin; zero when absent. */
  readonly start?: Float64Array;
  /** Called after each iteration; what it throws stops the solver. */
  readonly onIteration?: (progress: LsmrProgress) => void;
}

export interface LsmrProgress {
  readonly iteration: number;
  /** An estimate of ||b - A x|| (with damping, of the damped system's). */
  readonly residualNorm: number;
  /** An estimate of ||A'r||, which is 0 at the least squares solution. */
  readonly normalResidualNorm: number;
}

/**
 * Why LSMR stopped: `"start"`: the starting x is a solution; `"consistent"`: r is as small as atol and btol ask;
 * `"least-squares"`: A'r is as small as atol asks; `"condition"`: the condition estimate passed its limit;
 * `"rounding"`: one of the three cannot get smaller in this arithmetic; `"iterations"`: none of them in time.
 */
export type LsmrStop = "start" | "consistent" | "least-squares" | "condition" | "rounding" | "iterations";

export interface LsmrResult extends LsmrProgress {
  readonly x: Float64Array;
  readonly stop: LsmrStop;
  /** Estimates of the Frobenius norm and the condition number of A (damped), and ||x||. */
  readonly matrixNorm: number;
  readonly condition: number;
  readonly solutionNorm: number;
}

/** A product that is asked for. */
export interface Product {
  readonly side: "multiply" | "transposeMultiply";
  readonly vector: Float64Array;
}

/** Yields the products it needs, is given them, and returns the result. See {@link lsmr}. */
export function* lsmrSteps(
  rows: number,
  columns: number,
  b: Float64Array,
  options: LsmrOptions,
): Generator<Product, LsmrResult, Float64Array> {
  const { atol = 1e-6, btol = 1e-6, conditionLimit = 1e8, damping = 0, start, onIteration } = options;
  const { maximumIterations = 4 * Math.min(rows, columns) } = options;
  checkInput(rows, columns, b, start, { atol, btol, conditionLimit, damping, maximumIterations });
  let iteration = 0;

  const x = start?.slice() ?? new Float64Array(columns);
  const u = b.slice();
  const v = new Float64Array(columns);
  if (start !== undefined) {
    const fitted = checked(yield { side: "multiply", vector: x }, rows, "A x", iteration);
    for (let i = 0; i < rows; i++) u[i] = (u[i] as number) - (fitted[i] as number);
  }
  const bNorm = norm(b);
  let beta = normalise(u);
  let alpha = 0;
  if (beta > 0) {
    v.set(checked(yield { side: "transposeMultiply", vector: u }, columns, "A'y", iteration));
    alpha = normalise(v);
  }

  let zetaBar = alpha * beta;
  let alphaBar = alpha;
  let rho = 1;
  let rhoBar = 1;
  let cBar = 1;
  let sBar = 0;
  const h = v.slice();
  const hBar = new Float64Array(columns);
  // For the estimate of ||r||.
  let betaDoubleDot = beta;
  let betaDot = 0;
  let rhoDotBefore = 1;
  let tauTilde = 0;
  let thetaTilde = 0;
  let zeta = 0;
  let dampedPart = 0;
  // For the estimates of ||A|| and its condition.
  let normSquared = alpha * alpha;
  let largestRhoBar = 0;
  let smallestRhoBar = 1e100;

  let result: LsmrResult = {
    x,
    stop: "start",
    iteration,
    residualNorm: beta,
    normalResidualNorm: alpha * beta,
    matrixNorm: alpha,
    condition: 1,
    solutionNorm: norm(x),
  };
  if (alpha * beta === 0) return result;

  for (;;) {
    if (iteration >= maximumIterations) return { ...result, stop: "iterations" };
    iteration++;
    // Golub-Kahan bidiagonalisation.
    const product = checked(yield { side: "multiply", vector: v }, rows, "A x", iteration);
    for (let i = 0; i < rows; i++) u[i] = (product[i] as number) - alpha * (u[i] as number);
    beta = normalise(u);
    if (beta > 0) {
      const back = checked(yield { side: "transposeMultiply", vector: u }, columns, "A'y", iteration);
      for (let i = 0; i < columns; i++) v[i] = (back[i] as number) - beta * (v[i] as number);
      alpha = normalise(v);
    }

    // Rotations: the damping, the bidiagonal matrix, and its R' from the right.
    const damped = rotation(alphaBar, damping);
    const plane = rotation(damped.r, beta);
    const rhoBefore = rho;
    rho = plane.r;
    const thetaNew = plane.s * alpha;
    alphaBar = plane.c * alpha;
    const rhoBarBefore = rhoBar;
    const zetaBefore = zeta;
    const thetaBar = sBar * rho;
    const rhoShort = cBar * rho;
    const bar = rotation(rhoShort, thetaNew);
    cBar = bar.c;
    sBar = bar.s;
    rhoBar = bar.r;
    zeta = cBar * zetaBar;
    zetaBar *= -sBar;

    const keep = (thetaBar * rho) / (rhoBefore * rhoBarBefore);
    const move = zeta / (rho * rhoBar);
    const turn = thetaNew / rho;
    for (let i = 0; i < columns; i++) {
      const direction = (h[i] as number) - keep * (hBar[i] as number);
      hBar[i] = direction;
      x[i] = (x[i] as number) + move * direction;
      h[i] = (v[i] as number) - turn * (h[i] as number);
    }

    // ||r||, section 3.2.
    const betaAcute = damped.c * betaDoubleDot;
    const betaCheck = -damped.s * betaDoubleDot;
    const betaHat = plane.c * betaAcute;
    betaDoubleDot = -plane.s * betaAcute;
    const thetaTildeBefore = thetaTilde;
    const tilde = rotation(rhoDotBefore, thetaBar);
    thetaTilde = tilde.s * rhoBar;
    rhoDotBefore = tilde.c * rhoBar;
    betaDot = -tilde.s * betaDot + tilde.c * betaHat;
    tauTilde = (zetaBefore - thetaTildeBefore * tauTilde) / tilde.r;
    const tauDot = (zeta - thetaTilde * tauTilde) / rhoDotBefore;
    dampedPart += betaCheck * betaCheck;
    const residualNorm = Math.sqrt(dampedPart + (betaDot - tauDot) ** 2 + betaDoubleDot ** 2);

    normSquared += beta * beta;
    const matrixNorm = Math.sqrt(normSquared);
    normSquared += alpha * alpha;
    largestRhoBar = Math.max(largestRhoBar, rhoBarBefore);
    if (iteration > 1) smallestRhoBar = Math.min(smallestRhoBar, rhoBarBefore);
    const condition = Math.max(largestRhoBar, rhoShort) / Math.min(smallestRhoBar, rhoShort);
    const normalResidualNorm = Math.abs(zetaBar);
    const solutionNorm = norm(x);

    const progress = { iteration, residualNorm, normalResidualNorm };
    result = { ...progress, x, stop: "iterations", matrixNorm, condition, solutionNorm };
    onIteration?.(progress);
    const stop = whyStop(result, bNorm, atol, btol, conditionLimit);
    if (stop !== undefined) return { ...result, stop };
  }
}

/** Section 3.1's three rules, and each again with what rounding leaves of its tolerance. */
function whyStop(
  at: LsmrResult,
  bNorm: number,
  atol: number,
  btol: number,
  conditionLimit: number,
): LsmrStop | undefined {
  const share = (at.matrixNorm * at.solutionNorm) / bNorm;
  const residual = at.residualNorm / bNorm;
  const scale = at.matrixNorm * at.residualNorm;
  const normal = scale === 0 ? Infinity : at.normalResidualNorm / scale;
  if (residual <= btol + atol * share) return "consistent";
  if (normal <= atol) return "least-squares";
  if (at.condition >= conditionLimit) return "condition";
  const isLost = (test: number): boolean => 1 + test <= 1;
  if (isLost(1 / at.condition) || isLost(normal) || isLost(residual / (1 + share))) return "rounding";
  return undefined;
}

/** c and s with c a + s b = r >= 0 and c b - s a = 0. */
function rotation(a: number, b: number): { c: number; s: number; r: number } {
  const r = Math.hypot(a, b);
  return r === 0 ? { c: 0, s: 0, r } : { c: a / r, s: b / r, r };
}

/** Scales a vector to length 1, if it is not zero; returns the length it had. */
function normalise(v: Float64Array): number {
  const length = norm(v);
  if (length > 0) for (let i = 0; i < v.length; i++) v[i] = (v[i] as number) / length;
  return length;
}

function checked(product: Float64Array, length: number, name: string, iteration: number): Float64Array {
  if (product.length !== length)
    throw new Error(`lsmr: the product ${name} has ${product.length} elements, not ${length}`);
  for (let i = 0; i < length; i++)
    if (!Number.isFinite(product[i]))
      throw new Error(`lsmr: element ${i} of the product ${name} is ${product[i]} in iteration ${iteration}`);
  return product;
}

function checkInput(
  rows: number,
  columns: number,
  b: Float64Array,
  start: Float64Array | undefined,
  numbers: Record<string, number>,
): void {
  if (b.length !== rows) throw new RangeError(`lsmr: b has ${b.length} elements, the operator ${rows} rows`);
  if (start !== undefined && start.length !== columns)
    throw new RangeError(`lsmr: start has ${start.length} elements, the operator ${columns} columns`);
  for (const [name, vector] of Object.entries({ b, start: start ?? b })) {
    const at = vector.findIndex((value) => !Number.isFinite(value));
    if (at >= 0) throw new RangeError(`lsmr: element ${at} of ${name} is ${vector[at]}`);
  }
  for (const [name, value] of Object.entries(numbers))
    if (!(value >= 0)) throw new RangeError(`lsmr: ${name} ${value} is not a number from 0 up`);
}
