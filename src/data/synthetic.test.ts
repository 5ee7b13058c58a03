import { describe, expect, it } from "vitest";
import { ndarray, toNumbers } from "../engine/ndarray.ts";
import { randomStream } from "../numeric/random.ts";
import { addLabelNoise } from "./label-noise.ts";
import {
  gaussianClasses,
  gaussianInputs,
  linearRegressionData,
  logisticData,
  twoMoons,
} from "./synthetic.ts";

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
const variance = (values: readonly number[]) => mean(values.map((value) => (value - mean(values)) ** 2));

describe("gaussianClasses", () => {
  it("has its centres and deviation, classes in turn", () => {
    const centres = [
      [0, 0, 5],
      [3, -2, 1],
    ];
    const { points, labels } = gaussianClasses({
      count: 20_000,
      centres,
      deviation: 0.5,
      stream: randomStream(1),
    });
    expect(points.shape).toEqual([20_000, 3]);
    expect(toNumbers(labels).slice(0, 4)).toEqual([0, 1, 0, 1]);
    for (const [label, centre] of centres.entries())
      for (const [j, coordinate] of centre.entries()) {
        const values = toNumbers(points).filter((_, i) => i % 3 === j && Math.floor(i / 3) % 2 === label);
        expect(Math.abs(mean(values) - coordinate)).toBeLessThan((4 * 0.5) / Math.sqrt(10_000));
        expect(Math.abs(variance(values) - 0.25)).toBeLessThan(4 * 0.25 * Math.sqrt(2 / 10_000));
      }
  });

  it("draws centres in the box, and the same by seed", () => {
    const options = { count: 30, centres: 4, dimension: 5 };
    const made = gaussianClasses({ ...options, stream: randomStream(7) });
    expect(made.centres.length).toBe(4);
    expect(made.centres.flat().every((value) => value >= -10 && value < 10)).toBe(true);
    expect(gaussianClasses({ ...options, stream: randomStream(7) })).toEqual(made);
    expect(() => gaussianClasses({ count: 0, centres: 2, stream: randomStream(0) })).toThrow("count 0");
    expect(() => gaussianClasses({ count: 3, centres: [[1], [1, 2]], stream: randomStream(0) })).toThrow(
      "centres",
    );
  });
});

describe("linear truths", () => {
  it("regression: the residual is the noise", () => {
    const data = linearRegressionData({
      count: 20_000,
      dimension: 3,
      weights: [1, -2, 0.5],
      bias: 4,
      noise: 0.3,
      stream: randomStream(2),
    });
    const residuals = toNumbers(data.targets).map((y, i) => {
      const [a = 0, b = 0, c = 0] = data.inputs.data.subarray(3 * i, 3 * i + 3);
      return y - (4 + a - 2 * b + 0.5 * c);
    });
    expect(Math.abs(mean(residuals))).toBeLessThan((4 * 0.3) / Math.sqrt(20_000));
    expect(Math.abs(variance(residuals) - 0.09)).toBeLessThan(4 * 0.09 * Math.sqrt(2 / 20_000));
  });

  it("logistic: labels have the model's probabilities", () => {
    const { targets, inputs } = logisticData({
      count: 40_000,
      dimension: 1,
      weights: [2],
      bias: 0.5,
      stream: randomStream(3),
    });
    // In a bin of the input the share of ones is the mean of the probabilities.
    for (const low of [-2, -1, 0, 1]) {
      const inside = toNumbers(inputs).flatMap((x, i) => (x >= low && x < low + 1 ? [i] : []));
      const expected = mean(inside.map((i) => 1 / (1 + Math.exp(-(2 * (inputs.data[i] ?? 0) + 0.5)))));
      const found = mean(inside.map((i) => Number(targets.data[i])));
      expect(Math.abs(found - expected)).toBeLessThan(4 * Math.sqrt(0.25 / inside.length));
    }
    const separable = logisticData({
      count: 100,
      dimension: 2,
      weights: [1, 1],
      strength: Infinity,
      stream: randomStream(4),
    });
    for (let i = 0; i < 100; i++) {
      const score = (separable.inputs.data[2 * i] ?? 0) + (separable.inputs.data[2 * i + 1] ?? 0);
      expect(Number(separable.targets.data[i])).toBe(score > 0 ? 1 : 0);
    }
  });

  it("Gaussian inputs are standard", () => {
    const values = toNumbers(gaussianInputs({ count: 1000, dimension: 20, stream: randomStream(5) }));
    expect(Math.abs(mean(values))).toBeLessThan(4 / Math.sqrt(20_000));
    expect(Math.abs(variance(values) - 1)).toBeLessThan(4 * Math.sqrt(2 / 20_000));
  });
});

describe("twoMoons", () => {
  it("lies on the half circles without noise", () => {
    const { points, labels } = twoMoons({ count: 101, noise: 0, stream: randomStream(0) });
    for (let i = 0; i < 101; i++) {
      const [x = 0, y = 0] = points.data.subarray(2 * i, 2 * i + 2);
      const isSecond = labels.data[i] === 1n;
      expect(isSecond ? Math.hypot(x - 1, y - 0.5) : Math.hypot(x, y)).toBeCloseTo(1, 12);
      if (isSecond) expect(y).toBeLessThanOrEqual(0.5 + 1e-12);
      else expect(y).toBeGreaterThanOrEqual(-1e-12);
    }
    expect(Array.from(points.data.subarray(200, 202))).toEqual([-1, expect.closeTo(0, 12)]);
  });
});

describe("addLabelNoise", () => {
  const labels = ndarray(
    Array.from({ length: 3000 }, (_, i) => i % 3),
    [3000],
    "int64",
  );

  it("changes exactly the rows it names", () => {
    for (const kind of ["symmetric", "pairwise"] as const) {
      const noisy = addLabelNoise(labels, { rate: 0.2, classes: 3, kind, stream: randomStream(6) });
      expect(noisy.flipped.length).toBe(600);
      const changed = toNumbers(noisy.labels).flatMap((label, row) => (label === row % 3 ? [] : [row]));
      expect(changed).toEqual(noisy.flipped);
      const steps = changed.map((row) => (Number(noisy.labels.data[row]) - (row % 3) + 3) % 3);
      const ones = steps.filter((step) => step === 1).length;
      if (kind === "pairwise") expect(ones).toBe(600);
      else expect(Math.abs(ones - 300)).toBeLessThan(4 * Math.sqrt(600 / 4));
    }
    expect(Number(labels.data[1])).toBe(1);
  });

  it("refuses labels and rates that are none", () => {
    const options = { rate: 0.1, classes: 3, kind: "symmetric", stream: randomStream(0) } as const;
    expect(() => addLabelNoise(labels, { ...options, classes: 2 })).toThrow(
      "the label of row 2 is 2; expected 0 to 1",
    );
    expect(() => addLabelNoise(labels, { ...options, rate: 1 })).toThrow("rate 1");
    expect(addLabelNoise(labels, { ...options, rate: 0 }).flipped).toEqual([]);
  });
});
