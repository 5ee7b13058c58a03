import { mapTasks, workModule } from "../../runs/workers/map-tasks.ts";
import type { AttemptResult, AttemptSettings, AttemptStep } from "./attempt.ts";
import type { MatchingGraph } from "./gradient-matching.ts";

/** One attempt of several, as a task. */
export interface AttemptTask {
  readonly graph: MatchingGraph;
  readonly start: Float64Array;
  readonly settings: AttemptSettings;
  /** Whether every step is wanted. */
  readonly isWatched: boolean;
}

export interface AttemptsOptions {
  /** How many run at a time. */
  readonly workers: number;
  readonly onStep?: (attempt: number, step: AttemptStep) => void;
  /** Called with each result as it comes, in any order. */
  readonly onResult?: (attempt: number, result: AttemptResult) => void;
  /** Results of an earlier call under the same settings, by the place of their start: these are not run again. */
  readonly finished?: ReadonlyMap<number, AttemptResult>;
  readonly signal?: AbortSignal;
}

/**
 * Runs attempts from these starts up to the first that matches, in processes of their own.
 *
 * @returns the results in the order of the starts; none behind the first that matched
 * @throws the signal's reason when it is aborted
 */
export function runAttempts(
  graph: MatchingGraph,
  starts: readonly Float64Array[],
  settings: AttemptSettings,
  { workers, onStep, onResult, finished, signal }: AttemptsOptions,
): Promise<AttemptResult[]> {
  const tasks = starts.map((start) => ({ graph, start, settings, isWatched: onStep !== undefined }));
  return mapTasks<AttemptTask, AttemptResult>(workModule(import.meta.url, "attempt-work"), tasks, {
    threads: workers,
    signal,
    isEnough: ({ status }) => status === "matched",
    ...(finished && { finished }),
    ...(onResult && { onResult }),
    ...(onStep && { onProgress: (attempt, step) => onStep(attempt, step as AttemptStep) }),
  });
}
