/**
 * ROUGE: how much of a reference text a candidate text has.
 *
 * Source: C.-Y. Lin, "ROUGE: A Package for Automatic Evaluation of Summaries", 2004, sections 2 and 3, with one reference,
 * no stemming and no stop words; F1 for equation 1's recall and the precision beside it.
 */

export interface RougeScore {
  /** The part of the candidate that is in the reference, from 0 to 1. */
  readonly precision: number;
  /** The part of the reference that is in the candidate, from 0 to 1. */
  readonly recall: number;
  /** Their harmonic mean. */
  readonly f1: number;
}

/**
 * ROUGE-N: common sequences of n tokens, each counted as often as both texts have it.
 *
 * Texts shorter than n tokens have no such sequence: the score is 0.
 *
 * @throws RangeError when n is not a positive integer
 * @example rougeN(["police", "killed", "the", "gunman"], ["police", "kill", "the", "gunman"], 2).f1 // 1/3
 */
export function rougeN<Token extends string | number>(
  reference: readonly Token[],
  candidate: readonly Token[],
  n: number,
): RougeScore {
  if (!Number.isInteger(n) || n < 1) throw new RangeError(`rougeN: n = ${n} is not a positive integer`);
  const wanted = countGrams(reference, n);
  const found = countGrams(candidate, n);
  let common = 0;
  for (const [gram, count] of found) common += Math.min(count, wanted.get(gram) ?? 0);
  return score(common, reference.length - n + 1, candidate.length - n + 1);
}

/** ROUGE-L: the longest common subsequence, whose tokens are in order but need not be neighbours. */
export function rougeL<Token extends string | number>(
  reference: readonly Token[],
  candidate: readonly Token[],
): RougeScore {
  return score(longestCommonSubsequence(reference, candidate), reference.length, candidate.length);
}

function countGrams(tokens: readonly (string | number)[], n: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (let start = 0; start + n <= tokens.length; start++) {
    const gram = JSON.stringify(tokens.slice(start, start + n));
    counts.set(gram, (counts.get(gram) ?? 0) + 1);
  }
  return counts;
}

/** The length of the longest common subsequence, by dynamic programming over one row at a time. */
export function longestCommonSubsequence<Token>(a: readonly Token[], b: readonly Token[]): number {
  let previous = new Array<number>(b.length + 1).fill(0);
  for (const token of a) {
    const row = [0];
    for (const [j, other] of b.entries())
      row.push(token === other ? (previous[j] ?? 0) + 1 : Math.max(row[j] ?? 0, previous[j + 1] ?? 0));
    previous = row;
  }
  return previous[b.length] ?? 0;
}

function score(common: number, inReference: number, inCandidate: number): RougeScore {
  const recall = inReference > 0 ? common / inReference : 0;
  const precision = inCandidate > 0 ? common / inCandidate : 0;
  // 2 P R / (P + R) with one rounding.
  const f1 = common > 0 ? (2 * common) / (inReference + inCandidate) : 0;
  return { precision, recall, f1 };
}
