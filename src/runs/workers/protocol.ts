/** What a worker process and its parent say to each other. */

/** One task's work: the default export of a work module. */
export type Work<Task, Result, Common = undefined> = (
  task: Task,
  context: WorkContext<Common>,
) => Promise<Result>;

export interface WorkContext<Common = undefined> {
  /** What all tasks need, as given to `mapTasks`. */
  readonly common: Common;
  /** Aborted when the results are no longer wanted. In a worker process never: the process is ended instead. */
  readonly signal: AbortSignal;
  /** Tells the parent how far the task is; any value that the structured clone algorithm takes. */
  report(progress: unknown): void;
}

/** From the parent: do this one. */
export interface Assignment {
  readonly place: number;
  readonly task: unknown;
  /** What all tasks need; with the worker's first task. */
  readonly common?: unknown;
}

/** From the worker. */
export type Message =
  | { readonly kind: "ready" }
  | { readonly kind: "progress"; readonly place: number; readonly progress: unknown }
  | { readonly kind: "done"; readonly place: number; readonly result: unknown }
  | { readonly kind: "failed"; readonly place: number; readonly error: TransportedError };

/** An error as it crosses the border between processes. */
export interface TransportedError {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
}
