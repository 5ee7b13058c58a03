import { logNormalDistribution } from "../../../numeric/special/normal.ts";
import { checkPositive, checkRange } from "./defence.ts";

/**
 * What clipping and Gaussian noise promise: (epsilon, delta) differential privacy. The noise multiplier is the noise's
 * standard deviation over the sensitivity, that is, over the clipping norm when one example is added or removed; where
 * one may be replaced by another the sensitivity is twice the norm and the multiplier half.
 */

/**
 * The smallest delta with which one release of the Gaussian mechanism is (epsilon, delta) private:
 * Φ(1/2m − εm) − e^ε Φ(−1/2m − εm) for the multiplier m.
 *
 * Source: B. Balle, Y.-X. Wang, "Improving the Gaussian Mechanism for Differential Privacy", ICML 2018, theorem 8.
 */
export function gaussianMechanismDelta(noiseMultiplier: number, epsilon: number): number {
  checkPositive("gaussianMechanismDelta", "noiseMultiplier", noiseMultiplier);
  const half = 1 / (2 * noiseMultiplier);
  const shift = epsilon * noiseMultiplier;
  return Math.max(
    0,
    Math.exp(logNormalDistribution(half - shift)) - Math.exp(epsilon + logNormalDistribution(-half - shift)),
  );
}

/**
 * The smallest epsilon >= 0 with which one release is (epsilon, delta) private, by bisection of
 * {@link gaussianMechanismDelta}.
 */
export function gaussianMechanismEpsilon(noiseMultiplier: number, delta: number): number {
  checkRange("gaussianMechanismEpsilon", "delta", delta, { low: Number.MIN_VALUE, high: 1 });
  if (gaussianMechanismDelta(noiseMultiplier, 0) <= delta) return 0;
  let high = 1;
  while (gaussianMechanismDelta(noiseMultiplier, high) > delta) high *= 2;
  let low = 0;
  for (let i = 0; i < 100; i++) {
    const middle = (low + high) / 2;
    if (gaussianMechanismDelta(noiseMultiplier, middle) > delta) low = middle;
    else high = middle;
  }
  return high;
}

/** The smallest noise multiplier that makes one release (epsilon, delta) private. */
export function noiseMultiplierFor(epsilon: number, delta: number): number {
  checkPositive("noiseMultiplierFor", "epsilon", epsilon);
  checkRange("noiseMultiplierFor", "delta", delta, { low: Number.MIN_VALUE, high: 1 });
  let high = 1;
  while (gaussianMechanismDelta(high, epsilon) > delta) high *= 2;
  let low = high / 2;
  while (low > 1e-9 && gaussianMechanismDelta(low, epsilon) <= delta) low /= 2;
  for (let i = 0; i < 100; i++) {
    const middle = (low + high) / 2;
    if (gaussianMechanismDelta(middle, epsilon) > delta) low = middle;
    else high = middle;
  }
  return high;
}

/**
 * The Rényi divergence of integer order α of one step on a Poisson sample: log Σ_k C(α,k) (1−q)^(α−k) q^k
 * e^((k²−k)/2m²) / (α − 1).
 *
 * Source: I. Mironov, K. Talwar, L. Zhang, "Rényi Differential Privacy of the Sampled Gaussian Mechanism", 2019, section 3.3.
 */
export function sampledGaussianRenyi(noiseMultiplier: number, samplingRate: number, order: number): number {
  checkPositive("sampledGaussianRenyi", "noiseMultiplier", noiseMultiplier);
  checkRange("sampledGaussianRenyi", "samplingRate", samplingRate, { low: 0, high: 1 });
  if (!Number.isInteger(order) || order < 2)
    throw new RangeError(`sampledGaussianRenyi: order ${order} is not an integer from 2 up`);
  if (samplingRate === 0) return 0;
  if (samplingRate === 1) return order / (2 * noiseMultiplier ** 2);
  let logBinomial = 0;
  const logs: number[] = [];
  for (let k = 0; k <= order; k++) {
    if (k > 0) logBinomial += Math.log((order - k + 1) / k);
    logs.push(
      logBinomial +
        (order - k) * Math.log1p(-samplingRate) +
        k * Math.log(samplingRate) +
        (k * k - k) / (2 * noiseMultiplier ** 2),
    );
  }
  const largest = Math.max(...logs);
  const sum = logs.reduce((total, log) => total + Math.exp(log - largest), 0);
  return (largest + Math.log(sum)) / (order - 1);
}

export interface PrivacyOfTrainingRequest {
  readonly noiseMultiplier: number;
  /** The part of all examples that one step sees, each drawn independently. */
  readonly samplingRate: number;
  readonly steps: number;
  readonly delta: number;
}

/**
 * The epsilon of many steps of clipped and noised gradient descent: Rényi divergences add up over the steps, and the best
 * integer order from 2 to 512 is turned into (epsilon, delta). An upper bound, by a few parts in a hundred more than with
 * orders between the integers.
 *
 * Sources: {@link sampledGaussianRenyi}; C. Canonne, G. Kamath, T. Steinke, "The Discrete Gaussian for Differential
 * Privacy", 2020, proposition 12, for ε = R + log((α−1)/α) − (log δ + log α)/(α−1).
 */
export function privacyOfTraining(request: PrivacyOfTrainingRequest): {
  readonly epsilon: number;
  readonly order: number;
} {
  const { noiseMultiplier, samplingRate, steps, delta } = request;
  checkRange("privacyOfTraining", "delta", delta, { low: Number.MIN_VALUE, high: 1 });
  if (!Number.isInteger(steps) || steps < 1)
    throw new RangeError(`privacyOfTraining: steps ${steps} is not a positive integer`);
  let best = { epsilon: Number.POSITIVE_INFINITY, order: 2 };
  for (let order = 2; order <= 512; order++) {
    const divergence = steps * sampledGaussianRenyi(noiseMultiplier, samplingRate, order);
    const epsilon = divergence + Math.log1p(-1 / order) - (Math.log(delta) + Math.log(order)) / (order - 1);
    if (epsilon < best.epsilon) best = { epsilon: Math.max(0, epsilon), order };
  }
  return best;
}
