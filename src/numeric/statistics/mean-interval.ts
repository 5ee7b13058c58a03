import { studentQuantile } from "../special/incomplete-beta.ts";
import { momentsOf, standardErrorOf } from "./moments.ts";

/** A number with the ends of its confidence interval. */
export interface ConfidenceInterval {
  readonly estimate: number;
  readonly low: number;
  readonly high: number;
}

/**
 * The mean of a sample with Student's interval, exact for normal values.
 *
 * @param level the interval's coverage; default 0.95
 * @throws RangeError for fewer than two values, or a level outside (0, 1)
 */
export function meanInterval(values: readonly number[], { level = 0.95 } = {}): ConfidenceInterval {
  if (values.length < 2) throw new RangeError(`meanInterval: ${values.length} values; expected at least 2`);
  if (!(level > 0 && level < 1)) throw new RangeError(`meanInterval: level ${level} is not between 0 and 1`);
  const moments = momentsOf(values);
  const reach = studentQuantile((1 + level) / 2, values.length - 1) * standardErrorOf(moments);
  return { estimate: moments.mean, low: moments.mean - reach, high: moments.mean + reach };
}
