import { describe, expect, it } from "vitest";
import { ndarray } from "../../../engine/ndarray.ts";
import { randomStream } from "../../../numeric/random.ts";
import { addGaussianNoise, addLaplacianNoise } from "../defences/noise.ts";
import { parseDefences } from "../defences/parse.ts";
import { pruneSmallest } from "../defences/prune.ts";
import { quantizeTo } from "../defences/quantize.ts";
import { entryErrors } from "./entry-errors.ts";

const exact = { w: ndarray(randomStream(3).normal(20_000), [200, 100], "float64") };
const errorsOf = (text: string) => entryErrors(parseDefences(text));

/** The standard deviation of what a defence changed, over what is expected of it. */
function ratio(text: string, sent: unknown): number {
  const { data } = (sent as typeof exact).w;
  const squares = data.reduce((sum, value, i) => sum + (value - (exact.w.data[i] ?? 0)) ** 2, 0);
  return Math.sqrt(squares / data.length) / errorsOf(text).absolute((sent as typeof exact).w);
}

describe("the errors that defences make", () => {
  it("are those that they made", () => {
    const stream = randomStream(8);
    expect(ratio("noise:gaussian:0.01", addGaussianNoise(exact, { scale: 0.01 }, stream))).toBeCloseTo(1, 1);
    const laplacian = addLaplacianNoise(exact, { variance: 1e-4 }, stream);
    expect(ratio("noise:laplacian:variance=1e-4", laplacian)).toBeCloseTo(1, 1);
    expect(ratio("int8", quantizeTo(exact, "int8"))).toBeCloseTo(1, 1);
    // Entries near 0 of a normal distribution are nearly uniform.
    expect(ratio("prune:0.2", pruneSmallest(exact, 0.2))).toBeCloseTo(1, 1);
    const half = quantizeTo(exact, "bf16").w as typeof exact.w;
    const { relative } = errorsOf("bf16");
    const largest = half.data.reduce(
      (most, value, i) => Math.max(most, Math.abs(value / (exact.w.data[i] ?? 1) - 1)),
      0,
    );
    expect(largest).toBeLessThanOrEqual(relative * (1 + relative));
    expect(largest).toBeGreaterThan(0.9 * relative);
  });

  it("add up, and are none where entries keep their proportions", () => {
    expect(errorsOf("noise:gaussian:3e-3,dp:2:2e-3").noise).toBeCloseTo(5e-3, 10);
    for (const text of ["none", "clip:1"]) expect(errorsOf(text)).toMatchObject({ areZero: true, noise: 0 });
    expect(errorsOf("clip:1")).not.toHaveProperty("words");
    expect(errorsOf("sign")).toMatchObject({ areZero: false });
  });
});
