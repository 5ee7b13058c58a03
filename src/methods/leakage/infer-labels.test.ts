import { describe, expect, it } from "vitest";
import { parameterAt } from "../../models/model.ts";
import { randomStream } from "../../numeric/random.ts";
import { inferLabel, inferLabels, labelAccuracy } from "./infer-labels.ts";
import { sharedGradient } from "./shared-gradient.ts";
import { double, tinyNetwork } from "./tiny-network.testing.ts";

const classes = 10;
const model = tinyNetwork({ inputs: 6, hidden: 12, classes, activation: "sigmoid" });

/** The gradient of the last layer for a batch with these labels, in a random network. */
async function lastLayer(labels: readonly number[], seed: number) {
  const [weights, images] = randomStream(seed).spawn(2);
  if (weights === undefined || images === undefined) throw new Error("two streams");
  const gradient = await sharedGradient({
    model,
    parameters: model.init(weights, "float64"),
    x: double(images.uniform(6 * labels.length), [labels.length, 6]),
    labels,
    dtype: "float64",
  });
  return {
    weight: parameterAt(gradient, "output.weight"),
    bias: parameterAt(gradient, "output.bias"),
    examples: labels.length,
  };
}

describe("inferLabel", () => {
  it.each([0, 3, 9])("finds label %i from the bias, and from the weight alone", async (label) => {
    const { weight, bias } = await lastLayer([label], label);
    expect(inferLabel(bias)).toBe(label);
    expect(inferLabel(weight)).toBe(label);
  });

  it("refuses what is no gradient of a last layer", () => {
    expect(() => inferLabel(double([], [0]))).toThrow("empty");
    expect(() => inferLabel(double([1, Number.NaN], [2]))).toThrow("not finite");
    expect(() => inferLabel(double([1, 2], [1, 1, 2]))).toThrow("[1,1,2]");
  });
});

describe("inferLabels", () => {
  it("finds most of different labels by the smallest entry of each row", async () => {
    const accuracies: number[] = [];
    for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
      const labels = Array.from(randomStream(seed).choice(4, classes));
      const found = inferLabels({ ...(await lastLayer(labels, seed)), method: "row-minima" });
      expect(new Set(found).size).toBe(4);
      accuracies.push(labelAccuracy(found, labels));
    }
    expect(accuracies.reduce((sum, accuracy) => sum + accuracy, 0) / 8).toBeGreaterThan(0.8);
  });

  it.each(["row-sums", "bias"] as const)("finds labels that repeat by %s", async (method) => {
    const found = inferLabels({ ...(await lastLayer([7, 7, 7, 2], 3)), method });
    expect(found).toEqual([2, 7, 7, 7]);
  });

  it("takes as many as there are examples", async () => {
    const layer = await lastLayer([1, 1, 2, 3, 5, 5, 5, 8], 6);
    for (const method of ["row-minima", "row-sums", "bias"] as const)
      expect(inferLabels({ ...layer, method })).toHaveLength(8);
  });

  it("subtracts the impact from the class that was chosen, in the second stage too", () => {
    // The impact is (-3 - 2.2) / 5 = -1.04. Stage one takes both classes once and leaves -1.96 and -1.16; stage two takes
    // 0 (-0.92 is left), then 1 (-0.12), then 0. Taking nothing off what is chosen would take 0 three times.
    const bias = double([-3, -2.2, 5.2], [3]);
    expect(inferLabels({ bias, examples: 5, method: "bias" })).toEqual([0, 0, 0, 1, 1]);
  });

  it("says what it needs", async () => {
    const { bias } = await lastLayer([1, 2], 1);
    expect(() => inferLabels({ bias, examples: 2, method: "row-minima" })).toThrow("weight");
    expect(() => inferLabels({ examples: 2, method: "bias" })).toThrow("bias");
    expect(() => inferLabels({ bias, examples: 0 })).toThrow("examples 0");
    expect(() =>
      inferLabels({ bias, weight: double([1, 2], [1, 2]), examples: 1, method: "row-sums" }),
    ).toThrow("10 classes");
  });
});

describe("labelAccuracy", () => {
  it("compares multisets, whatever the order", () => {
    expect(labelAccuracy([1, 2, 2], [2, 1, 2])).toBe(1);
    expect(labelAccuracy([1, 1, 1], [1, 2, 3])).toBeCloseTo(1 / 3);
    expect(labelAccuracy([4, 4], [5, 5])).toBe(0);
    expect(() => labelAccuracy([1], [1, 2])).toThrow("1 labels");
  });
});
