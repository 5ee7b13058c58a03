/**
 * Does deleting rows help? The test error after deleting the rows that a ranking names and training again, for several
 * rankings and numbers of rows, beside deleting rows at random. The rows are chosen by training and validation data; the
 * test data see neither choice nor training.
 */
import type { RandomStream } from "../../numeric/random.ts";
import { type ConfidenceInterval, meanInterval } from "../../numeric/statistics/mean-interval.ts";
import type { Kept } from "../../runs/workers/kept-results.ts";
import { mapTasks, workModule } from "../../runs/workers/map-tasks.ts";
import type { Examples } from "../../training/problem.ts";
import type { RankingOutcome, RankingTask } from "./ranking-work.ts";
import type { RankingName } from "./rankings.ts";
import type { RetrainingTask } from "./retraining-work.ts";
import type { TestResult } from "./test-result.ts";
import type { TrainingSetup } from "./training-setup.ts";

/** The data of a removal curve; no row is in two parts. */
export interface Parts {
  readonly train: Examples;
  readonly validation: Examples;
  readonly test: Examples;
}

export interface CurveCommon {
  readonly setup: TrainingSetup;
  readonly parts: Parts;
}

export interface RemovalCurveRequest extends CurveCommon {
  readonly rankings: readonly RankingName[];
  /** How many rows are deleted, ascending. */
  readonly remove: readonly number[];
  /** Trainings with seeds of their own; each is compared with that of the same seed that lacks no row. At least 2. */
  readonly repeats: number;
  /** In how many rounds of ranking, deleting and training again the rows are chosen. Default 1. */
  readonly rounds?: number;
  /** Whether trainings without rows start from the beginning, or from the start of the last epoch. Default `all`. */
  readonly retrain?: "all" | "last-epoch";
  readonly stream: RandomStream;
  readonly threads: number;
  readonly signal?: AbortSignal | undefined;
  readonly kept?: { readonly rankings: Kept<RankingOutcome>; readonly trainings: Kept<TestResult> };
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** One ranking and number of rows; intervals are Student's over the repeats, at 95 %. */
export interface CurvePoint {
  readonly ranking: RankingName;
  readonly removed: number;
  readonly results: readonly TestResult[];
  readonly error: ConfidenceInterval;
  readonly loss: ConfidenceInterval;
  /** Less those of the same seeds without a deletion: below 0, deleting helped. */
  readonly errorChange: ConfidenceInterval;
  readonly lossChange: ConfidenceInterval;
  /** Less those of the same seeds with as many rows deleted at random; absent without that control. */
  readonly againstRandom?: { readonly error: ConfidenceInterval; readonly loss: ConfidenceInterval };
}

export interface RemovalCurve {
  /** Without a deletion, one for each repeat. */
  readonly base: readonly TestResult[];
  readonly points: readonly CurvePoint[];
}

/**
 * The removal curve.
 *
 * @throws RangeError when so many rows are to be deleted that none is left for a batch, or there are fewer than 2 repeats
 * @throws DivergenceError when a training diverges
 */
export async function removalCurve(request: RemovalCurveRequest): Promise<RemovalCurve> {
  const {
    setup,
    parts,
    rankings,
    remove,
    repeats,
    rounds = 1,
    retrain = "all",
    threads,
    signal,
    kept,
    onProgress,
  } = request;
  const rows = parts.train.x.shape[0] ?? 0;
  const most = Math.max(...remove);
  if (!Number.isInteger(repeats) || repeats < 2)
    throw new RangeError(`removalCurve: ${repeats} repeats have no spread; expected at least 2`);
  if (rows - most < setup.batch)
    throw new RangeError(
      `removalCurve: ${most} of ${rows} rows deleted leave fewer than a batch of ${setup.batch}`,
    );
  const common: CurveCommon = { setup, parts };
  const shared = { threads, signal, common };
  const [training, choosing] = request.stream.spawn(2);
  if (training === undefined || choosing === undefined) throw new Error("spawn(2) gives two streams");
  const seeds = training.spawn(repeats).map((stream) => stream.state());
  const choices = choosing.spawn(repeats).map((stream) => stream.state());
  const total = repeats + repeats * rankings.length * remove.length;
  let done = (kept?.rankings.finished.size ?? 0) + (kept?.trainings.finished.size ?? 0);
  const onDone = (): void => onProgress?.(++done, total);

  const ranked = await mapTasks<RankingTask, RankingOutcome, CurveCommon>(
    workModule(import.meta.url, "ranking-work"),
    seeds.map((stream, i): RankingTask => ({ stream, choice: choices[i] ?? stream, rankings, most })),
    {
      ...shared,
      ...(kept && { finished: kept.rankings.finished }),
      onResult: (place, result) => {
        kept?.rankings.keep(place, result);
        onDone();
      },
    },
  );
  const settings = rankings.flatMap((ranking, r) => remove.map((removed) => ({ ranking, r, removed })));
  const tasks = settings.flatMap(({ ranking, r, removed }) =>
    seeds.map(
      (stream, i): RetrainingTask => ({
        stream,
        choice: choices[i] ?? stream,
        ranking,
        order: ranked[i]?.orders[r]?.slice(0, removed) ?? [],
        rounds: Math.min(rounds, removed),
        retrain,
      }),
    ),
  );
  const trained = await mapTasks<RetrainingTask, TestResult, CurveCommon>(
    workModule(import.meta.url, "retraining-work"),
    tasks,
    {
      ...shared,
      ...(kept && { finished: kept.trainings.finished }),
      onResult: (place, result) => {
        kept?.trainings.keep(place, result);
        onDone();
      },
    },
  );
  const base = ranked.map(({ test }) => test);
  const resultsOf = (i: number): readonly TestResult[] => trained.slice(i * repeats, (i + 1) * repeats);
  const points = settings.map(({ ranking, removed }, i) => {
    const control = settings.findIndex((each) => each.ranking === "random" && each.removed === removed);
    const results = resultsOf(i);
    return {
      ranking,
      removed,
      results,
      error: meanInterval(results.map(({ error }) => error)),
      loss: meanInterval(results.map(({ loss }) => loss)),
      errorChange: differenceOf(results, base, "error"),
      lossChange: differenceOf(results, base, "loss"),
      ...(control >= 0 &&
        ranking !== "random" && {
          againstRandom: {
            error: differenceOf(results, resultsOf(control), "error"),
            loss: differenceOf(results, resultsOf(control), "loss"),
          },
        }),
    };
  });
  return { base, points };
}

/** Of trainings with the same seeds, one by one. */
function differenceOf(
  results: readonly TestResult[],
  others: readonly TestResult[],
  measure: keyof TestResult,
): ConfidenceInterval {
  return meanInterval(results.map((result, i) => result[measure] - (others[i]?.[measure] ?? Number.NaN)));
}
