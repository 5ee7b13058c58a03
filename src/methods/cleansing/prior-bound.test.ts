import { expect, it } from "vitest";
import { everyStepBound, singleUseBound } from "./prior-bound.ts";

const constants = { gradient: 1.7, largest: 2.3, lipschitz: 0.9 };

it.each([0, 1, 2, 7, 60])("is the recursion of displacement and error over %i steps", (stepsAfter) => {
  const { gradient, largest, lipschitz } = constants;
  const [learningRate, batchSize] = [0.03, 5];
  let displacement = (learningRate * gradient) / batchSize;
  let error = 0;
  for (let step = 0; step < stepsAfter; step++) {
    error = (1 + learningRate * largest) * error + (learningRate * lipschitz * displacement ** 2) / 2;
    displacement *= 1 + learningRate * largest;
  }
  const bound = singleUseBound({ ...constants, learningRate, batchSize, stepsAfter });
  expect(Math.abs(bound - error)).toBeLessThanOrEqual(1e-12 * error);
});

it("bounds the recursion of a row in every step", () => {
  const { gradient, largest, lipschitz } = constants;
  for (const [gamma, steps] of [
    [0.05, 10],
    [0.4, 40],
    [1, 25],
  ] as const) {
    const rate = gamma / Math.sqrt(steps);
    let error = 0;
    // The displacement after s steps is at most 2 s rate G, whatever the curvature.
    for (let step = 0; step < steps; step++)
      error = (1 + rate * largest) * error + rate * lipschitz * (2 * step * rate * gradient) ** 2;
    const bound = everyStepBound({ ...constants, gamma, steps });
    expect(error).toBeGreaterThan(0);
    expect(error).toBeLessThanOrEqual(bound);
  }
});

it("refuses what is out of range", () => {
  expect(() => singleUseBound({ ...constants, learningRate: 0, batchSize: 5, stepsAfter: 2 })).toThrow(
    /learningRate 0/,
  );
  expect(() => everyStepBound({ ...constants, gradient: -1, gamma: 1, steps: 2 })).toThrow(/gradient -1/);
});
