// How alike two images are, and how rough one is.
import type { NDArray } from "../../engine/ndarray.ts";
import { formatShape, sameShape, sizeOf } from "../../engine/shape.ts";

/** Pixels of shape [..., height, width]; the leading axes are channels and images of a batch. */
export type Image = NDArray<"float32" | "float64">;

/**
 * The mean of the squared pixel differences.
 *
 * @throws RangeError when the shapes differ or a pixel is not finite
 */
export function meanSquaredError(a: Image, b: Image): number {
  checkPair("meanSquaredError", a, b);
  let sum = 0;
  for (let i = 0; i < a.data.length; i++) sum += ((a.data[i] ?? 0) - (b.data[i] ?? 0)) ** 2;
  return sum / a.data.length;
}

/**
 * The peak signal-to-noise ratio 10 log10(range^2 / MSE) in decibels; Infinity for equal images.
 *
 * @param options.range the difference of the largest and the smallest pixel value possible. Default 1
 * @throws RangeError when the shapes differ, a pixel is not finite, or the range is not positive
 */
export function peakSignalToNoiseRatio(
  a: Image,
  b: Image,
  options: { readonly range?: number } = {},
): number {
  const range = checkedRange("peakSignalToNoiseRatio", options.range);
  return 10 * Math.log10(range ** 2 / meanSquaredError(a, b));
}

/**
 * The structural similarity index (Z. Wang, A. C. Bovik, H. R. Sheikh, E. P. Simoncelli, "Image Quality
 * Assessment", 2004, with their K1 = 0.01 and K2 = 0.03): its mean over all windows that lie wholly inside, over
 * every channel and image.
 *
 * @param options.window `gaussian` weighs 11 x 11 pixels with sigma 1.5, as the paper and most reports do (the
 *   default); `uniform` weighs 7 x 7 pixels equally, as scikit-image does by default, here with population covariances
 * @param options.range the difference of the largest and the smallest pixel value possible. Default 1
 * @returns at most 1, which is reached by equal images only
 * @throws RangeError when the shapes differ, an axis is shorter than the window, a pixel is not finite, or the range is not positive
 */
export function structuralSimilarity(
  a: Image,
  b: Image,
  options: { readonly window?: "gaussian" | "uniform"; readonly range?: number } = {},
): number {
  const { window = "gaussian" } = options;
  const range = checkedRange("structuralSimilarity", options.range);
  checkPair("structuralSimilarity", a, b);
  const weights = window === "gaussian" ? gaussianWeights(11, 1.5) : new Float64Array(7).fill(1 / 7);
  const { planes, height, width } = planesOf("structuralSimilarity", a);
  if (height < weights.length || width < weights.length)
    throw new RangeError(
      `structuralSimilarity: the ${window} window needs ${weights.length} x ${weights.length} pixels, the images have ${height} x ${width}`,
    );
  const c1 = (0.01 * range) ** 2;
  const c2 = (0.03 * range) ** 2;
  const area = height * width;
  let sum = 0;
  let count = 0;
  for (let plane = 0; plane < planes; plane++) {
    const x = Float64Array.from(a.data.subarray(plane * area, (plane + 1) * area));
    const y = Float64Array.from(b.data.subarray(plane * area, (plane + 1) * area));
    const average = (values: Float64Array): Float64Array => windowMeans(values, height, width, weights);
    const product = (p: Float64Array, q: Float64Array): Float64Array =>
      p.map((value, i) => value * (q[i] ?? 0));
    const [meanX, meanY] = [average(x), average(y)];
    const [squareX, squareY, cross] = [
      average(product(x, x)),
      average(product(y, y)),
      average(product(x, y)),
    ];
    for (let i = 0; i < meanX.length; i++) {
      const mx = meanX[i] ?? 0;
      const my = meanY[i] ?? 0;
      const varianceX = (squareX[i] ?? 0) - mx * mx;
      const varianceY = (squareY[i] ?? 0) - my * my;
      const covariance = (cross[i] ?? 0) - mx * my;
      sum +=
        ((2 * mx * my + c1) * (2 * covariance + c2)) /
        ((mx * mx + my * my + c1) * (varianceX + varianceY + c2));
    }
    count += meanX.length;
  }
  return sum / count;
}

/**
 * The anisotropic total variation: the mean absolute difference of vertical neighbours plus that of horizontal
 * ones (J. Geiping et al., "Inverting Gradients", 2020).
 *
 * @throws RangeError when the image has fewer than two axes or two pixels along one, or a pixel is not finite
 */
export function totalVariation(image: Image): number {
  const { down, across, planes, height, width } = variationOf("totalVariation", image);
  const { data } = image;
  let sum = 0;
  for (let row = 0; row < planes * height; row++) {
    const hasBelow = (row + 1) % height !== 0;
    for (let column = 0; column < width; column++) {
      const at = row * width + column;
      const pixel = data[at] ?? 0;
      if (hasBelow) sum += down * Math.abs((data[at + width] ?? 0) - pixel);
      if (column + 1 < width) sum += across * Math.abs((data[at + 1] ?? 0) - pixel);
    }
  }
  return sum;
}

/**
 * The derivative of {@link totalVariation} by each pixel; 0 is taken where two neighbours are equal.
 *
 * @returns float64, the image's shape
 * @throws RangeError as {@link totalVariation}
 */
export function totalVariationGradient(image: Image): NDArray<"float64"> {
  const { down, across, planes, height, width } = variationOf("totalVariationGradient", image);
  const { data } = image;
  const gradient = new Float64Array(data.length);
  const addPair = (at: number, neighbour: number, weight: number): void => {
    const slope = weight * Math.sign((data[neighbour] ?? 0) - (data[at] ?? 0));
    gradient[neighbour] = (gradient[neighbour] ?? 0) + slope;
    gradient[at] = (gradient[at] ?? 0) - slope;
  };
  for (let row = 0; row < planes * height; row++) {
    const hasBelow = (row + 1) % height !== 0;
    for (let column = 0; column < width; column++) {
      const at = row * width + column;
      if (hasBelow) addPair(at, at + width, down);
      if (column + 1 < width) addPair(at, at + 1, across);
    }
  }
  return { dtype: "float64", shape: image.shape, data: gradient };
}

/** The image with every pixel held to [low, high]; the default is [0, 1]. */
export function clipped(image: Image, limits: { readonly low?: number; readonly high?: number } = {}): Image {
  const { low = 0, high = 1 } = limits;
  return { ...image, data: image.data.map((pixel) => Math.min(high, Math.max(low, pixel))) };
}

function gaussianWeights(size: number, sigma: number): Float64Array {
  const middle = (size - 1) / 2;
  const weights = Float64Array.from({ length: size }, (_, i) =>
    Math.exp(-((i - middle) ** 2) / (2 * sigma ** 2)),
  );
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

/** The weighted mean over every window inside one plane; the window's weights are a product of two rows. */
function windowMeans(
  plane: Float64Array,
  height: number,
  width: number,
  weights: Float64Array,
): Float64Array {
  const size = weights.length;
  const outWidth = width - size + 1;
  const outHeight = height - size + 1;
  const rows = new Float64Array(height * outWidth);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < outWidth; x++) {
      let sum = 0;
      for (let k = 0; k < size; k++) sum += (weights[k] ?? 0) * (plane[y * width + x + k] ?? 0);
      rows[y * outWidth + x] = sum;
    }
  const out = new Float64Array(outHeight * outWidth);
  for (let y = 0; y < outHeight; y++)
    for (let x = 0; x < outWidth; x++) {
      let sum = 0;
      for (let k = 0; k < size; k++) sum += (weights[k] ?? 0) * (rows[(y + k) * outWidth + x] ?? 0);
      out[y * outWidth + x] = sum;
    }
  return out;
}

function variationOf(metric: string, image: Image) {
  checkFinite(metric, image);
  const { planes, height, width } = planesOf(metric, image);
  if (height < 2 || width < 2)
    throw new RangeError(
      `${metric}: an image of at least 2 x 2 pixels is needed, got ${formatShape(image.shape)}`,
    );
  const down = 1 / (planes * (height - 1) * width);
  const across = 1 / (planes * height * (width - 1));
  return { down, across, planes, height, width };
}

function planesOf(metric: string, { shape }: Image): { planes: number; height: number; width: number } {
  const [height, width] = shape.slice(-2);
  if (height === undefined || width === undefined)
    throw new RangeError(
      `${metric}: an image of shape [..., height, width] is needed, got ${formatShape(shape)}`,
    );
  return { planes: sizeOf(shape.slice(0, -2)), height, width };
}

function checkPair(metric: string, a: Image, b: Image): void {
  if (!sameShape(a.shape, b.shape))
    throw new RangeError(
      `${metric}: images of shapes ${formatShape(a.shape)} and ${formatShape(b.shape)} differ`,
    );
  checkFinite(metric, a);
  checkFinite(metric, b);
}

function checkFinite(metric: string, image: Image): void {
  if (image.data.length === 0) throw new RangeError(`${metric}: the image has no pixels`);
  const bad = image.data.findIndex((pixel: number) => !Number.isFinite(pixel));
  if (bad >= 0) throw new RangeError(`${metric}: the image holds ${image.data[bad]} at element ${bad}`);
}

function checkedRange(metric: string, range = 1): number {
  if (!(range > 0 && range < Infinity))
    throw new RangeError(`${metric}: range ${range} is not a positive number`);
  return range;
}
