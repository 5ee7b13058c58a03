/** The command `cleansing explain`: one training row, looked at from all sides. */

import { InputError } from "../../data/input-error.ts";
import type { NDArray } from "../../engine/ndarray.ts";
import { randomStream } from "../../numeric/random.ts";
import type { CommandResult } from "../../runs/method.ts";
import type { Run } from "../../runs/run.ts";
import { type Examples, examplesAt } from "../../training/problem.ts";
import type { TrainingRecord } from "../../training/record.ts";
import { replay } from "../../training/replay.ts";
import { retrainWithout } from "../../training/retrain.ts";
import { rowFunctions } from "../../training/row-functions.ts";
import type { ExplainParameters } from "./explain-command.ts";
import { type Explanation, reportExplanation } from "./explain-report.ts";
import { linearInfluence } from "./influence.ts";
import { meanLosses } from "./mean-losses.ts";
import { openTraining } from "./opened-training.ts";
import { findRow } from "./prepared-data.ts";
import { lossQuery } from "./query.ts";
import { readRankedRun } from "./ranked-run.ts";
import { trainRecorded } from "./training-setup.ts";

/** @throws InputError when the folder is no ranking, its data are gone, or the row did not train */
export async function runExplain(parameters: ExplainParameters, run: Run): Promise<CommandResult> {
  const ranked = await readRankedRun(parameters.ranking);
  const opened = await openTraining(ranked.parameters, randomStream(ranked.seed), run);
  const { prepared, judged, options } = opened;
  const place = findRow(prepared, parameters.row);
  if (place?.part !== "train")
    throw new InputError(
      `--row ${parameters.row}: ${place === undefined ? "there is no such row among those used" : `the row is one of the ${place.part} rows, which do not train`}; expected one trained on, such as ${prepared.parts.train.rows[0]}`,
    );
  const { index } = place;
  const { train, validation } = prepared.parts;
  const { record } = await trainRecorded(options, { states: "sqrt" });
  try {
    const { parameters: end } = await replay(record, record.lastStep);
    const query = await lossQuery(record, judged.examples, { signal: run.signal });
    const [influence] = await linearInfluence(record, [query], {
      lastEpochs: opened.record.lastEpochs,
      signal: run.signal,
      onProgress: (done, total) => run.progress(done, total, "influence of every row"),
    });
    if (influence === undefined) throw new Error("one query has one influence");
    const [without] = await retrainWithout(record, [[index]], {
      signal: run.signal,
      onProgress: (done, total) => run.progress(done, total, "training without the row"),
    });
    if (without === undefined) throw new Error("one retraining has one end");
    const judges = rowFunctions(record, validation.examples, { signal: run.signal });
    const before = await judges.losses(end);
    const after = await judges.losses(without);
    await judges.dispose();
    const [usualLoss = Number.NaN, lossWithout = Number.NaN] = await meanLosses(
      record,
      [end, without],
      judged.examples,
    );
    const explanation: Explanation = {
      opened,
      index,
      scores: influence.scores,
      byEpoch: influence.byEpoch.map((part) => part[index] ?? 0),
      effect: lossWithout - usualLoss,
      ownLosses: await lossesByEpoch(record, examplesAt(train.examples, [index])),
      moved: after.losses.map((loss, i) => loss - (before.losses[i] ?? 0)),
      distances: distancesTo(train.examples.x, index),
      neighbours: parameters.neighbours,
    };
    return await reportExplanation(run, explanation);
  } finally {
    await record.dispose();
  }
}

/** The loss of one example at the start and at the end of each epoch. */
async function lossesByEpoch(record: TrainingRecord, example: Examples): Promise<number[]> {
  const { firstStep, lastStep, stepsPerEpoch = lastStep - firstStep } = record;
  const functions = rowFunctions(record, example);
  const losses: number[] = [];
  for (let step = firstStep; ; step = Math.min(lastStep, step + stepsPerEpoch)) {
    const { parameters } = await replay(record, step);
    losses.push((await functions.losses(parameters)).losses[0] ?? Number.NaN);
    if (step === lastStep) break;
  }
  await functions.dispose();
  return losses;
}

/** Euclidean, of the features as the network gets them. */
function distancesTo({ data, shape }: NDArray, row: number): Float64Array {
  const rows = shape[0] ?? 0;
  const size = data.length / rows;
  return Float64Array.from({ length: rows }, (_, other) => {
    let sum = 0;
    for (let k = 0; k < size; k++)
      sum += (Number(data[other * size + k]) - Number(data[row * size + k])) ** 2;
    return Math.sqrt(sum);
  });
}
