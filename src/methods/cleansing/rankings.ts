/** The orders in which rows may be looked at: the influence of this method, and what it has to be better than. */

/**
 * - `influence`: the predicted change of the validation loss, most harmful first;
 * - `last-epoch`: the same, gone back through the last epoch only;
 * - `tracin`: without curvature, at the ends of epochs (TracInCP);
 * - `koh-liang`: influence at the last parameters, as if they were an optimum;
 * - `loss`: the row's own loss, largest first;
 * - `random`: the control.
 */
export const rankingNames = ["influence", "last-epoch", "tracin", "koh-liang", "loss", "random"] as const;

export type RankingName = (typeof rankingNames)[number];

/** Rows from the most harmful on: those of the lowest scores, ties in the order of the rows. */
export function mostHarmful(scores: ArrayLike<number>, count = scores.length): number[] {
  const rows = Array.from({ length: scores.length }, (_, row) => row);
  return rows.sort((a, b) => (scores[a] ?? 0) - (scores[b] ?? 0) || a - b).slice(0, count);
}
