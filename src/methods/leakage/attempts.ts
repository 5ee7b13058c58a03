import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import {
  type AttemptResult,
  type AttemptSettings,
  type AttemptStep,
  type AttemptWatch,
  runAttempt,
} from "./attempt.ts";
import type { MatchingGraph, MatchingObjective } from "./gradient-matching.ts";

/** Several attempts of one attack, one after the other or at once. */

/** What a worker is started with. */
export interface AttemptTask {
  readonly graph: MatchingGraph;
  readonly start: Float64Array;
  readonly settings: AttemptSettings;
  /** Whether every step is wanted. */
  readonly isWatched: boolean;
  /** One number in shared memory: not 0 when the attempt is to stop. */
  readonly stop: Int32Array;
}

/** What a worker sends: steps, where wanted, then the result. */
export type AttemptMessage = { readonly step: AttemptStep } | { readonly result: AttemptResult };

export interface AttemptsOptions extends Pick<AttemptWatch, "onCheckpoint" | "from"> {
  /** How many run at a time. */
  readonly workers: number;
  readonly onStep?: (attempt: number, step: AttemptStep) => void;
  readonly signal?: AbortSignal;
}

/** Beside this file once it is compiled. From TypeScript sources, which Node 20 cannot load into a worker, there is none. */
const workerFile = new URL("./attempt-worker.js", import.meta.url);

/**
 * Runs attempts from these starts up to the first that matches.
 *
 * @returns the results in the order of the starts; none behind the first that matched
 * @throws the signal's reason when it is aborted
 */
export async function runAttempts(
  matching: MatchingObjective,
  starts: readonly Float64Array[],
  settings: AttemptSettings,
  options: AttemptsOptions,
): Promise<AttemptResult[]> {
  const inWorkers = options.workers > 1 && starts.length > 1 && existsSync(fileURLToPath(workerFile));
  return inWorkers
    ? runInWorkers(matching.graph, starts, settings, options)
    : runInTurn(matching, starts, settings, options);
}

async function runInTurn(
  matching: MatchingObjective,
  starts: readonly Float64Array[],
  settings: AttemptSettings,
  { onStep, signal, onCheckpoint, from }: AttemptsOptions,
): Promise<AttemptResult[]> {
  const results: AttemptResult[] = [];
  for (const [attempt, start] of starts.entries()) {
    const result = await runAttempt(matching.objective, start, settings, {
      ...(signal && { signal }),
      ...(onStep && { onStep: (step) => onStep(attempt, step) }),
      ...(onCheckpoint && { onCheckpoint }),
      ...(from && { from }),
    });
    if (result.status === "aborted") signal?.throwIfAborted();
    results.push(result);
    if (result.status === "matched") break;
  }
  return results;
}

async function runInWorkers(
  graph: MatchingGraph,
  starts: readonly Float64Array[],
  settings: AttemptSettings,
  { workers, onStep, signal }: AttemptsOptions,
): Promise<AttemptResult[]> {
  signal?.throwIfAborted();
  const results: (AttemptResult | undefined)[] = starts.map(() => undefined);
  const running = new Map<number, { readonly stop: Int32Array; readonly exit: Promise<void> }>();
  let next = 0;
  /** The first attempt that matched: those behind it are needless. */
  let last = starts.length - 1;
  const stopBehind = (place: number): void => {
    for (const [attempt, { stop }] of running) if (attempt > place) Atomics.store(stop, 0, 1);
  };
  let abort: (() => void) | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      abort = () => reject(signal?.reason);
      signal?.addEventListener("abort", abort, { once: true });
      let isOver = false;
      const over = (error: unknown): void => {
        isOver = true;
        reject(error);
      };
      const startOne = (): void => {
        if (isOver || signal?.aborted) return;
        if (next > last) {
          if (running.size === 0) resolve();
          return;
        }
        const attempt = next++;
        const stop = new Int32Array(new SharedArrayBuffer(4));
        const start = starts[attempt] ?? new Float64Array();
        const task: AttemptTask = { graph, start, settings, isWatched: onStep !== undefined, stop };
        const worker = new Worker(workerFile, { workerData: task });
        worker.on("message", (message: AttemptMessage) => {
          if ("step" in message) {
            if (attempt <= last) onStep?.(attempt, message.step);
            return;
          }
          if (attempt <= last) results[attempt] = message.result;
          if (message.result.status === "matched" && attempt < last) {
            last = attempt;
            stopBehind(last);
          }
        });
        worker.on("error", over);
        const exit = new Promise<void>((gone) => {
          worker.on("exit", () => {
            running.delete(attempt);
            gone();
            if (attempt <= last && results[attempt] === undefined)
              over(new Error(`recover: the thread of attempt ${attempt} ended without a result`));
            startOne();
          });
        });
        running.set(attempt, { stop, exit });
      };
      for (let i = 0; i < workers; i++) startOne();
    });
  } finally {
    if (abort !== undefined) signal?.removeEventListener("abort", abort);
    // Not `terminate`: to end a thread within a run of ONNX Runtime ends the process.
    stopBehind(-1);
    await Promise.all([...running.values()].map(({ exit }) => exit));
  }
  return results.slice(0, last + 1).filter((result) => result !== undefined);
}
