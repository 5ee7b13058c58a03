import { describe, expect, it } from "vitest";
import type { NDArray } from "../../engine/ndarray.ts";
import { type Model, type Named, parameterAt } from "../../models/model.ts";
import { randomStream } from "../../numeric/random.ts";
import { imprintedModel, imprintLayer, invertImprint } from "./imprint.ts";
import { invertLinearLayer, linearLayerSources } from "./invert-linear-layer.ts";
import { sharedGradient } from "./shared-gradient.ts";
import { double, tinyNetwork } from "./tiny-network.testing.ts";

async function firstLayer(model: Model, layer: string, labels: readonly number[], seed: number) {
  const [weights, images] = randomStream(seed).spawn(2);
  if (weights === undefined || images === undefined) throw new Error("two streams");
  const features = model.inputShape.reduce((product, size) => product * size, 1);
  const x = double(images.uniform(features * labels.length), [labels.length, ...model.inputShape]);
  const parameters: Named<NDArray> = model.init(weights, "float64");
  const gradient = await sharedGradient({ model, parameters, x, labels, dtype: "float64" });
  return {
    examples: labels.map((_, n) => x.data.slice(n * features, (n + 1) * features)),
    gradient: {
      weight: parameterAt(gradient, `${layer}.weight`),
      bias: parameterAt(gradient, `${layer}.bias`),
    },
  };
}

const apart = (a: Float64Array, b: Float64Array): number =>
  Math.max(...a.map((value, i) => Math.abs(value - (b[i] ?? Number.NaN))));

describe("invertLinearLayer", () => {
  it("gives a single example exactly, whatever the activation", async () => {
    for (const activation of ["sigmoid", "relu"] as const) {
      const model = tinyNetwork({ inputs: 20, hidden: 16, classes: 4, activation });
      const { examples, gradient } = await firstLayer(model, "hidden", [2], 5);
      expect(apart(invertLinearLayer(gradient), examples[0] ?? new Float64Array())).toBeLessThan(1e-13);
    }
  });

  it("refuses what has no gradient", () => {
    expect(() => invertLinearLayer({ weight: double([0, 0], [1, 2]), bias: double([0], [1]) })).toThrow(
      "no unit was active",
    );
    expect(() => invertLinearLayer({ weight: double([0, 0], [1, 2]), bias: double([0, 1], [2]) })).toThrow(
      "these are [1,2] and [2]",
    );
    expect(() =>
      invertLinearLayer({ weight: double([0, Number.NaN], [1, 2]), bias: double([1], [1]) }),
    ).toThrow("holds NaN at 1");
  });
});

describe("linearLayerSources", () => {
  it("finds examples of a batch behind a ReLU, and nothing that is none", async () => {
    const model = tinyNetwork({ inputs: 30, hidden: 400, classes: 5, activation: "relu" });
    const { examples, gradient } = await firstLayer(model, "hidden", [0, 1, 3, 4], 9);
    const sources = linearLayerSources(gradient);
    expect(sources.length).toBeGreaterThan(1);
    const found = sources.map(({ input }) => examples.findIndex((example) => apart(example, input) < 1e-6));
    expect(found).not.toContain(-1);
    expect(new Set(found).size).toBe(found.length);
    expect(sources[0]?.units.length).toBeGreaterThanOrEqual(sources.at(-1)?.units.length ?? 0);
  });

  it("finds nothing where every unit is active for every example", async () => {
    const model = tinyNetwork({ inputs: 30, hidden: 50, classes: 5, activation: "sigmoid" });
    const { gradient } = await firstLayer(model, "hidden", [0, 1, 3, 4], 9);
    expect(linearLayerSources(gradient)).toEqual([]);
  });
});

describe("an imprint block", () => {
  it("measures the mean at the quantiles of its distribution", () => {
    const { weight, bias } = imprintLayer(10, { bins: 3, mean: 0.5, standardDeviation: 0.1 });
    expect(Array.from(weight.data.slice(0, 10)).reduce((sum, w) => sum + w, 0)).toBeCloseTo(1, 14);
    expect(bias.data[1]).toBeCloseTo(-0.5, 14);
    expect(bias.data[0]).toBeCloseTo(-(0.5 - 0.0674489750196082), 12);
  });

  it("gives up every example that is alone in its bin", async () => {
    const victim = tinyNetwork({ inputs: 25, hidden: 30, classes: 6, activation: "sigmoid" });
    // The mean of 25 numbers of U(0, 1) has the standard deviation 1 / sqrt(12 x 25).
    const options = { bins: 200, mean: 0.5, standardDeviation: 1 / Math.sqrt(300) };
    const labels = [0, 1, 2, 3, 4, 5, 0, 1];
    const { examples, gradient } = await firstLayer(imprintedModel(victim, options), "imprint", labels, 4);
    const binOf = (example: Float64Array): number => {
      const mean = example.reduce((sum, pixel) => sum + pixel, 0) / 25;
      return imprintLayer(25, options).bias.data.filter((bias) => mean + bias > 0).length - 1;
    };
    const bins = examples.map(binOf);
    const alone = examples.filter(
      (_, n) => bins[n] !== -1 && bins.filter((bin) => bin === bins[n]).length === 1,
    );
    expect(alone.length).toBeGreaterThan(4);
    const caught = invertImprint(gradient);
    for (const example of alone) {
      const there = caught.find(({ bin }) => bin === binOf(example));
      expect(apart(there?.input ?? new Float64Array(25), example)).toBeLessThan(1e-8);
    }
    expect(caught.length).toBe(new Set(bins.filter((bin) => bin >= 0)).size);
  });
});
