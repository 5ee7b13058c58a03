/** The command `cleansing rank`: data in, one training, every row's influence, and the proof of some of it. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { formatBytes } from "../../runs/format.ts";
import type { CommandResult } from "../../runs/method.ts";
import type { Run } from "../../runs/run.ts";
import { keptResults } from "../../runs/workers/kept-results.ts";
import { displacements } from "../../training/record-tangent.ts";
import { replay } from "../../training/replay.ts";
import { rowFunctions } from "../../training/row-functions.ts";
import { sumOf } from "../../training/trees.ts";
import { meanLosses } from "./effects-work.ts";
import { linearInfluence } from "./influence.ts";
import { openTraining } from "./opened-training.ts";
import { lossQuery } from "./query.ts";
import type { RankParameters } from "./rank-command.ts";
import { type RankOutcome, reportRank } from "./rank-report.ts";
import { mostHarmful } from "./rankings.ts";
import { memoryBytes } from "./record-states.ts";
import { testResult } from "./test-result.ts";
import { recordBytes, trainRecorded } from "./training-setup.ts";
import { rowsToVerify, verify } from "./verification.ts";

/** @throws InputError when the data, the network or an option do not fit, before anything is trained */
export async function runRank(parameters: RankParameters, run: Run): Promise<CommandResult> {
  const { signal, threads } = run;
  const opened = await openTraining(parameters, run.rng, run);
  const { prepared, network, judged, setup, options, start } = opened;
  const { states, lastEpochs } = opened.record;
  const { train, test } = prepared.parts;
  const [choosing, ordering] = run.rng.spawn(2);
  if (choosing === undefined || ordering === undefined) throw new Error("spawn(2) gives two streams");
  const bytes = recordBytes(options, states);
  const isOnDisk = bytes > memoryBytes;
  if (bytes > 2 ** 26)
    run.note(
      `The record of the training takes ${formatBytes(bytes)} ${isOnDisk ? "in the run's folder" : "of memory"} (--record).`,
    );
  const folder = isOnDisk ? join(run.folder, "record") : undefined;
  // What an interrupted run left is made again.
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  const kept = keptResults<{ effects: readonly number[] }>(run);
  const { record, losses: trainingLosses } = await trainRecorded(options, {
    states,
    folder,
  });
  try {
    for (const [step, loss] of trainingLosses.entries()) run.metric("training-loss", step, loss);
    const { parameters: end } = await replay(record, record.lastStep);
    const query = await lossQuery(record, judged.examples, { signal });
    const [influence] = await linearInfluence(record, [query], {
      lastEpochs,
      signal,
      onProgress: (done, total) => run.progress(done, total, "influence of every row"),
    });
    if (influence === undefined) throw new Error("one query has one influence");
    const { scores, byEpoch, growth } = influence;
    const functions = rowFunctions(record);
    const own = await functions.losses(end);
    await functions.dispose();
    const [usualLoss = Number.NaN] = await meanLosses(record, [end], judged.examples);

    const top = mostHarmful(scores, parameters.top);
    const { harmful, random } = rowsToVerify(scores, parameters.verify, choosing);
    const verified = [...harmful, ...random];
    const refinedRows = parameters.refine ? [...new Set([...top, ...verified])] : [];
    const moved = await displacements(record, refinedRows, {
      correction: "acc",
      signal,
      onProgress: (done, total) => run.progress(done, total, "corrected predictions"),
    });
    const movedLosses = await meanLosses(
      record,
      moved.map((vector) => sumOf(end, vector)),
      judged.examples,
    );
    const refined = new Map(movedLosses.map((loss, i) => [refinedRows[i] ?? 0, loss - usualLoss]));
    const { effects, orderNoise } = await verify({
      common: { setup, train: train.examples, judged: judged.examples, stream: start },
      usualLoss,
      rows: verified,
      orders: parameters.orders > 1 ? ordering.spawn(parameters.orders) : [],
      threads,
      signal,
      kept: kept.of("effects"),
      onProgress: (done, total) => run.progress(done, total, "retraining without rows"),
    });
    const outcome: RankOutcome = {
      prepared,
      network,
      judged,
      usualLoss,
      test: await testResult(record, end, test.examples),
      scores,
      byEpoch,
      growth,
      losses: own.losses,
      top,
      harmful,
      random,
      refined,
      retrained: new Map(verified.map((row, i) => [row, effects[i] ?? Number.NaN])),
      orderNoise,
      lastEpochs,
    };
    return await reportRank(run, outcome);
  } finally {
    await record.dispose();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  }
}
