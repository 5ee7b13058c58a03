import { describe, expect, it } from "vitest";
import { normalDistribution, normalQuantile } from "../../../numeric/special/normal.ts";
import { clipAndNoise } from "./differential-privacy.ts";
import {
  gaussianMechanismDelta,
  gaussianMechanismEpsilon,
  noiseMultiplierFor,
  privacyOfTraining,
  sampledGaussianRenyi,
} from "./privacy.ts";

/** The integral of f over [a, b] by Simpson's rule. */
function integral(f: (x: number) => number, a: number, b: number, parts = 40_000): number {
  const h = (b - a) / parts;
  let sum = f(a) + f(b);
  for (let i = 1; i < parts; i++) sum += (i % 2 ? 4 : 2) * f(a + i * h);
  return (sum * h) / 3;
}

const density = (x: number, mean: number, sd: number): number =>
  Math.exp(-0.5 * ((x - mean) / sd) ** 2) / (sd * Math.sqrt(2 * Math.PI));

describe("the normal distribution", () => {
  it("has the values of tables", () => {
    expect(normalDistribution(0)).toBe(0.5);
    expect(normalDistribution(1.959963984540054)).toBeCloseTo(0.975, 15);
    expect(normalDistribution(-3) / 1.3498980316300946e-3).toBeCloseTo(1, 13);
    expect(normalDistribution(-10) / 7.619853024160527e-24).toBeCloseTo(1, 12);
    expect(normalDistribution(-2.999999) / normalDistribution(-3.000001)).toBeCloseTo(
      1 + 2e-6 * (density(3, 0, 1) / 1.3498980316300946e-3),
      10,
    );
    expect(normalQuantile(0.975)).toBeCloseTo(1.959963984540054, 13);
    expect(normalQuantile(1e-10)).toBeCloseTo(-6.361340902404056, 10);
  });
});

describe("the analytic Gaussian mechanism", () => {
  it.each([
    [1, 0.5],
    [0.7, 3],
    [4, 0.1],
  ])("gives the delta of its definition for multiplier %d and epsilon %d", (multiplier, epsilon) => {
    // delta = the integral of max(0, p - e^epsilon q) for N(1, m²) and N(0, m²), in units of the sensitivity.
    const exact = integral(
      (x) => Math.max(0, density(x, 1, multiplier) - Math.exp(epsilon) * density(x, 0, multiplier)),
      -12 * multiplier,
      1 + 12 * multiplier,
    );
    expect(gaussianMechanismDelta(multiplier, epsilon)).toBeCloseTo(exact, 8);
  });

  it("is inverted by its epsilon and its multiplier", () => {
    for (const multiplier of [0.3, 1, 5]) {
      const epsilon = gaussianMechanismEpsilon(multiplier, 1e-5);
      expect(gaussianMechanismDelta(multiplier, epsilon) / 1e-5).toBeCloseTo(1, 6);
      expect(noiseMultiplierFor(epsilon, 1e-5) / multiplier).toBeCloseTo(1, 6);
    }
    expect(gaussianMechanismEpsilon(1e6, 1e-5)).toBe(0);
  });

  it("asks for less noise than the classical mechanism", () => {
    // Dwork and Roth: sqrt(2 log(1.25 / delta)) / epsilon.
    expect(noiseMultiplierFor(0.5, 1e-5)).toBeLessThan(Math.sqrt(2 * Math.log(1.25e5)) / 0.5);
    expect(clipAndNoise(2, 1.5).epsilon(1e-5)).toBe(gaussianMechanismEpsilon(1.5, 1e-5));
  });
});

describe("the sampled Gaussian mechanism", () => {
  it.each([
    [1.1, 0.01, 2],
    [1.1, 0.2, 8],
    [0.8, 0.05, 5],
    [2, 1, 6],
  ])("has the Rényi divergence of its definition (m %d, q %d, order %d)", (m, q, order) => {
    // D(mixture || N(0, m²)) = log ∫ ((1 - q) + q e^((2x-1)/2m²))^order N(x; 0, m²) dx / (order - 1).
    const moment = integral(
      (x) => (1 - q + q * Math.exp((2 * x - 1) / (2 * m * m))) ** order * density(x, 0, m),
      -15 * m,
      15 * m + order,
    );
    expect(sampledGaussianRenyi(m, q, order)).toBeCloseTo(Math.log(moment) / (order - 1), 7);
  });

  it("adds up over steps, and is little above one exact release", () => {
    const one = privacyOfTraining({ noiseMultiplier: 2, samplingRate: 1, steps: 1, delta: 1e-5 });
    const exact = gaussianMechanismEpsilon(2, 1e-5);
    expect(one.epsilon).toBeGreaterThan(exact);
    expect(one.epsilon).toBeLessThan(1.25 * exact);
    // Four full-batch steps with multiplier 2 are one with multiplier 1.
    const four = privacyOfTraining({ noiseMultiplier: 2, samplingRate: 1, steps: 4, delta: 1e-5 });
    const same = privacyOfTraining({ noiseMultiplier: 1, samplingRate: 1, steps: 1, delta: 1e-5 });
    expect(four.epsilon).toBeCloseTo(same.epsilon, 10);
    const sampled = privacyOfTraining({ noiseMultiplier: 2, samplingRate: 0.01, steps: 4, delta: 1e-5 });
    expect(sampled.epsilon).toBeLessThan(four.epsilon / 5);
  });

  it("gives the epsilon that is known of a common setting", () => {
    // 60,000 examples, batches of 256, 60 epochs, multiplier 1.1 and delta 1e-5.
    const { epsilon } = privacyOfTraining({
      noiseMultiplier: 1.1,
      samplingRate: 256 / 60_000,
      steps: Math.floor((60 * 60_000) / 256),
      delta: 1e-5,
    });
    expect(epsilon).toBeGreaterThan(2.4);
    expect(epsilon).toBeLessThan(3);
  });
});
