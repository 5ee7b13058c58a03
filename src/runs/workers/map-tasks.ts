import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { InputError } from "../../data/input-error.ts";
import type { Message, TransportedError, Work } from "./protocol.ts";

export interface MapTasksOptions<Result, Common = undefined> {
  /** The most worker processes; 1 does the tasks here, one after another. */
  readonly threads: number;
  readonly signal?: AbortSignal | undefined;
  /** What all tasks need, such as their data: it goes to each process once. */
  readonly common?: Common;
  /** Results that are there already, of a run that goes on, by their place: these tasks are not done again. */
  readonly finished?: ReadonlyMap<number, Result>;
  /** What a task reported of itself, by its place in the list. */
  readonly onProgress?: (place: number, progress: unknown) => void;
  /** A task that is done; tasks end in any order. */
  readonly onResult?: (place: number, result: Result) => void;
  /** Tasks behind the first whose result this accepts are not needed: the results end with it. */
  readonly isEnough?: (result: Result) => boolean;
}

/**
 * Does independent tasks in several processes. The results come in the order of the tasks and do not depend on the number
 * of processes: a task is given all it needs, its random stream's state included.
 *
 * Processes, not threads, because the runtime's binding aborts the whole process when a thread that computes is ended. A
 * module that is not compiled (a test of the source) is run in this process.
 *
 * @param module where the default export is a {@link Work}; results and tasks must survive the structured clone algorithm
 * @throws the first error of a task, after which no further one is begun; the signal's reason when it is aborted
 * @example const results = await mapTasks<Task, Result>(workModule(import.meta.url, "attack-work"), tasks, { threads: 2 });
 */
export async function mapTasks<Task, Result, Common = undefined>(
  module: URL,
  tasks: readonly Task[],
  options: MapTasksOptions<Result, Common>,
): Promise<Result[]> {
  const { finished = new Map<number, Result>(), isEnough = () => false } = options;
  const enough = [...finished].filter(([, result]) => isEnough(result)).map(([place]) => place);
  const needed = tasks.slice(0, Math.min(...enough, tasks.length) + 1);
  const left = needed.filter((_, place) => !finished.has(place)).length;
  const count = Math.min(options.threads, left);
  options.signal?.throwIfAborted();
  return count <= 1 || module.pathname.endsWith(".ts")
    ? here(module, needed, options)
    : inProcesses(module, needed, count, options);
}

/** The address of a work module beside the module that calls, compiled or not as that one is. */
export function workModule(base: string, name: string): URL {
  return new URL(`./${name}${base.endsWith(".ts") ? ".ts" : ".js"}`, base);
}

async function here<Task, Result, Common>(
  module: URL,
  tasks: readonly Task[],
  options: MapTasksOptions<Result, Common>,
): Promise<Result[]> {
  const { signal = new AbortController().signal, finished, onProgress, onResult, isEnough } = options;
  const { default: work } = (await import(module.href)) as {
    default: Work<Task, Result, Common | undefined>;
  };
  const results: Result[] = [];
  for (const [place, task] of tasks.entries()) {
    const report = (progress: unknown): void => onProgress?.(place, progress);
    const isFinished = finished?.has(place) ?? false;
    const result = isFinished
      ? (finished?.get(place) as Result)
      : await work(task, { signal, report, common: options.common });
    signal.throwIfAborted();
    results.push(result);
    if (!isFinished) onResult?.(place, result);
    if (isEnough?.(result)) break;
  }
  return results;
}

function inProcesses<Task, Result, Common>(
  module: URL,
  tasks: readonly Task[],
  count: number,
  { signal, common, finished, onProgress, onResult, isEnough }: MapTasksOptions<Result, Common>,
): Promise<Result[]> {
  const results = new Map(finished);
  /** The workers that are not let go, with the place of the task that each does. */
  const workers = new Map<ChildProcess, number | undefined>();
  let next = 0;
  /** How many tasks are needed: all, or those up to the first that was enough. */
  let needed = tasks.length;
  return new Promise<Result[]>((resolve, reject) => {
    let over = false;
    const end = (settle: () => void): void => {
      if (over) return;
      over = true;
      signal?.removeEventListener("abort", abort);
      // They have nothing to save.
      for (const worker of workers.keys()) worker.kill("SIGKILL");
      settle();
    };
    const abort = (): void => end(() => reject(signal?.reason));
    signal?.addEventListener("abort", abort);

    const assign = (worker: ChildProcess): void => {
      while (results.has(next)) next++;
      if (next < needed) {
        const isFirst = workers.get(worker) === undefined;
        workers.set(worker, next);
        const shared = isFirst && common !== undefined ? { common } : {};
        worker.send({ place: next, task: tasks[next++], ...shared }, () => {});
      } else {
        // A worker without work is let go; its memory may be what the others need.
        workers.delete(worker);
        worker.disconnect();
      }
    };
    const take = (place: number, result: Result): void => {
      results.set(place, result);
      onResult?.(place, result);
      if (!isEnough?.(result)) return;
      needed = Math.min(needed, place + 1);
      for (const [worker, at] of workers)
        if (at !== undefined && at > place) {
          workers.delete(worker);
          worker.kill("SIGKILL");
        }
    };
    const isComplete = (): boolean => {
      for (let place = 0; place < needed; place++) if (!results.has(place)) return false;
      return true;
    };
    const hear = (worker: ChildProcess, message: Message): void => {
      if (over || !workers.has(worker)) return;
      switch (message.kind) {
        case "progress":
          onProgress?.(message.place, message.progress);
          break;
        case "failed":
          end(() => reject(received(message.error)));
          break;
        case "done":
          take(message.place, message.result as Result);
          if (isComplete())
            end(() => resolve(Array.from({ length: needed }, (_, i) => results.get(i) as Result)));
          else assign(worker);
          break;
        case "ready":
          assign(worker);
      }
    };
    const script = fileURLToPath(workModule(import.meta.url, "worker"));
    for (let i = 0; i < count; i++) {
      const worker = fork(script, [module.href], {
        // Typed arrays cross as they are; nothing may reach stdout, which carries the result.
        serialization: "advanced",
        stdio: ["ignore", "ignore", "inherit", "ipc"],
      });
      workers.set(worker, undefined);
      worker.on("message", (message) => {
        try {
          hear(worker, message as Message);
        } catch (error) {
          end(() => reject(error));
        }
      });
      worker.on("error", (error) => end(() => reject(error)));
      worker.on("exit", (code, killedBy) => {
        if (code !== 0 && workers.has(worker))
          end(() => reject(new Error(`a worker process ended by ${killedBy ?? `exit code ${code}`}`)));
      });
    }
  });
}

const errorClasses: Readonly<Record<string, new (message: string) => Error>> = {
  InputError,
  RangeError,
  TypeError,
};

function received({ name, message, stack }: TransportedError): Error {
  const error = new (errorClasses[name] ?? Error)(message);
  if (stack !== undefined) error.stack = stack;
  return error;
}
