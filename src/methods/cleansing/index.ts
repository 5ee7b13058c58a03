/** Data cleansing for models trained with SGD, as a library: see README.md beside this file. */
export { logistic } from "../../models/logistic.ts";
export { mlp } from "../../models/mlp.ts";
export { randomStream } from "../../numeric/random.ts";
export type { Curvature, Examples } from "../../training/problem.ts";
export type { TrainingRecord } from "../../training/record.ts";
export { displacements, type TangentOptions } from "../../training/record-tangent.ts";
export { type RetrainOptions, retrainWithout } from "../../training/retrain.ts";
export { type RowFunctions, rowFunctions } from "../../training/row-functions.ts";
export { train } from "../../training/train.ts";
export {
  type ErrorBound,
  type ErrorBoundOptions,
  errorBounds,
  type LossConstants,
  logisticConstants,
} from "./error-bound.ts";
export { type ExportTrajectoryOptions, exportTrajectory } from "./export-trajectory.ts";
export { type Fidelity, fidelity, type RemovedSubset, subsetFidelity } from "./fidelity.ts";
export { type ImportTrajectoryOptions, importTrajectory } from "./import-trajectory.ts";
export { type Influence, type InfluenceOptions, linearInfluence } from "./influence.ts";
export { type KohLiangOptions, kohLiang } from "./koh-liang.ts";
export { everyStepBound, type NonConvexConstants, singleUseBound } from "./prior-bound.ts";
export { lossQuery } from "./query.ts";
export { mostHarmful, type RankingName, rankingNames } from "./rankings.ts";
export {
  type CurvePoint,
  type Parts,
  type RemovalCurve,
  type RemovalCurveRequest,
  removalCurve,
} from "./removal-curve.ts";
export { ownLosses, randomScores, selfConfidence } from "./row-scores.ts";
export { type TracinOptions, tracin } from "./tracin.ts";
export type { TrainingSetup } from "./training-setup.ts";
