/** Defences: functions on gradients, one idea a file. */
export { clip, clipNorm } from "./clip.ts";
export { type Defence, type DefenceContext, type Effect, type Gradient, gradientNorm } from "./defence.ts";
export {
  clipAndNoise,
  type PrivateDefence,
  type PrivateGradientRequest,
  privateGradient,
} from "./differential-privacy.ts";
export {
  addGaussianNoise,
  addLaplacianNoise,
  gaussianNoise,
  laplacianNoise,
  type NoiseStrength,
} from "./noise.ts";
export { applyDefences, type DefencePlan, defenceForms, parseDefences } from "./parse.ts";
export {
  gaussianMechanismDelta,
  gaussianMechanismEpsilon,
  noiseMultiplierFor,
  type PrivacyOfTrainingRequest,
  privacyOfTraining,
  sampledGaussianRenyi,
} from "./privacy.ts";
export { keepLargest, type PruneOptions, prune, pruneSmallest, sentEntries, topK } from "./prune.ts";
export { type Precision, quantize, quantizeTo, sign, signs } from "./quantize.ts";
export { hideFeatures, type SoteriaRequest, soteria, soteriaScores } from "./soteria.ts";
