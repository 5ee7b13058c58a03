import { describe, expect, it } from "vitest";
import { lcg } from "../../../bench/harness/data.js";
import { ndarray } from "../../engine/ndarray.ts";
import {
  clipped,
  type Image,
  meanSquaredError,
  peakSignalToNoiseRatio,
  structuralSimilarity,
  totalVariation,
  totalVariationGradient,
} from "./image-metrics.ts";
import { referenceFile } from "./vectors.testing.ts";

const image = (data: ArrayLike<number>, shape: number[]): Image => ndarray(data, shape, "float64");
const relative = (a: number, b: number): number => Math.abs(a - b) / Math.abs(b);

const rng = referenceFile<{ seed: number; first10_u: number[]; then_normals_shape6: number[] }>("rng.json");
describe("the reference files' random numbers", () => {
  if (rng === undefined) it.skip("are reproduced (skipped: shared/vectors is absent)", () => {});
  else
    it("are reproduced", () => {
      const stream = lcg(rng.seed);
      expect(Array.from(stream.uniform(10))).toEqual(rng.first10_u);
      for (const [i, value] of stream.normal(6).entries())
        expect(relative(value, rng.then_normals_shape6[i] ?? Number.NaN)).toBeLessThan(1e-14);
    });
});

interface Reference {
  a: number[];
  b: number[];
  shape: number[];
  mse: number;
  psnr_unit_range: number;
  tv_anisotropic_mean: number;
  tv_grad: number[];
  mse_clipped_b: number;
  ssim_uniform7_population: number;
  ssim_gauss11_32x32: { c_sum: number; d_sum: number; value: number };
}
const reference = referenceFile<Reference>("image_metrics.json");
describe("image metrics against the reference", () => {
  if (reference === undefined) {
    it.skip("agree to 1e-9 (skipped: shared/vectors is absent)", () => {});
    return;
  }
  const a = image(reference.a, reference.shape);
  const b = image(reference.b, reference.shape);

  it("MSE and PSNR", () => {
    expect(relative(meanSquaredError(a, b), reference.mse)).toBeLessThan(1e-9);
    expect(relative(peakSignalToNoiseRatio(a, b), reference.psnr_unit_range)).toBeLessThan(1e-9);
    expect(relative(meanSquaredError(a, clipped(b)), reference.mse_clipped_b)).toBeLessThan(1e-9);
  });

  it("total variation and its gradient", () => {
    expect(relative(totalVariation(b), reference.tv_anisotropic_mean)).toBeLessThan(1e-9);
    const gradient = totalVariationGradient(b);
    expect(gradient.shape).toEqual(b.shape);
    for (const [i, value] of reference.tv_grad.entries())
      expect(Math.abs((gradient.data[i] ?? Number.NaN) - value)).toBeLessThan(1e-11);
  });

  it("SSIM with the uniform window", () => {
    const value = structuralSimilarity(a, b, { window: "uniform" });
    expect(relative(value, reference.ssim_uniform7_population)).toBeLessThan(1e-9);
  });

  it("SSIM with the Gaussian window", () => {
    const stream = lcg(41);
    expect(Array.from(stream.uniform(192))).toEqual(reference.a);
    stream.normal(192);
    const c = stream.uniform(3072);
    const noise = stream.normal(3072);
    const d = c.map((value, i) => value + 0.2 * (noise[i] ?? 0));
    const { c_sum, d_sum, value } = reference.ssim_gauss11_32x32;
    expect(
      relative(
        c.reduce((x, y) => x + y),
        c_sum,
      ),
    ).toBeLessThan(1e-12);
    expect(
      relative(
        d.reduce((x, y) => x + y),
        d_sum,
      ),
    ).toBeLessThan(1e-12);
    const shape = [3, 32, 32];
    expect(relative(structuralSimilarity(image(c, shape), image(d, shape)), value)).toBeLessThan(1e-9);
  });
});

describe("image metrics", () => {
  const stream = lcg(9);
  const shape = [2, 3, 12, 13];
  const a = image(stream.uniform(936), shape);
  const b = image(stream.uniform(936), shape);

  it("call equal images equal", () => {
    expect(meanSquaredError(a, a)).toBe(0);
    expect(peakSignalToNoiseRatio(a, a)).toBe(Infinity);
    expect(structuralSimilarity(a, a)).toBeCloseTo(1, 14);
    expect(totalVariation(image(new Float64Array(4).fill(3), [2, 2]))).toBe(0);
  });

  it("do not depend on the unit of the pixels once the range is given", () => {
    const scale = (x: Image): Image =>
      image(
        Float64Array.from(x.data, (pixel) => 255 * pixel),
        shape,
      );
    for (const window of ["gaussian", "uniform"] as const)
      expect(structuralSimilarity(scale(a), scale(b), { window, range: 255 })).toBeCloseTo(
        structuralSimilarity(a, b, { window }),
        12,
      );
    expect(peakSignalToNoiseRatio(scale(a), scale(b), { range: 255 })).toBeCloseTo(
      peakSignalToNoiseRatio(a, b),
      10,
    );
  });

  it("give a batch the mean of its images", () => {
    const half = (x: Image, i: number): Image => image(x.data.slice(i * 468, (i + 1) * 468), [3, 12, 13]);
    const mean = (metric: (p: Image, q: Image) => number): number =>
      (metric(half(a, 0), half(b, 0)) + metric(half(a, 1), half(b, 1))) / 2;
    for (const metric of [meanSquaredError, structuralSimilarity, (p: Image) => totalVariation(p)])
      expect(metric(a, b)).toBeCloseTo(mean(metric), 12);
  });

  it("have a total variation gradient that differences confirm", () => {
    const { data } = totalVariationGradient(a);
    for (const i of [0, 12, 13, 77, 155, 156, 700, 935]) {
      const shifted = (by: number): number =>
        totalVariation(
          image(
            a.data.map((pixel: number, k: number) => (k === i ? pixel + by : pixel)),
            shape,
          ),
        );
      expect((shifted(1e-7) - shifted(-1e-7)) / 2e-7).toBeCloseTo(data[i] ?? Number.NaN, 7);
    }
  });

  it("name what they cannot measure", () => {
    const small = image(new Float64Array(80), [8, 10]);
    expect(() => meanSquaredError(a, small)).toThrow("images of shapes [2,3,12,13] and [8,10] differ");
    expect(() => structuralSimilarity(small, small)).toThrow("needs 11 x 11 pixels, the images have 8 x 10");
    expect(structuralSimilarity(small, small, { window: "uniform" })).toBe(1);
    const broken = image(Float64Array.of(0, Number.NaN, 0, 0), [2, 2]);
    expect(() => meanSquaredError(broken, broken)).toThrow("the image holds NaN at element 1");
    expect(() => totalVariation(broken)).toThrow("NaN at element 1");
    expect(() => totalVariation(image([1, 2, 3], [1, 3]))).toThrow("at least 2 x 2");
    expect(() => totalVariation(image([1, 2, 3], [3]))).toThrow("[..., height, width]");
    expect(() => peakSignalToNoiseRatio(a, b, { range: 0 })).toThrow("range 0");
  });
});
