/** Numerics on typed arrays: NumPy's random streams, dense linear algebra, special functions, statistics. */
export { type Assignment, assign } from "./assignment.ts";
export { type GaussRule, gaussHermite, gaussJacobi, gaussLegendre } from "./gauss-rules.ts";
export { type Cholesky, cholesky } from "./linear-algebra/cholesky.ts";
export { type LU, lu } from "./linear-algebra/lu.ts";
export { identityMatrix, type Matrix, matrix, matrixOfRows } from "./linear-algebra/matrix.ts";
export { matmul, matrixTimesVector, transpose, transposeTimesVector } from "./linear-algebra/product.ts";
export { type QR, qr } from "./linear-algebra/qr.ts";
export { type SVD, singularValues, svd } from "./linear-algebra/svd.ts";
export {
  type SymmetricEigen,
  symmetricEigen,
  symmetricEigenvalues,
} from "./linear-algebra/symmetric-eigen.ts";
export { solveTriangular, type TriangularOptions } from "./linear-algebra/triangular.ts";
export { tridiagonalEigen } from "./linear-algebra/tridiagonal-eigen.ts";
export {
  type LinearOperator,
  type LsmrOptions,
  type LsmrResult,
  lsmr,
  lsmrAsync,
} from "./lsmr.ts";
export { type OdeOptions, type OdeSolution, solveOde } from "./ode.ts";
export { integrate, type QuadratureOptions, type QuadratureResult } from "./quadrature.ts";
export {
  type RandomStream,
  type RandomStreamState,
  randomStream,
  resumeRandomStream,
  type Seed,
} from "./random.ts";
export { brentRoot, newtonRoot, type RootOptions } from "./roots.ts";
export { erf, erfc, erfcx } from "./special/error-function.ts";
export { digamma, gamma, logGamma } from "./special/gamma.ts";
export {
  type IncompleteBeta,
  incompleteBeta,
  inverseIncompleteBeta,
  studentDistribution,
  studentQuantile,
} from "./special/incomplete-beta.ts";
export { chiSquareTail, type IncompleteGamma, incompleteGamma } from "./special/incomplete-gamma.ts";
export {
  inverseErf,
  inverseErfc,
  logNormalDistribution,
  normalDensity,
  normalDistribution,
  normalQuantile,
} from "./special/normal.ts";
export { owensT } from "./special/owens-t.ts";
export { hurwitzZeta, zeta } from "./special/zeta.ts";
export {
  levyConstant,
  type StableLaw,
  stableAbsoluteMoment,
  stableDraws,
  stableLogMoments,
} from "./stable.ts";
export { type StableDistribution, stableDensity, stableDistribution } from "./stable-density.ts";
export {
  type BootstrapOptions,
  type BootstrapResult,
  bootstrap,
  bootstrapIndices,
} from "./statistics/bootstrap.ts";
export { type Correlation, kendall, pearson, spearman } from "./statistics/correlation.ts";
export { type ConfidenceInterval, meanInterval } from "./statistics/mean-interval.ts";
export {
  addValue,
  type Moments,
  mergeMoments,
  momentsOf,
  standardErrorOf,
  varianceOf,
} from "./statistics/moments.ts";
export * from "./statistics/paired-tests.ts";
export { clopperPearsonInterval, wilsonInterval } from "./statistics/proportion.ts";
export { median, type QuantileMethod, quantile, quantiles } from "./statistics/quantile.ts";
export { type Ranks, rank } from "./statistics/ranks.ts";
export type { Interval } from "./statistics/sample.ts";
