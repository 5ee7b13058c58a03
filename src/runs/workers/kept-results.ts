import type { Run } from "../run.ts";

/** The results of one list of tasks across interruptions. */
export interface Kept<Result> {
  /** What was finished before, by its place in the list. */
  readonly finished: ReadonlyMap<number, Result>;
  /** To be called with each further result. */
  keep(place: number, result: Result): void;
}

/** The results of several lists of tasks, each under a name. */
export interface KeptResults<Results extends object> {
  of<Name extends keyof Results & string>(name: Name): Kept<Results[Name]>;
}

/** What is kept: pairs of place and result. */
type State<Results> = { [Name in keyof Results]?: [number, Results[Name]][] };

/**
 * Keeps the results of tasks in a run's checkpoints, every few seconds, so that `--resume` does none of them again. To be made
 * once in a run, where it would call `resume`. An error in writing comes out of the next `keep`.
 *
 * @example
 * const kept = keptResults<{ attacks: Attack }>(run).of("attacks");
 * await mapTasks(module, tasks, { threads, finished: kept.finished, onResult: kept.keep });
 */
export function keptResults<Results extends object>(
  run: Pick<Run, "resume" | "checkpoint" | "checkpointDue">,
): KeptResults<Results> {
  const state: State<Results> = run.resume<State<Results>>() ?? {};
  let fault: { readonly error: unknown } | undefined;
  return {
    of<Name extends keyof Results & string>(name: Name): Kept<Results[Name]> {
      const list: [number, Results[Name]][] = state[name] ?? [];
      state[name] = list;
      const finished = new Map(list);
      return {
        finished,
        keep(place, result) {
          if (fault !== undefined) throw fault.error;
          list.push([place, result]);
          if (run.checkpointDue())
            run.checkpoint(state).catch((error: unknown) => {
              fault = { error };
            });
        },
      };
    },
  };
}
