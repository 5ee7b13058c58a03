/** The command `cleansing rank`: data in, one training, every row's influence, and the proof of some of it. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { formatBytes } from "../../data/format-bytes.ts";
import type { CommandResult } from "../../runs/method.ts";
import type { Run } from "../../runs/run.ts";
import { keptResults } from "../../runs/workers/kept-results.ts";
import { groupsBy } from "./groups.ts";
import { openTraining } from "./opened-training.ts";
import type { RankParameters } from "./rank-command.ts";
import { reportRank } from "./rank-report.ts";
import { rankRows } from "./rank-rows.ts";
import { memoryBytes } from "./record-states.ts";
import { recordBytes, trainRecorded } from "./training-setup.ts";
import { verify } from "./verification.ts";

/** @throws InputError when the data, the network or an option do not fit, before anything is trained */
export async function runRank(parameters: RankParameters, run: Run): Promise<CommandResult> {
  const { signal, threads } = run;
  const opened = await openTraining(parameters, run.rng, run);
  const { prepared, network, judged, setup, options, start } = opened;
  const { states, lastEpochs } = opened.record;
  const { train, test } = prepared.parts;
  const [choosing, ordering] = run.rng.spawn(2);
  if (choosing === undefined || ordering === undefined) throw new Error("spawn(2) gives two streams");
  const groups = parameters.groups === undefined ? undefined : groupsBy(parameters.groups, prepared);
  const bytes = recordBytes(options, states);
  const folder = bytes > memoryBytes ? join(run.folder, "record") : undefined;
  if (bytes > memoryBytes / 8 || parameters.record !== "auto")
    run.note(
      `The record of the training takes ${formatBytes(bytes)} ${folder === undefined ? "of memory" : "in the run's folder while it is needed"} (--record).`,
    );
  const kept = keptResults<{ effects: readonly number[] }>(run);
  try {
    // What an interrupted run left is made again.
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
    const { record, losses } = await trainRecorded(options, { states, folder });
    try {
      for (const [step, loss] of losses.entries()) run.metric("training-loss", step, loss);
      const outcome = await rankRows({
        ...{ record, prepared, network, judged, lastEpochs, run, groups },
        ...{ top: parameters.top, verify: parameters.verify, refine: parameters.refine },
        test: test.examples,
        stream: choosing,
        verifyRemovals: (removals, usualLoss) =>
          verify({
            common: { setup, train: train.examples, judged: judged.examples, stream: start },
            usualLoss,
            removals,
            orders: parameters.orders > 1 ? ordering.spawn(parameters.orders) : [],
            threads,
            signal,
            kept: kept.of("effects"),
            onProgress: (done, total) => run.progress(done, total, "retraining without rows"),
          }),
      });
      return await reportRank(run, outcome);
    } finally {
      await record.dispose();
    }
  } finally {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  }
}
