/** Count, mean and sum of squared deviations from the mean of the values seen so far. */
export interface Moments {
  count: number;
  mean: number;
  /** The sum of (value - mean)^2. */
  squares: number;
}

/** Moments of no values yet, or of the given ones. */
export function momentsOf(values: Iterable<number> = []): Moments {
  const moments = { count: 0, mean: 0, squares: 0 };
  for (const value of values) addValue(moments, value);
  return moments;
}

/**
 * Counts one more value in, without keeping it and without the cancellation of a sum of squares.
 *
 * @throws RangeError when the value is not finite
 * @see Welford, Technometrics 4 (1962) 419
 */
export function addValue(moments: Moments, value: number): void {
  if (!Number.isFinite(value))
    throw new RangeError(`moments: value ${moments.count} is ${value}, not a finite number`);
  moments.count++;
  const distance = value - moments.mean;
  moments.mean += distance / moments.count;
  moments.squares += distance * (value - moments.mean);
}

/**
 * The moments of two sets of values together; neither is changed.
 *
 * @see Chan, Golub and LeVeque, The American Statistician 37 (1983) 242
 */
export function mergeMoments(a: Moments, b: Moments): Moments {
  const count = a.count + b.count;
  if (count === 0) return momentsOf();
  const distance = b.mean - a.mean;
  return {
    count,
    mean: a.mean + (distance * b.count) / count,
    squares: a.squares + b.squares + distance * distance * ((a.count * b.count) / count),
  };
}

/**
 * The unbiased variance, the sum of squares over count - 1.
 *
 * @throws RangeError for fewer than two values
 */
export function varianceOf({ count, squares }: Moments): number {
  if (count < 2) throw new RangeError(`varianceOf: ${count} values have no variance, 2 are needed`);
  return squares / (count - 1);
}

/**
 * The standard error of the mean.
 *
 * @throws RangeError for fewer than two values
 */
export function standardErrorOf(moments: Moments): number {
  return Math.sqrt(varianceOf(moments) / moments.count);
}
