import { incompleteBeta, studentDistribution, studentQuantile } from "../special/incomplete-beta.ts";
import { normalDistribution } from "../special/normal.ts";
import { momentsOf, standardErrorOf } from "./moments.ts";
import { rank } from "./ranks.ts";
import { checkLevel, checkPairs, type Interval } from "./sample.ts";

/** The mean of the differences a - b, and Student's test of whether it is 0. */
export interface PairedTTest extends Interval {
  readonly difference: number;
  readonly t: number;
  readonly degrees: number;
  /** Two-sided. */
  readonly pValue: number;
}

/**
 * The paired t test; exact for normal differences. `low` and `high` hold the mean difference with confidence `level`.
 *
 * @throws RangeError when there are fewer than two pairs, one is not finite, all differences are equal, or the level is not
 *   between 0 and 1
 */
export function pairedTTest(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  { level = 0.95 }: { readonly level?: number } = {},
): PairedTTest {
  checkPairs(a, b, 2, "pairedTTest");
  checkLevel(level, "pairedTTest");
  const moments = momentsOf(differences(a, b));
  const error = standardErrorOf(moments);
  if (error === 0)
    throw new RangeError(`pairedTTest: all differences are ${moments.mean}, so that they have no spread`);
  const degrees = moments.count - 1;
  const t = moments.mean / error;
  const reach = -studentQuantile((1 - level) / 2, degrees) * error;
  return {
    difference: moments.mean,
    t,
    degrees,
    pValue: 2 * studentDistribution(-Math.abs(t), degrees),
    low: moments.mean - reach,
    high: moments.mean + reach,
  };
}

/** Wilcoxon's test of whether the differences a - b lie symmetrically about 0. */
export interface SignedRankTest {
  /** The sum of the ranks of the positive differences, and of the negative ones. */
  readonly positive: number;
  readonly negative: number;
  /** Two-sided. */
  readonly pValue: number;
  /** `"exact"` up to 50 differences without ties, `"normal"` (with continuity correction) elsewhere. */
  readonly method: "exact" | "normal";
}

/**
 * The Wilcoxon signed rank test; differences of 0 are left out, equal ones share their ranks.
 *
 * @throws RangeError when there are no pairs, one is not finite, or all differences are 0
 * @see Wilcoxon, Biometrics Bulletin 1 (1945) 80; Pratt and Gibbons, Concepts of Nonparametric Theory (1981)
 */
export function wilcoxonSignedRank(a: ArrayLike<number>, b: ArrayLike<number>): SignedRankTest {
  checkPairs(a, b, 1, "wilcoxonSignedRank");
  const all = differences(a, b);
  const kept = all.filter((difference) => difference !== 0);
  const n = kept.length;
  if (n === 0) throw new RangeError("wilcoxonSignedRank: all differences are 0");
  const { ranks, tieSizes } = rank(kept.map(Math.abs));
  let positive = 0;
  kept.forEach((difference, i) => {
    if (difference > 0) positive += ranks[i] as number;
  });
  const total = (n * (n + 1)) / 2;
  const negative = total - positive;
  if (n <= 50 && n === all.length && tieSizes.length === 0) {
    const tail = signedRankTail(Math.min(positive, negative), n);
    return { positive, negative, pValue: Math.min(1, 2 * tail), method: "exact" };
  }
  const ties = tieSizes.reduce((sum, size) => sum + size * (size * size - 1), 0);
  const deviation = Math.sqrt((n * (n + 1) * (2 * n + 1) - ties / 2) / 24);
  const distance = Math.max(0, Math.abs(positive - total / 2) - 0.5);
  return {
    positive,
    negative,
    pValue: Math.min(1, 2 * normalDistribution(-distance / deviation)),
    method: "normal",
  };
}

/** P(W <= w) where each rank 1 ... n has a fair coin's sign: the coefficients of the product of (1 + x^k) / 2. */
function signedRankTail(w: number, n: number): number {
  const total = (n * (n + 1)) / 2;
  const probabilities = new Float64Array(total + 1);
  probabilities[0] = 1;
  for (let k = 1, reached = 0; k <= n; k++) {
    reached += k;
    for (let sum = reached; sum >= 0; sum--)
      probabilities[sum] =
        ((probabilities[sum] as number) + (sum >= k ? (probabilities[sum - k] as number) : 0)) / 2;
  }
  return probabilities.subarray(0, w + 1).reduce((sum, value) => sum + value, 0);
}

/** The sign test of whether a > b as often as a < b. */
export interface SignTest {
  readonly positive: number;
  readonly negative: number;
  /** Two-sided, exact. */
  readonly pValue: number;
}

/**
 * The sign test; equal pairs are left out. It assumes nothing of the differences but independence.
 *
 * @throws RangeError when there are no pairs, one is not finite, or all pairs are equal
 */
export function signTest(a: ArrayLike<number>, b: ArrayLike<number>): SignTest {
  checkPairs(a, b, 1, "signTest");
  let positive = 0;
  let negative = 0;
  for (let i = 0; i < a.length; i++) {
    if ((a[i] as number) > (b[i] as number)) positive++;
    else if ((a[i] as number) < (b[i] as number)) negative++;
  }
  if (positive + negative === 0) throw new RangeError("signTest: all pairs are equal");
  const fewer = Math.min(positive, negative);
  const more = Math.max(positive, negative);
  // P(X <= fewer) of a binomial variable is I_(1/2)(more, fewer + 1).
  const tail = incompleteBeta(more, fewer + 1, 0.5).lower;
  return { positive, negative, pValue: Math.min(1, 2 * tail) };
}

function differences(a: ArrayLike<number>, b: ArrayLike<number>): Float64Array {
  return Float64Array.from({ length: a.length }, (_, i) => (a[i] as number) - (b[i] as number));
}
