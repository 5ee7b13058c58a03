import { inverseIncompleteBeta } from "../special/incomplete-beta.ts";
import { normalQuantile } from "../special/normal.ts";
import { checkLevel, type Interval } from "./sample.ts";

/**
 * Wilson's score interval for a proportion, of which `successes` among `trials` are seen: its coverage is near the level on
 * average.
 *
 * @param options.level the confidence, default 0.95
 * @throws RangeError when the counts are not whole numbers with 0 <= successes <= trials and trials above 0
 * @see Wilson, Journal of the American Statistical Association 22 (1927) 209; Brown, Cai and DasGupta (2001)
 */
export function wilsonInterval(
  successes: number,
  trials: number,
  { level = 0.95 }: { readonly level?: number } = {},
): Interval {
  checkCounts(successes, trials, "wilsonInterval");
  checkLevel(level, "wilsonInterval");
  const z = -normalQuantile((1 - level) / 2);
  const p = successes / trials;
  const square = (z * z) / trials;
  const centre = (p + square / 2) / (1 + square);
  const reach = ((z / Math.sqrt(trials)) * Math.sqrt(p * (1 - p) + square / 4)) / (1 + square);
  return {
    low: successes === 0 ? 0 : Math.max(0, centre - reach),
    high: successes === trials ? 1 : Math.min(1, centre + reach),
  };
}

/**
 * The interval of Clopper and Pearson for a proportion: its coverage is never below the level.
 *
 * @param options.level the confidence, default 0.95
 * @throws RangeError as {@link wilsonInterval}
 * @see Clopper and Pearson, Biometrika 26 (1934) 404
 */
export function clopperPearsonInterval(
  successes: number,
  trials: number,
  { level = 0.95 }: { readonly level?: number } = {},
): Interval {
  checkCounts(successes, trials, "clopperPearsonInterval");
  checkLevel(level, "clopperPearsonInterval");
  const tail = (1 - level) / 2;
  const failures = trials - successes;
  return {
    low: successes === 0 ? 0 : inverseIncompleteBeta(successes, failures + 1, tail),
    high: failures === 0 ? 1 : inverseIncompleteBeta(successes + 1, failures, 1 - tail),
  };
}

function checkCounts(successes: number, trials: number, call: string): void {
  if (!Number.isSafeInteger(trials) || trials < 1)
    throw new RangeError(`${call}: ${trials} is not a number of trials from 1 up`);
  if (!Number.isSafeInteger(successes) || successes < 0 || successes > trials)
    throw new RangeError(`${call}: ${successes} is not a number of successes from 0 to ${trials}`);
}
