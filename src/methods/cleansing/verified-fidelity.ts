/** How faithful the predictions of a ranking are, by the rows that were retrained without. */
import type { RandomStream } from "../../numeric/random.ts";
import { type Fidelity, fidelity } from "./fidelity.ts";
import { tauInterval } from "./verification.ts";

export interface VerifiedRanking {
  /** Verified rows: chosen by their score, and drawn from the others. */
  readonly harmful: readonly number[];
  readonly random: readonly number[];
  readonly scores: ArrayLike<number>;
  /** Corrected predictions of some rows. */
  readonly refined: ReadonlyMap<number, number>;
  readonly retrained: ReadonlyMap<number, number>;
  /** For intervals. */
  readonly resampling: RandomStream;
}

/** One prediction among some of the verified rows. */
export interface VerifiedFidelity extends Fidelity {
  readonly prediction: "score" | "corrected";
  /** Rows chosen by their score flatter a rank correlation; those drawn at random do not. */
  readonly among: "drawn at random" | "all verified";
  readonly rows: number;
  /** Of the Jaccard index: so many of the smallest and of the largest. */
  readonly k: number;
  /** The 95 % bootstrap interval of tau, among rows drawn at random. */
  readonly tauLow?: number;
  readonly tauHigh?: number;
}

/** Fewer rows say nothing of an order. */
const fewest = 4;

/** Each prediction among the rows drawn at random, and among all that were verified; none of too few rows. */
export function verifiedFidelities(ranking: VerifiedRanking): VerifiedFidelity[] {
  const { harmful, random, scores, refined, retrained, resampling } = ranking;
  const predictions = [
    { prediction: "score", of: (row: number) => scores[row] },
    { prediction: "corrected", of: (row: number) => refined.get(row) },
  ] as const;
  const groups = [
    { among: "drawn at random", rows: random },
    { among: "all verified", rows: [...harmful, ...random] },
  ] as const;
  return predictions.flatMap(({ prediction, of }) =>
    groups.flatMap(({ among, rows }): VerifiedFidelity[] => {
      const predicted = rows.flatMap((row) => of(row) ?? []);
      if (rows.length < fewest || predicted.length < rows.length) return [];
      const actual = rows.map((row) => retrained.get(row) ?? Number.NaN);
      const k = Math.min(10, Math.floor(rows.length / fewest));
      const interval = among === "drawn at random" ? tauInterval(predicted, actual, resampling) : undefined;
      return [
        {
          ...{ prediction, among, rows: rows.length, k },
          ...fidelity(predicted, actual, { k }),
          ...(interval && { tauLow: interval.low, tauHigh: interval.high }),
        },
      ];
    }),
  );
}
