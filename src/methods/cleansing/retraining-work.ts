/** One training on the rows that are left, in whichever process it is done: see removal-curve.ts. */
import { type RandomStreamState, resumeRandomStream } from "../../numeric/random.ts";
import type { Work } from "../../runs/workers/protocol.ts";
import { type Examples, examplesAt } from "../../training/problem.ts";
import { replay } from "../../training/replay.ts";
import { retrainWithout } from "../../training/retrain.ts";
import { mostHarmful, type RankingName } from "./rankings.ts";
import type { CurveCommon } from "./removal-curve.ts";
import { scoreRows } from "./score-rows.ts";
import { type TestResult, testResult } from "./test-result.ts";
import { trainingOptions, trainRecorded } from "./training-setup.ts";

export interface RetrainingTask {
  readonly stream: RandomStreamState;
  readonly choice: RandomStreamState;
  readonly ranking: RankingName;
  /** The rows to delete, as ranked by a training on all; of several rounds the first takes its share of them. */
  readonly order: readonly number[];
  readonly rounds: number;
  readonly retrain: "all" | "last-epoch";
}

const work: Work<RetrainingTask, TestResult, CurveCommon | undefined> = async (task, { common, signal }) => {
  if (common === undefined) throw new TypeError("retraining-work: the trainings share no data");
  const { setup, parts } = common;
  const { order, rounds, ranking } = task;
  if (task.retrain === "last-epoch") return lastEpochWithout(task, common, signal);
  const trainWithout = async (removed: ReadonlySet<number>, states: "sqrt" | "none") => {
    const left = leftOf(parts.train, removed);
    const stream = resumeRandomStream(task.stream);
    const options = await trainingOptions(setup, examplesAt(parts.train, left), { stream, signal });
    return { left, ...(await trainRecorded(options, { states })) };
  };
  const removed = new Set(order.slice(0, Math.ceil(order.length / rounds)));
  for (let round = 1; round < rounds; round++) {
    const { left, record } = await trainWithout(removed, "sqrt");
    try {
      const stream = resumeRandomStream(task.choice);
      const context = { record, validation: parts.validation, stream, rowPenalty: setup.rowPenalty, signal };
      const wanted = Math.ceil(((round + 1) * order.length) / rounds) - removed.size;
      for (const place of mostHarmful(await scoreRows(ranking, context), wanted))
        removed.add(left[place] ?? 0);
    } finally {
      await record.dispose();
    }
  }
  const { record } = await trainWithout(removed, "none");
  try {
    const { parameters } = await replay(record, record.lastStep);
    return await testResult(record, parameters, parts.test);
  } finally {
    await record.dispose();
  }
};

export default work;

/** The training with all rows, taken up again at the start of its last epoch without some. */
async function lastEpochWithout(
  { stream, order }: RetrainingTask,
  { setup, parts }: CurveCommon,
  signal: AbortSignal,
): Promise<TestResult> {
  const options = await trainingOptions(setup, parts.train, { stream: resumeRandomStream(stream), signal });
  const { record } = await trainRecorded(options, { states: { lastEpochs: 1 } });
  try {
    const [end] = await retrainWithout(record, [order], { lastEpochs: 1, normalize: "renorm", signal });
    if (end === undefined) throw new Error("one removal has one end");
    return await testResult(record, end, parts.test);
  } finally {
    await record.dispose();
  }
}

function leftOf({ x }: Examples, removed: ReadonlySet<number>): number[] {
  return Array.from({ length: x.shape[0] ?? 0 }, (_, row) => row).filter((row) => !removed.has(row));
}
