/** Deep leakage from gradients, as a library: see README.md beside this file. */
export { lenet } from "../../models/lenet.ts";
export type { Model } from "../../models/model.ts";
export { randomStream } from "../../numeric/random.ts";
export {
  type CostOfDefences,
  type CostRequest,
  costOfDefences,
  type DefenceCost,
  learningRates,
} from "./accuracy.ts";
export { attackGradient } from "./attack-gradient.ts";
export { attackImages } from "./attack-images.ts";
export type {
  AttackMethod,
  AttackOutcome,
  AttackRequest,
  AttackSettings,
  GradientAttackOutcome,
  GradientAttackRequest,
} from "./attack-outcome.ts";
export type { AttackOptimizer } from "./attempt.ts";
export {
  type Audit,
  type AuditedDefence,
  type AuditRequest,
  auditDefences,
  defaultDefences,
  type Estimate,
} from "./audit.ts";
export {
  type ClosedForm,
  type ClosedFormLayer,
  type ClosedFormRequest,
  closedForm,
  type SigmoidConvolution,
} from "./closed-form.ts";
export * from "./defences/index.ts";
export type { Distance, DistanceTerms, Weights } from "./distances.ts";
export { compileMatching, type MatchingObjective, type MatchingRequest } from "./gradient-matching.ts";
export {
  meanSquaredError,
  peakSignalToNoiseRatio,
  structuralSimilarity,
  totalVariation,
} from "./image-metrics.ts";
export {
  type ImprintedExample,
  type ImprintOptions,
  imprintedModel,
  imprintLayer,
  invertImprint,
} from "./imprint.ts";
export {
  type InferLabelsRequest,
  inferLabel,
  inferLabels,
  type LabelMethod,
  labelAccuracy,
} from "./infer-labels.ts";
export { type InformedAttack, type InformedAttackRequest, informedAttack } from "./informed-attack.ts";
export {
  invertLinearLayer,
  type LinearLayerGradient,
  type LinearLayerSource,
  linearLayerSources,
} from "./invert-linear-layer.ts";
export { type MatchedImage, matchImages } from "./match-images.ts";
export type { Priors } from "./priors.ts";
export {
  type AttemptSummary,
  type RecoverOptions,
  type Recovery,
  type RecoveryStep,
  recover,
} from "./recover.ts";
export { type LeakageRisk, leakageRisk, type RiskRequest, riskStatement } from "./risk.ts";
export {
  type LocalSteps,
  type Loss,
  type SharedGradientRequest,
  sharedGradient,
} from "./shared-gradient.ts";
export * from "./text/index.ts";
