/** A worker process: does the tasks that its parent sends, one at a time, by the module named in its arguments. */
import type { Assignment, Message, TransportedError, Work } from "./protocol.ts";

const module = process.argv[2];
if (module === undefined || process.send === undefined)
  throw new Error("a worker is started by mapTasks, with a module and a channel to its parent");
const send = (message: Message): void => {
  process.send?.(message);
};

// Ctrl-C reaches every process of the terminal; when to end is the parent's to decide.
process.on("SIGINT", () => {});
process.on("disconnect", () => process.exit());

const { default: work } = (await import(module)) as { default: Work<unknown, unknown, unknown> };
const signal = new AbortController().signal;
let common: unknown;

process.on("message", ({ place, task, common: given }: Assignment) => {
  if (given !== undefined) common = given;
  const report = (progress: unknown): void => send({ kind: "progress", place, progress });
  work(task, { signal, report, common }).then(
    (result) => send({ kind: "done", place, result }),
    (error: unknown) => send({ kind: "failed", place, error: transported(error) }),
  );
});
send({ kind: "ready" });

function transported(error: unknown): TransportedError {
  return error instanceof Error
    ? { name: error.name, message: error.message, stack: error.stack }
    : { name: "Error", message: String(error), stack: undefined };
}
