/** Deep leakage from gradients, as a library: see README.md beside this file. */
export { lenet } from "../../models/lenet.ts";
export type { Model } from "../../models/model.ts";
export { randomStream } from "../../numeric/random.ts";
export { attackImage } from "./attack-image.ts";
export type { AttackOutcome, AttackRequest } from "./attack-outcome.ts";
export {
  compileMatching,
  type MatchingObjective,
  type MatchingRequest,
  type SharedGradientRequest,
  sharedGradient,
} from "./gradient-matching.ts";
export {
  meanSquaredError,
  peakSignalToNoiseRatio,
  structuralSimilarity,
  totalVariation,
} from "./image-metrics.ts";
export { inferLabel } from "./infer-labels.ts";
export { type RecoverOptions, type Recovery, type RecoveryStep, recover } from "./recover.ts";
export * from "./text.ts";
