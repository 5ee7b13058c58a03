import type { RandomStream } from "../random.ts";
import { normalDistribution, normalQuantile } from "../special/normal.ts";
import { quantiles } from "./quantile.ts";
import { checkLevel, checkSample, type Interval } from "./sample.ts";

export interface BootstrapOptions {
  /** The confidence; default 0.95. */
  readonly level?: number;
  /** Default 9999. */
  readonly resamples?: number;
  /**
   * `"bca"` (default) corrects the percentiles for bias and for a spread that changes with the value; `"percentile"` takes
   * them as they are.
   */
  readonly method?: "bca" | "percentile";
}

export interface BootstrapResult extends Interval {
  /** The statistic of the sample itself. */
  readonly estimate: number;
  /** The standard deviation of the resampled statistics. */
  readonly standardError: number;
}

/**
 * A bootstrap confidence interval for a statistic of a sample.
 *
 * @param statistic of a sample; must not keep or change it
 * @throws RangeError when the sample has fewer than two values or one is not finite, an option is out of its range, or the
 *   statistic of a resample is not finite
 * @throws Error for "bca" when the statistic does not vary, so that there is nothing to correct
 * @see Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapters 13 and 14
 */
export function bootstrap(
  values: ArrayLike<number>,
  statistic: (sample: Float64Array) => number,
  stream: RandomStream,
  options: BootstrapOptions = {},
): BootstrapResult {
  checkSample(values, 2, "bootstrap");
  return bootstrapIndices(
    values.length,
    (indices) => statistic(Float64Array.from(indices, (i) => values[i] as number)),
    stream,
    options,
  );
}

/**
 * {@link bootstrap} for whatever has `size` independent parts (pairs, rows, users): the statistic is given which of them
 * make up a resample.
 *
 * @throws as {@link bootstrap}
 */
export function bootstrapIndices(
  size: number,
  statistic: (indices: Int32Array) => number,
  stream: RandomStream,
  { level = 0.95, resamples = 9999, method = "bca" }: BootstrapOptions = {},
): BootstrapResult {
  checkLevel(level, "bootstrap");
  if (!Number.isSafeInteger(size) || size < 2)
    throw new RangeError(`bootstrap: ${size} parts are not enough, 2 are needed`);
  if (!Number.isSafeInteger(resamples) || resamples < 10)
    throw new RangeError(`bootstrap: ${resamples} is not a number of resamples from 10 up`);
  const finite = (indices: Int32Array, which: string): number => {
    const value = statistic(indices);
    if (!Number.isFinite(value)) throw new RangeError(`bootstrap: the statistic of ${which} is ${value}`);
    return value;
  };
  const all = Int32Array.from({ length: size }, (_, i) => i);
  const estimate = finite(all, "the sample");
  const resampled = Float64Array.from({ length: resamples }, (_, k) =>
    finite(stream.integers(size, 0, size), `resample ${k}`),
  );
  const tail = (1 - level) / 2;
  let probabilities = [tail, 1 - tail];
  if (method === "bca") {
    const withoutEach = Float64Array.from({ length: size }, (_, left) =>
      finite(
        all.filter((i) => i !== left),
        `the sample without part ${left}`,
      ),
    );
    probabilities = corrected(probabilities, estimate, resampled, withoutEach);
  }
  const [low, high] = quantiles(resampled, probabilities) as [number, number];
  const mean = resampled.reduce((sum, value) => sum + value, 0) / resamples;
  const squares = resampled.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { estimate, low, high, standardError: Math.sqrt(squares / (resamples - 1)) };
}

/** Efron and Tibshirani, equations 14.10 to 14.15. */
function corrected(
  probabilities: readonly number[],
  estimate: number,
  resampled: Float64Array,
  withoutEach: Float64Array,
): number[] {
  let below = 0;
  for (const value of resampled) below += value < estimate ? 1 : value === estimate ? 0.5 : 0;
  const bias = normalQuantile(below / resampled.length);
  const mean = withoutEach.reduce((sum, value) => sum + value, 0) / withoutEach.length;
  let squares = 0;
  let cubes = 0;
  for (const value of withoutEach) {
    squares += (mean - value) ** 2;
    cubes += (mean - value) ** 3;
  }
  if (squares === 0 || !Number.isFinite(bias))
    throw new Error('bootstrap: the statistic does not vary enough for "bca"; use method "percentile"');
  const acceleration = cubes / (6 * squares ** 1.5);
  return probabilities.map((p) => {
    const shifted = bias + normalQuantile(p);
    return normalDistribution(bias + shifted / (1 - acceleration * shifted));
  });
}
