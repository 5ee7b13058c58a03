import { dot } from "./rows.ts";

/** A linear map given by its products with vectors; neither keeps nor changes what it is given. */
export interface LinearOperator {
  readonly rows: number;
  readonly columns: number;
  /** out = A x, with x of `columns` and out of `rows` numbers. */
  multiply(x: Float64Array, out: Float64Array): void;
  /** out = A' y, with y of `rows` and out of `columns` numbers. */
  transposeMultiply(y: Float64Array, out: Float64Array): void;
}

export interface LsmrOptions {
  /** Stop when ‖A'r‖ <= matrixTolerance ‖A‖ ‖r‖; relative error of A. Default 1e-14. */
  readonly matrixTolerance?: number;
  /** Stop when ‖r‖ <= rightTolerance ‖b‖ + matrixTolerance ‖A‖ ‖x‖; relative error of b. Default 1e-14. */
  readonly rightTolerance?: number;
  /** Stop when the estimate of A's condition number exceeds this. Default 1e15. */
  readonly conditionLimit?: number;
  /** Default: four times the columns. */
  readonly maxIterations?: number;
}

export interface LsmrResult {
  readonly x: Float64Array;
  readonly iterations: number;
  readonly status: "solved" | "least-squares" | "ill-conditioned" | "max-iterations";
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
  const { rows, columns } = operator;
  const { matrixTolerance = 1e-14, rightTolerance = 1e-14, conditionLimit = 1e15 } = options;
  const { maxIterations = 4 * columns } = options;
  if (b.length !== rows) throw new RangeError(`lsmr: b has ${b.length} numbers, the operator ${rows} rows`);
  const bad = b.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) throw new RangeError(`lsmr: b holds ${b[bad]} at ${bad}`);

  const u = b.slice();
  const v = new Float64Array(columns);
  const product = { rows: new Float64Array(rows), columns: new Float64Array(columns) };
  const x = new Float64Array(columns);
  const norm = (a: Float64Array): number => Math.sqrt(dot(a, a));
  const normB = norm(b);
  let beta = normB;
  let alpha = 0;
  if (beta > 0) {
    scale(u, 1 / beta);
    operator.transposeMultiply(u, v);
    alpha = norm(v);
  }
  if (alpha > 0) scale(v, 1 / alpha);
  else
    return { x, iterations: 0, status: "solved", residualNorm: normB, normalResidualNorm: 0, condition: 1 };

  const h = v.slice();
  const hBar = new Float64Array(columns);
  let [zetaBar, alphaBar, rho, rhoBar, cBar, sBar] = [alpha * beta, alpha, 1, 1, 1, 0];
  let [betaDD, betaD, rhoDOld, tauTildeOld, thetaTilde, zeta] = [beta, 0, 1, 0, 0, 0];
  let normA2 = alpha * alpha;
  let [largestRho, smallestRho] = [0, Number.POSITIVE_INFINITY];
  let result = { residualNorm: normB, normalResidualNorm: alpha * beta, condition: 1 };

  for (let iterations = 1; ; iterations++) {
    operator.multiply(v, product.rows);
    for (let i = 0; i < rows; i++) u[i] = (product.rows[i] as number) - alpha * (u[i] as number);
    beta = norm(u);
    if (beta > 0) {
      scale(u, 1 / beta);
      operator.transposeMultiply(u, product.columns);
      for (let i = 0; i < columns; i++) v[i] = (product.columns[i] as number) - beta * (v[i] as number);
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
    const back = -(thetaBar * rho) / (rhoOld * rhoBarOld);
    const step = zeta / (rho * rhoBar);
    const turn = -thetaNew / rho;
    for (let i = 0; i < columns; i++) {
      const direction = back * (hBar[i] as number) + (h[i] as number);
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
    if (iterations > 1) smallestRho = Math.min(smallestRho, rhoBarOld);
    const condition = Math.max(largestRho, rhoTemp) / Math.min(smallestRho, rhoTemp);
    const normalResidualNorm = Math.abs(zetaBar);
    result = { residualNorm, normalResidualNorm, condition };

    const end = (status: LsmrResult["status"]): LsmrResult => ({ x, iterations, status, ...result });
    if (residualNorm <= rightTolerance * normB + matrixTolerance * normA * norm(x)) return end("solved");
    if (normalResidualNorm <= matrixTolerance * normA * residualNorm) return end("least-squares");
    if (condition >= conditionLimit) return end("ill-conditioned");
    if (iterations >= maxIterations) return end("max-iterations");
  }
}

function scale(a: Float64Array, factor: number): void {
  for (let i = 0; i < a.length; i++) a[i] = (a[i] as number) * factor;
}
