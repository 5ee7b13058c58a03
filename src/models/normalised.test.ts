import { describe, expect, it } from "vitest";
import { ndarray, toNumbers } from "../engine/ndarray.ts";
import { compile, spec } from "../engine/runtime/compile.ts";
import { randomStream } from "../numeric/random.ts";
import { logistic } from "./logistic.ts";
import { normalised } from "./normalised.ts";
import { textLinear } from "./text-linear.ts";

const inner = logistic({ inputShape: [3, 2, 2], classes: 4 });
const statistics = { mean: [0.5, 0.4, 0.3], deviation: [0.2, 0.25, 0.5] };

describe("normalised", () => {
  it("gives the inner model (x - mean) / deviation of each channel, and takes it back", async () => {
    const model = normalised(inner, statistics);
    const parameters = inner.init(randomStream(1), "float64");
    const pixels = randomStream(2).uniform(2 * 12);
    const values = pixels.map((pixel, i) => {
      const channel = Math.floor(i / 4) % 3;
      return (pixel - (statistics.mean[channel] ?? 0)) / (statistics.deviation[channel] ?? 1);
    });
    const logits = async (of: typeof inner, data: Float64Array) => {
      const step = await compile(
        (p, x) => of.apply(p, x),
        [inner.parameters("float64"), spec([2, 3, 2, 2], "float64")],
      );
      return toNumbers(await step.run(parameters, ndarray(data, [2, 3, 2, 2], "float64")));
    };
    const [ours, theirs] = [await logits(model, pixels), await logits(inner, values)];
    for (const [i, value] of ours.entries()) expect(value).toBeCloseTo(theirs[i] ?? Number.NaN, 12);
    for (const [i, pixel] of model.imageOf(values.slice(0, 12)).entries())
      expect(pixel).toBeCloseTo(pixels[i] ?? Number.NaN, 14);
  });

  it("takes one number for all channels", () => {
    const model = normalised(inner, { mean: [1], deviation: [2] });
    expect(Array.from(model.imageOf(new Float64Array(12).fill(3)))).toEqual(Array(12).fill(7));
  });

  it.each([
    [{ mean: [0, 0], deviation: [1] }, "mean has 2 numbers; expected 1, or 3, one for each channel"],
    [{ mean: [0], deviation: [1, 0, 1] }, "deviation holds 0"],
    [{ mean: [Number.NaN], deviation: [1] }, "mean holds NaN"],
  ])("refuses %o", (bad, message) => {
    expect(() => normalised(inner, bad)).toThrow(message);
  });

  it("refuses a model that takes no images", () => {
    const text = textLinear({ tokens: 4, classes: 2, vocabulary: 10 });
    expect(() => normalised(text, statistics)).toThrow("inputs [4]; expected images");
  });
});
