import type { RandomStream } from "../../numeric/random.ts";
import type { Examples } from "../../training/problem.ts";
import type { TrainingRecord } from "../../training/record.ts";
import { rowCount } from "../../training/row-functions.ts";
import { linearInfluence } from "./influence.ts";
import { kohLiang } from "./koh-liang.ts";
import { lossQuery } from "./query.ts";
import type { RankingName } from "./rankings.ts";
import { ownLosses, randomScores } from "./row-scores.ts";
import { tracin } from "./tracin.ts";

export interface ScoreContext {
  readonly record: TrainingRecord;
  readonly validation: Examples;
  /** For `random`. */
  readonly stream: RandomStream;
  /** The penalty of the rows' losses, a part of the curvature for `koh-liang`. */
  readonly rowPenalty: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The scores of the rows by a ranking; the lowest are those to be deleted first.
 *
 * `koh-liang` is solved as its users in practice do, by a hundred steps of descent with momentum: for a network that is not at
 * an optimum the exact solution is worse, or there is none.
 */
export async function scoreRows(ranking: RankingName, context: ScoreContext): Promise<Float64Array> {
  const { record, validation, stream, rowPenalty: penalty, signal } = context;
  switch (ranking) {
    case "influence":
    case "last-epoch": {
      const query = await lossQuery(record, validation, { signal });
      const lastEpochs = ranking === "last-epoch" ? 1 : undefined;
      const [influence] = await linearInfluence(record, [query], { lastEpochs, signal });
      return influence?.scores ?? new Float64Array();
    }
    case "tracin":
      return tracin(record, validation, { signal });
    case "koh-liang": {
      const query = await lossQuery(record, validation, { signal });
      return kohLiang(record, query, { penalty, solver: "gradient-descent", signal });
    }
    case "loss":
      return (await ownLosses(record, { signal })).map((loss) => -loss);
    case "random":
      return randomScores(rowCount(record), stream);
  }
}
