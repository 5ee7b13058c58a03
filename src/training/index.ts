/** Training: optimisers, learning-rate schedules, samplers, the loop, and the record of what each step did. */
export { type AdamOptions, adam, adamW } from "./adam.ts";
export { type ClipOptions, clipByGlobalNorm, clipByValue, clipGradient } from "./clip.ts";
export { DivergenceError } from "./divergence.ts";
export type { Evaluation } from "./evaluator.ts";
export { type FullBatchOptions, type FullBatchResult, trainFullBatch } from "./full-batch.ts";
export { type GivenTraining, recordGivenTraining } from "./given-record.ts";
export {
  type LbfgsCheckpoint,
  type LbfgsOptions,
  type LbfgsResult,
  minimize,
  type Objective,
} from "./lbfgs.ts";
export { type MinimizeByAdamOptions, type MinimizeByAdamResult, minimizeByAdam } from "./minimize-adam.ts";
export type { Optimizer } from "./optimizer.ts";
export {
  type Criterion,
  type Curvature,
  crossEntropy,
  type Examples,
  examplesAt,
  type LossFunction,
  type TrainableModel,
} from "./problem.ts";
export type {
  RecordedStep,
  RecordOptions,
  TrainingRecord,
} from "./record.ts";
export { type AdjointOptions, differentiateRecord, type StepAdjoint } from "./record-adjoint.ts";
export { displacements, type TangentOptions } from "./record-tangent.ts";
export { replay, replayBackward, replayForward } from "./replay.ts";
export { type RetrainOptions, retrainWithout } from "./retrain.ts";
export { meanOfClippedRows } from "./row-clip.ts";
export { type RowFunctions, type RowFunctionsOptions, rowFunctions } from "./row-functions.ts";
export { recordedGradientNorms, type StepGradientNorms } from "./row-gradient-norms.ts";
export {
  type Batch,
  epochShuffling,
  givenBatches,
  type Sampler,
  type SamplerContext,
  type SamplerView,
  withReplacement,
} from "./sampler.ts";
export {
  constantRate,
  cosineDecay,
  inverseSquareRoot,
  linearWarmup,
  type Schedule,
  stepDecay,
} from "./schedule.ts";
export { type SgdOptions, sgd } from "./sgd.ts";
export type { GradientContext, GradientTransform } from "./step-graph.ts";
export type { StepSelection } from "./steps.ts";
export { openRecord, recordSize, type TrainingResult, train } from "./train.ts";
export type {
  EvaluateOptions,
  Hook,
  StepView,
  StoppingOptions,
  TrainingProgress,
  TrainLossOptions,
  TrainModelOptions,
} from "./train-options.ts";
export type { StoppingState, TrainingState } from "./training-state.ts";
export type { ArrayTree, NamedArrays, NamedTensors, TensorsOf, TensorTree } from "./trees.ts";
