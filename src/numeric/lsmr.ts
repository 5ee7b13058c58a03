import { dot } from "./rows.ts";

/** A linear map known by its products. The given vector must not be changed or kept; the result may be reused. */
export interface LinearOperator<Result = Float64Array> {
  readonly rows: number;
  readonly columns: number;
  /** A x: `columns` numbers to `rows`. */
  multiply(x: Float64Array): Result;
  /** A' y: `rows` numbers to `columns`. */
  transposeMultiply(y: Float64Array): Result;
}

export interface LsmrOptions {
  /** The relative error of A's elements: stops when ‖A'r‖ <= atol ‖A‖ ‖r‖. Default 1e-6. */
  readonly atol?: number;
  /** The relative error of b's elements: stops when ‖r‖ <= atol ‖A‖ ‖x‖ + btol ‖b‖. Default 1e-6. */
  readonly btol?: number;
  /** Stops when the estimated condition number exceeds this. Default 1e8. */
  readonly conditionLimit?: number;
  /** Default: four times the smaller side. */
  readonly maximumIterations?: number;
}

export interface LsmrResult {
  readonly x: Float64Array;
  readonly iteration: number;
  readonly stop: "start" | "consistent" | "least-squares" | "condition" | "iterations";
  /** ‖b − A x‖. */
  readonly residualNorm: number;
  /** ‖A'(b − A x)‖, as estimated on the way. */
  readonly normalResidualNorm: number;
  /** An estimate of A's condition number: a lower bound that grows with the iterations. */
  readonly condition: number;
}

/**
 * The x that minimises ‖A x − b‖, and of several that with the smallest norm.
 *
 * Source: D. C.-L. Fong, M. A. Saunders, "LSMR: An Iterative Algorithm for Sparse Least-Squares Problems", SIAM Journal
 * on Scientific Computing 33, 2011.
 *
 * @throws RangeError when b does not have the operator's rows or is not finite
 */
export function lsmr(operator: LinearOperator, b: Float64Array, options: LsmrOptions = {}): LsmrResult {
  const steps = lsmrSteps(operator.rows, operator.columns, b, options);
  let step = steps.next();
  while (step.done !== true) step = steps.next(operator[step.value.side](step.value.vector));
  return step.value;
}

/** {@link lsmr} with an operator whose products are promises, as those of compiled graphs. */
export async function lsmrAsync(
  operator: LinearOperator<Float64Array | Promise<Float64Array>>,
  b: Float64Array,
  options: LsmrOptions = {},
): Promise<LsmrResult> {
  const steps = lsmrSteps(operator.rows, operator.columns, b, options);
  let step = steps.next();
  while (step.done !== true) step = steps.next(await operator[step.value.side](step.value.vector));
  return step.value;
}

interface Product {
  readonly side: "multiply" | "transposeMultiply";
  readonly vector: Float64Array;
}

/** The method as a coroutine that asks for one product at a time. */
function* lsmrSteps(
  rows: number,
  columns: number,
  b: Float64Array,
  options: LsmrOptions,
): Generator<Product, LsmrResult, Float64Array> {
  const { atol = 1e-6, btol = 1e-6, conditionLimit = 1e8 } = options;
  const { maximumIterations = 4 * Math.min(rows, columns) } = options;
  if (b.length !== rows) throw new RangeError(`lsmr: b has ${b.length} numbers, the operator ${rows} rows`);
  const bad = b.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) throw new RangeError(`lsmr: b holds ${b[bad]} at ${bad}`);

  const u = b.slice();
  const v = new Float64Array(columns);
  const x = new Float64Array(columns);
  const norm = (a: Float64Array): number => Math.sqrt(dot(a, a));
  const normB = norm(b);
  let beta = normB;
  let alpha = 0;
  if (beta > 0) {
    scale(u, 1 / beta);
    v.set(yield { side: "transposeMultiply", vector: u });
    alpha = norm(v);
  }
  if (alpha > 0) scale(v, 1 / alpha);
  else return { x, iteration: 0, stop: "start", residualNorm: normB, normalResidualNorm: 0, condition: 1 };

  const h = v.slice();
  const hBar = new Float64Array(columns);
  let [zetaBar, alphaBar, rho, rhoBar, cBar, sBar] = [alpha * beta, alpha, 1, 1, 1, 0];
  let [betaDD, betaD, rhoDOld, tauTildeOld, thetaTilde, zeta] = [beta, 0, 1, 0, 0, 0];
  let normA2 = alpha * alpha;
  let [largestRho, smallestRho] = [0, Number.POSITIVE_INFINITY];
  let result = { residualNorm: normB, normalResidualNorm: alpha * beta, condition: 1 };

  for (let iteration = 1; ; iteration++) {
    const forward = yield { side: "multiply", vector: v };
    for (let i = 0; i < rows; i++) u[i] = (forward[i] as number) - alpha * (u[i] as number);
    beta = norm(u);
    if (beta > 0) {
      scale(u, 1 / beta);
      const back = yield { side: "transposeMultiply", vector: u };
      for (let i = 0; i < columns; i++) v[i] = (back[i] as number) - beta * (v[i] as number);
      alpha = norm(v);
      if (alpha > 0) scale(v, 1 / alpha);
    }

    const rhoOld = rho;
    rho = Math.hypot(alphaBar, beta);
    const [c, s] = [alphaBar / rho, beta / rho];
    const thetaNew = s * alpha;
    alphaBar = c * alpha;
    const rhoBarOld = rhoBar;
    const zetaOld = zeta;
    const thetaBar = sBar * rho;
    const rhoTemp = cBar * rho;
    rhoBar = Math.hypot(rhoTemp, thetaNew);
    cBar = rhoTemp / rhoBar;
    sBar = thetaNew / rhoBar;
    zeta = cBar * zetaBar;
    zetaBar *= -sBar;
    const turnBack = -(thetaBar * rho) / (rhoOld * rhoBarOld);
    const step = zeta / (rho * rhoBar);
    const turn = -thetaNew / rho;
    for (let i = 0; i < columns; i++) {
      const direction = turnBack * (hBar[i] as number) + (h[i] as number);
      hBar[i] = direction;
      x[i] = (x[i] as number) + step * direction;
      h[i] = turn * (h[i] as number) + (v[i] as number);
    }

    const betaHat = c * betaDD;
    betaDD *= -s;
    const thetaTildeOld = thetaTilde;
    const rhoTildeOld = Math.hypot(rhoDOld, thetaBar);
    const [cTilde, sTilde] = [rhoDOld / rhoTildeOld, thetaBar / rhoTildeOld];
    thetaTilde = sTilde * rhoBar;
    rhoDOld = cTilde * rhoBar;
    betaD = -sTilde * betaD + cTilde * betaHat;
    tauTildeOld = (zetaOld - thetaTildeOld * tauTildeOld) / rhoTildeOld;
    const tauD = (zeta - thetaTilde * tauTildeOld) / rhoDOld;
    const residualNorm = Math.hypot(betaD - tauD, betaDD);
    normA2 += beta * beta;
    const normA = Math.sqrt(normA2);
    normA2 += alpha * alpha;
    largestRho = Math.max(largestRho, rhoBarOld);
    if (iteration > 1) smallestRho = Math.min(smallestRho, rhoBarOld);
    const condition = Math.max(largestRho, rhoTemp) / Math.min(smallestRho, rhoTemp);
    const normalResidualNorm = Math.abs(zetaBar);
    result = { residualNorm, normalResidualNorm, condition };

    const end = (stop: LsmrResult["stop"]): LsmrResult => ({ x, iteration, stop, ...result });
    if (residualNorm <= btol * normB + atol * normA * norm(x)) return end("consistent");
    if (normalResidualNorm <= atol * normA * residualNorm) return end("least-squares");
    if (condition >= conditionLimit) return end("condition");
    if (iteration >= maximumIterations) return end("iterations");
  }
}

function scale(a: Float64Array, factor: number): void {
  for (let i = 0; i < a.length; i++) a[i] = (a[i] as number) * factor;
}
