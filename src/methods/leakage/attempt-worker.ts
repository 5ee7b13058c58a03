/** A thread that runs one attempt of an attack; see attempts.ts. */
import { parentPort, workerData } from "node:worker_threads";
import { runAttempt } from "./attempt.ts";
import type { AttemptMessage, AttemptTask } from "./attempts.ts";
import { loadMatching } from "./gradient-matching.ts";

const { graph, start, settings, isWatched, stop } = workerData as AttemptTask;
const send = (message: AttemptMessage): void => parentPort?.postMessage(message);
const controller = new AbortController();
const matching = await loadMatching(graph);
const result = await runAttempt(matching.objective, start, settings, {
  signal: controller.signal,
  onStep: (step) => {
    if (Atomics.load(stop, 0) !== 0) controller.abort();
    if (isWatched) send({ step });
  },
});
await matching.dispose();
send({ result });
