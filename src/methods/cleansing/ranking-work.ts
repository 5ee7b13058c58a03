/** One training with its record and the rankings of its rows, in whichever process it is done: see removal-curve.ts. */
import { type RandomStreamState, resumeRandomStream } from "../../numeric/random.ts";
import type { Work } from "../../runs/workers/protocol.ts";
import { replay } from "../../training/replay.ts";
import { mostHarmful, type RankingName } from "./rankings.ts";
import type { CurveCommon } from "./removal-curve.ts";
import { scoreRows } from "./score-rows.ts";
import { type TestResult, testResult } from "./test-result.ts";
import { trainingOptions, trainRecorded } from "./training-setup.ts";

export interface RankingTask {
  /** Draws the initial parameters and the batches. */
  readonly stream: RandomStreamState;
  /** Draws the random ranking. */
  readonly choice: RandomStreamState;
  readonly rankings: readonly RankingName[];
  /** How many rows of each ranking are wanted. */
  readonly most: number;
}

export interface RankingOutcome {
  /** For each ranking its rows, to be deleted in this order. */
  readonly orders: readonly (readonly number[])[];
  readonly test: TestResult;
}

const work: Work<RankingTask, RankingOutcome, CurveCommon | undefined> = async (task, { common, signal }) => {
  if (common === undefined) throw new TypeError("ranking-work: the trainings share no data");
  const { setup, parts } = common;
  const stream = resumeRandomStream(task.stream);
  const options = await trainingOptions(setup, parts.train, { stream, signal });
  const { record } = await trainRecorded(options, { states: "sqrt" });
  try {
    const orders: number[][] = [];
    for (const ranking of task.rankings) {
      const scores = await scoreRows(ranking, {
        record,
        validation: parts.validation,
        stream: resumeRandomStream(task.choice),
        rowPenalty: setup.rowPenalty,
        signal,
      });
      orders.push(mostHarmful(scores, task.most));
    }
    const { parameters } = await replay(record, record.lastStep);
    return { orders, test: await testResult(record, parameters, parts.test) };
  } finally {
    await record.dispose();
  }
};

export default work;
