import { ndarray } from "../../engine/ndarray.ts";
import { formatShape, sameShape, sizeOf } from "../../engine/shape.ts";
import { assign } from "../../numeric/assignment.ts";
import {
  type Image,
  meanSquaredError,
  peakSignalToNoiseRatio,
  structuralSimilarity,
} from "./image-metrics.ts";

/** A recovered batch beside the originals. A gradient does not say which example is which, so the order is free. */

/** How well one example of a batch was recovered. */
export interface MatchedImage {
  /** Its place among the originals. */
  readonly original: number;
  /** The place of the recovered image that stands for it. */
  readonly recovered: number;
  readonly meanSquaredError: number;
  /** In dB, for pixels in [0, 1]. */
  readonly psnr: number;
  /** NaN where the images are smaller than the window of structural similarity or have no axes of pixels. */
  readonly ssim: number;
}

/**
 * Pairs recovered images with originals so that the sum of the mean squared errors is smallest (the Hungarian algorithm)
 * and measures each pair.
 *
 * @param originals [N, ...]
 * @param recovered of the same shape
 * @returns one for each original, in their order
 * @throws RangeError when the shapes differ or a pixel is not finite
 */
export function matchImages(originals: Image, recovered: Image): MatchedImage[] {
  if (!sameShape(originals.shape, recovered.shape))
    throw new RangeError(
      `matchImages: batches of shapes ${formatShape(originals.shape)} and ${formatShape(recovered.shape)} differ`,
    );
  const [count = 0, ...shape] = originals.shape;
  const size = sizeOf(shape);
  const image = ({ data }: Image, n: number): Image =>
    ndarray(Float64Array.from(data.subarray(n * size, (n + 1) * size)), shape, "float64");
  const costs = new Float64Array(count * count);
  for (let i = 0; i < count; i++)
    for (let j = 0; j < count; j++)
      costs[i * count + j] = meanSquaredError(image(originals, i), image(recovered, j));
  const [height = 0, width = 0] = shape.length > 1 ? shape.slice(-2) : [];
  const { columnOfRow } = assign(ndarray(costs, [count, count], "float64"));
  return Array.from(columnOfRow, (partner, original) => {
    const [a, b] = [image(originals, original), image(recovered, partner)];
    return {
      original,
      recovered: partner,
      meanSquaredError: costs[original * count + partner] ?? Number.NaN,
      psnr: peakSignalToNoiseRatio(a, b),
      ssim: height >= 11 && width >= 11 ? structuralSimilarity(a, b) : Number.NaN,
    };
  });
}
