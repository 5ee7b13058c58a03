/** Everything that is asked of one recorded training: every row's influence, and the proof of some of it. */
import type { RandomStream } from "../../numeric/random.ts";
import type { Run } from "../../runs/run.ts";
import type { Examples } from "../../training/problem.ts";
import type { TrainingRecord } from "../../training/record.ts";
import { displacements } from "../../training/record-tangent.ts";
import { replay } from "../../training/replay.ts";
import { areMatrices, sumOf } from "../../training/trees.ts";
import { type GroupEffect, type RowGroup, scoredGroups } from "./groups.ts";
import { linearInfluence } from "./influence.ts";
import type { Judged } from "./judged.ts";
import { meanLosses } from "./mean-losses.ts";
import type { Network } from "./network.ts";
import type { PreparedData } from "./prepared-data.ts";
import { lossQuery } from "./query.ts";
import type { RankOutcome } from "./rank-report.ts";
import { mostHarmful } from "./rankings.ts";
import { ownLosses } from "./row-scores.ts";
import { testResult } from "./test-result.ts";
import { rowsToVerify, type Verification } from "./verification.ts";

export interface RankRequest {
  readonly record: TrainingRecord;
  readonly prepared: PreparedData;
  readonly network: Network;
  readonly judged: Judged;
  readonly test?: Examples | undefined;
  readonly top: number;
  /** How many rows are retrained without. */
  readonly verify: number;
  /** Whether some rows get a corrected prediction; `auto`: where parameters are matrices. */
  readonly refine: "auto" | "yes" | "no";
  readonly lastEpochs?: number | undefined;
  /** Chooses the rows that are verified at random, and resamples them for the interval. */
  readonly stream: RandomStream;
  readonly run: Pick<Run, "signal" | "progress">;
  /** Groups of rows whose scores are added up, too; the outermost are retrained without where rows are verified. */
  readonly groups?: readonly RowGroup[] | undefined;
  /** Retrains without some rows each, given the judged loss of the training with all. */
  verifyRemovals(removals: readonly (readonly number[])[], usualLoss: number): Promise<Verification>;
}

export async function rankRows(request: RankRequest): Promise<RankOutcome> {
  const { record, prepared, network, judged, test, lastEpochs, stream, run, refine } = request;
  const { signal } = run;
  const { parameters: end } = await replay(record, record.lastStep);
  const query = await lossQuery(record, judged.examples, { signal });
  const [influence] = await linearInfluence(record, [query], {
    lastEpochs,
    signal,
    onProgress: (done, total) => run.progress(done, total, "influence of every row"),
  });
  if (influence === undefined) throw new Error("one query has one influence");
  const { scores, byEpoch, growth } = influence;
  const [usualLoss = Number.NaN] = await meanLosses(record, [end], judged.examples);
  const top = mostHarmful(scores, request.top);
  const [choosing, resampling] = stream.spawn(2);
  if (choosing === undefined || resampling === undefined) throw new Error("spawn(2) gives two streams");
  const { harmful, random } = rowsToVerify(scores, request.verify, choosing);
  const verified = [...harmful, ...random];

  const isRefined = refine === "auto" ? areMatrices(end) : refine === "yes";
  const refinedRows = isRefined ? [...new Set([...top, ...verified])] : [];
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
  const groups = scoredGroups(request.groups ?? [], scores);
  const outermost = request.verify === 0 ? [] : [...new Set([...groups.slice(0, 3), ...groups.slice(-2)])];
  const removals = [...verified.map((row) => [row]), ...outermost.map(({ rows }) => rows)];
  const { effects, orderNoise } = await request.verifyRemovals(removals, usualLoss);
  const effectOf = (group: GroupEffect): { retrained?: number } => {
    const retrained = effects[verified.length + outermost.indexOf(group)];
    return outermost.includes(group) && retrained !== undefined ? { retrained } : {};
  };
  return {
    prepared,
    network,
    judged,
    usualLoss,
    test: test && (await testResult(record, end, test)),
    scores,
    byEpoch,
    growth,
    losses: await ownLosses(record, { signal }),
    top,
    harmful,
    random,
    refined: new Map(movedLosses.map((loss, i) => [refinedRows[i] ?? 0, loss - usualLoss])),
    retrained: new Map(verified.map((row, i) => [row, effects[i] ?? Number.NaN])),
    groups: groups.map((group) => ({ ...group, ...effectOf(group) })),
    orderNoise,
    lastEpochs,
    resampling,
  };
}
