import { describe, expect, it } from "vitest";
import { randomStream } from "../../numeric/random.ts";
import { meanSquaredError, structuralSimilarity } from "./image-metrics.ts";
import { matchImages } from "./match-images.ts";
import { double } from "./tiny-network.testing.ts";

describe("matchImages", () => {
  it("finds the order that a batch came back in and measures each image", () => {
    const stream = randomStream(1);
    const images = stream.uniform(5 * 144);
    const order = [3, 0, 4, 1, 2];
    const noise = stream.normal(5 * 144, 0, 0.05);
    const back = order.flatMap((from, to) =>
      Array.from(
        images.subarray(from * 144, (from + 1) * 144),
        (pixel, i) => pixel + (noise[to * 144 + i] ?? 0),
      ),
    );
    const matched = matchImages(double(images, [5, 1, 12, 12]), double(back, [5, 1, 12, 12]));
    expect(matched.map(({ recovered }) => order[recovered])).toEqual([0, 1, 2, 3, 4]);
    const original = double(images.slice(0, 144), [1, 12, 12]);
    const recovered = double(back.slice(144, 288), [1, 12, 12]);
    expect(matched[0]?.meanSquaredError).toBe(meanSquaredError(original, recovered));
    expect(matched[0]?.psnr).toBeCloseTo(-10 * Math.log10(meanSquaredError(original, recovered)), 10);
    expect(matched[0]?.ssim).toBe(structuralSimilarity(original, recovered));
  });

  it("minimises the sum, not each error by itself", () => {
    // The first original is nearest to what the second needs.
    const matched = matchImages(double([0.5, 0.6], [2, 1]), double([0.55, 0.1], [2, 1]));
    expect(matched.map(({ recovered }) => recovered)).toEqual([1, 0]);
    expect(matched[0]?.ssim).toBeNaN();
  });

  it("refuses batches that differ", () => {
    expect(() => matchImages(double([1], [1, 1]), double([1, 2], [2, 1]))).toThrow("[1,1] and [2,1] differ");
  });
});
