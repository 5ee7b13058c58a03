import { checkSample } from "./sample.ts";

/**
 * How a quantile is read between two order statistics, by NumPy's names, with the numbers of Hyndman and Fan (1996):
 * 1 inverted_cdf, 5 hazen, 6 weibull, 7 linear, 8 median_unbiased, 9 normal_unbiased.
 */
export type QuantileMethod =
  | "inverted_cdf"
  | "hazen"
  | "weibull"
  | "linear"
  | "median_unbiased"
  | "normal_unbiased";

/** The fractional rank (from 0) of probability p among n values is p (n + 1 - a - b) + a - 1. */
const plottingPositions = {
  hazen: [0.5, 0.5],
  weibull: [0, 0],
  linear: [1, 1],
  median_unbiased: [1 / 3, 1 / 3],
  normal_unbiased: [3 / 8, 3 / 8],
} as const;

/**
 * The quantiles of a sample at several probabilities, as `numpy.quantile`.
 *
 * @param method default "linear", NumPy's
 * @throws RangeError when the sample is empty or not finite, or a probability is not in [0, 1]
 * @see Hyndman and Fan, The American Statistician 50 (1996) 361
 */
export function quantiles(
  values: ArrayLike<number>,
  probabilities: readonly number[],
  { method = "linear" }: { readonly method?: QuantileMethod } = {},
): number[] {
  checkSample(values, 1, "quantiles");
  const sorted = Float64Array.from(values).sort();
  return probabilities.map((p) => quantileOfSorted(sorted, p, method));
}

/** The quantile at one probability: see {@link quantiles}. */
export function quantile(
  values: ArrayLike<number>,
  probability: number,
  options: { readonly method?: QuantileMethod } = {},
): number {
  return quantiles(values, [probability], options)[0] as number;
}

/** The middle value, or the mean of the middle two. */
export function median(values: ArrayLike<number>): number {
  return quantile(values, 0.5);
}

function quantileOfSorted(sorted: Float64Array, p: number, method: QuantileMethod): number {
  if (!(p >= 0 && p <= 1)) throw new RangeError(`quantiles: probability ${p} is not in [0, 1]`);
  const n = sorted.length;
  if (method === "inverted_cdf") return sorted[Math.max(0, Math.ceil(p * n) - 1)] as number;
  const [a, b] = plottingPositions[method];
  const rank = Math.min(n - 1, Math.max(0, p * (n + 1 - a - b) + a - 1));
  const below = Math.floor(rank);
  const low = sorted[below] as number;
  const high = sorted[Math.min(n - 1, below + 1)] as number;
  return low + (high - low) * (rank - below);
}
