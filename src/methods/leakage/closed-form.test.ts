import { describe, expect, it } from "vitest";
import { castArray, type NDArray, ndarray } from "../../engine/ndarray.ts";
import * as tree from "../../engine/tree.ts";
import { lenet } from "../../models/lenet.ts";
import type { Named } from "../../models/model.ts";
import { randomStream } from "../../numeric/random.ts";
import { closedForm } from "./closed-form.ts";
import { clipNorm } from "./defences/clip.ts";
import { gradientNorm } from "./defences/defence.ts";
import { meanSquaredError } from "./image-metrics.ts";
import { sharedGradient } from "./shared-gradient.ts";

async function shared(channels: 1 | 3, seed: number) {
  const model = lenet({ channels });
  const [weights, pixels] = randomStream(seed).spawn(2);
  if (weights === undefined || pixels === undefined) throw new Error("two streams");
  const parameters = model.init(weights, "float64");
  const inputShape = model.inputShape as readonly [number, number, number];
  const [c, h, w] = inputShape;
  const x = ndarray(pixels.uniform(c * h * w), [1, c, h, w], "float64");
  const label = seed % model.classes;
  const gradient = await sharedGradient({ model, parameters, x, labels: [label], dtype: "float64" });
  return { parameters, gradient, inputShape, x, label };
}

const rounded = (gradient: Named<NDArray>): Named<NDArray> =>
  tree.map((array: NDArray) => castArray(array, "float32"), gradient) as Named<NDArray>;

describe("closedForm", () => {
  it("gives a digit from its gradient, nearly to the last bit", async () => {
    const { x, label, ...request } = await shared(1, 3);
    const found = await closedForm(request);
    expect(found.label).toBe(label);
    expect(meanSquaredError(found.images, x)).toBeLessThan(1e-15);
    expect(found.layers.map(({ layer, unknowns, equations }) => [layer, unknowns, equations])).toEqual([
      ["conv3", 588, 588 + 3600],
      ["conv2", 2352, 588 + 3600],
      ["conv1", 784, 2352 + 300],
    ]);
    expect(found.layers.every(({ determined }) => determined)).toBe(true);
    const single = await closedForm({ ...request, gradient: rounded(request.gradient) });
    expect(meanSquaredError(single.images, x)).toBeLessThan(1e-7);
  });

  it("gives a photograph-sized image", async () => {
    const { x, label, ...request } = await shared(3, 61);
    const found = await closedForm(request);
    expect(found.label).toBe(label);
    expect(meanSquaredError(found.images, x)).toBeLessThan(1e-15);
  });

  it("refuses what does not fit", async () => {
    const { x: _, label: __, ...request } = await shared(1, 4);
    await expect(closedForm({ ...request, inputShape: [3, 28, 28] })).rejects.toThrow(
      "a square kernel for 3 channels",
    );
    await expect(closedForm({ ...request, inputShape: [1, 32, 32] })).rejects.toThrow(
      "the head takes 588 features",
    );
  });

  it("does not mind that the gradient was clipped", async () => {
    const { x, label, ...request } = await shared(1, 8);
    const gradient = clipNorm(request.gradient, 1);
    const found = await closedForm({ ...request, gradient });
    expect(found.label).toBe(label);
    expect(found.scale / (1 / gradientNorm(request.gradient))).toBeCloseTo(1, 10);
    expect(meanSquaredError(found.images, x)).toBeLessThan(1e-15);
  });
});
