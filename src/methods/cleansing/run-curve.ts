/** The command `cleansing curve`: the removal curve on the user's data. */
import { InputError } from "../../data/input-error.ts";
import type { CommandResult } from "../../runs/method.ts";
import type { Run } from "../../runs/run.ts";
import { keptResults } from "../../runs/workers/kept-results.ts";
import type { CurveParameters } from "./curve-command.ts";
import { reportCurve } from "./curve-report.ts";
import { openNetwork } from "./network.ts";
import { dataRequest } from "./opened-training.ts";
import { prepareData } from "./prepared-data.ts";
import type { RankingOutcome } from "./ranking-work.ts";
import type { RankingName } from "./rankings.ts";
import { removalCurve } from "./removal-curve.ts";
import type { TestResult } from "./test-result.ts";
import { setupOf } from "./training-setup.ts";

/** @throws InputError when the data, the network or an option do not fit, before anything is trained */
export async function runCurve(parameters: CurveParameters, run: Run): Promise<CommandResult> {
  const { signal, threads } = run;
  const [splitting, training] = run.rng.spawn(2);
  if (splitting === undefined || training === undefined) throw new Error("spawn(2) gives two streams");
  const prepared = await prepareData(dataRequest(parameters, { stream: splitting, signal }));
  const setup = setupOf(parameters, prepared);
  const network = await openNetwork(setup, setup);
  for (const notice of [...prepared.notices, ...network.notices]) run.note(`${notice}.`);
  const { train, validation, test } = prepared.parts;
  const remove = [...new Set(parameters.remove)].sort((a, b) => a - b);
  const most = remove.at(-1) ?? 0;
  if (train.rows.length - most < setup.batch)
    throw new InputError(
      `--remove ${most}: of the ${train.rows.length} rows to train on fewer than a batch of ${setup.batch} would be left; expected at most ${train.rows.length - setup.batch}`,
    );
  if (parameters.retrain === "last-epoch" && parameters.rounds > 1)
    throw new InputError(
      `--rounds ${parameters.rounds}: rows are ranked again by trainings from the beginning; expected 1 with --retrain last-epoch`,
    );
  const rankings: readonly RankingName[] = [
    ...new Set<RankingName>(["influence", "random", ...parameters.against]),
  ];
  const kept = keptResults<{ rankings: RankingOutcome; trainings: TestResult }>(run);
  const curve = await removalCurve({
    setup,
    parts: { train: train.examples, validation: validation.examples, test: test.examples },
    rankings,
    remove,
    repeats: parameters.repeats,
    rounds: parameters.rounds,
    retrain: parameters.retrain,
    stream: training,
    threads,
    signal,
    kept: { rankings: kept.of("rankings"), trainings: kept.of("trainings") },
    onProgress: (done, total) => run.progress(done, total, "trainings"),
  });
  return reportCurve(run, { prepared, network, curve, rounds: parameters.rounds });
}
