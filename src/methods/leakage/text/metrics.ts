/** How much of a text an attack has recovered. */
import { rougeL, rougeN } from "./rouge.ts";

export interface TextMetrics {
  /** Positions whose token is the original one, as a fraction of all. */
  readonly tokenAccuracy: number;
  /** The same after the best permutation of the recovered tokens: 1 when all are there in whatever order. */
  readonly permutedAccuracy: number;
  /** Different original tokens that were found, as a fraction of them. */
  readonly bagRecall: number;
  /** Different recovered tokens that are in the original, as a fraction of them; 1 when there are none. */
  readonly bagPrecision: number;
  /** F1 scores of ROUGE-1, -2 and -L over tokens. */
  readonly rouge1: number;
  readonly rouge2: number;
  readonly rougeL: number;
}

/**
 * Compares recovered tokens with the original ones, position by position and without regard to positions. A position
 * for which nothing was recovered is `undefined`; it counts as wrong.
 *
 * @throws RangeError when there is no original token, or there are not as many positions in both
 */
export function textMetrics(
  original: readonly number[],
  recovered: readonly (number | undefined)[],
): TextMetrics {
  if (original.length === 0) throw new RangeError("textMetrics: there is no original token");
  if (recovered.length !== original.length)
    throw new RangeError(
      `textMetrics: ${recovered.length} recovered positions for ${original.length} original ones`,
    );
  const found = recovered.filter((token) => token !== undefined);
  const correct = original.filter((token, position) => recovered[position] === token).length;
  return {
    tokenAccuracy: correct / original.length,
    // Tokens are equal or not, so the best assignment of positions takes each token as often as both sides have it.
    permutedAccuracy: rougeN(original, found, 1).recall,
    ...bagMetrics(original, found),
    rouge1: rougeN(original, found, 1).f1,
    rouge2: rougeN(original, found, 2).f1,
    rougeL: rougeL(original, found).f1,
  };
}

/** Recall and precision of a set of tokens, however often each occurs. */
export function bagMetrics(
  original: readonly number[],
  found: readonly number[],
): { readonly bagRecall: number; readonly bagPrecision: number } {
  const truth = new Set(original);
  const guess = new Set(found);
  const common = [...guess].filter((token) => truth.has(token)).length;
  return {
    bagRecall: truth.size > 0 ? common / truth.size : 1,
    bagPrecision: guess.size > 0 ? common / guess.size : 1,
  };
}
