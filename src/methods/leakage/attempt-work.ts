/** One attempt of an attack, in whichever process it is done: see attempts.ts. */
import type { Work } from "../../runs/workers/protocol.ts";
import { type AttemptResult, runAttempt } from "./attempt.ts";
import type { AttemptTask } from "./attempts.ts";
import { loadMatching } from "./gradient-matching.ts";

const work: Work<AttemptTask, AttemptResult> = async (task, { signal, report }) => {
  const { graph, start, settings, isWatched } = task;
  const matching = await loadMatching(graph);
  try {
    return await runAttempt(matching.objective, start, settings, {
      signal,
      ...(isWatched && { onStep: report }),
    });
  } finally {
    await matching.dispose();
  }
};

export default work;
