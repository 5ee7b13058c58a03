/** The command line's process: streams, signals and exit codes. */
import { resolve } from "node:path";
import { CommanderError } from "commander";
import { InputError } from "../data/input-error.ts";
import { describeWriteError } from "../data/whole-file.ts";
import { methods as allMethods } from "../methods/index.ts";
import type { ExecutedRun, ExecuteRequest, RunObservers } from "../runs/execute.ts";
import { toJson } from "../runs/json.ts";
import type { Method } from "../runs/method.ts";
import { packageVersion } from "../runs/versions.ts";
import type { DataRoom, Watch } from "./data-commands.ts";
import { createProgram, type Invocation, type Work } from "./program.ts";
import { createProgressBar, type Terminal } from "./progress-bar.ts";

/** 0 done; 1 a fault of ours; 2 bad input; 130 interrupted. */
export const exitCodes = { done: 0, fault: 1, input: 2, interrupted: 130 } as const;

export interface MainOptions {
  readonly methods?: readonly Method[];
  readonly stdout?: Terminal;
  readonly stderr?: Terminal;
  /** Loads the data room for `fallline data`; ours where nothing is given. */
  readonly data?: () => Promise<DataRoom>;
}

class Interrupted extends Error {
  override readonly name = "Interrupted";
}

/**
 * Does what the arguments ask for.
 *
 * @param args what follows `fallline` on the command line
 * @returns the exit code
 */
export async function main(args: readonly string[], options: MainOptions = {}): Promise<number> {
  const { methods = allMethods, stdout = process.stdout, stderr = process.stderr } = options;
  const { data: load = () => import("../data/commands.ts") } = options;
  watchStdout();
  const program = createProgram(methods, {
    version: packageVersion(),
    write: (text) => stdout.write(text),
    run: (invocation) => runCommand(invocation, stdout, stderr),
    data: { load, watch: (work) => underWatch(stderr, work) },
  });
  try {
    await program.parseAsync(args, { from: "user" });
    return exitCodes.done;
  } catch (error) {
    return explain(error, stderr);
  }
}

async function runCommand(invocation: Invocation, stdout: Terminal, stderr: Terminal): Promise<void> {
  const { method, commandName, work, json, quiet } = invocation;
  const bar = createProgressBar(quiet ? { write: () => {} } : stderr);
  const { signal, release } = abortOnSignals();
  const say = (text: string): void => {
    bar.clear();
    if (!quiet) stderr.write(`${text}\n`);
  };
  const watched = {
    method,
    commandName,
    signal,
    onProgress: bar.update,
    onNote: (text: string) => say(`note: ${text}`),
  };
  try {
    const { folder, record, seconds, result, notes } =
      work.kind === "start" ? await startRun(watched, work) : await resumeRun(watched, work, say);
    bar.clear();
    const { answer, values } = result;
    if (json)
      stdout.write(
        `${toJson({ method: method.name, command: commandName, seed: record.seed, folder, seconds, answer, values, notes })}\n`,
      );
    else stdout.write(`${answer}\nReport: ${folder}/report.html\n`);
  } finally {
    bar.clear();
    release();
  }
}

type Watched = Required<RunObservers> & Pick<ExecuteRequest, "method" | "commandName">;

async function startRun(
  watched: Watched,
  { parameters, options }: Extract<Work, { kind: "start" }>,
): Promise<ExecutedRun> {
  const { executeCommand } = await import("../runs/execute.ts");
  return executeCommand({ ...watched, parameters, options });
}

/** Relative paths among the run's parameters are meant from where it was started, so the process goes there. */
async function resumeRun(
  watched: Watched,
  { folder, threads }: Extract<Work, { kind: "resume" }>,
  onRemark: (text: string) => void,
): Promise<ExecutedRun> {
  const { resumeCommand, workingFolderOf } = await import("../runs/resume.ts");
  const place = await workingFolderOf(folder);
  const absolute = resolve(folder);
  let hasMoved = false;
  if (place !== undefined) {
    try {
      process.chdir(place);
      hasMoved = true;
    } catch {
      onRemark(`the run was begun in ${place}, which is not there; its paths are taken from here`);
    }
  }
  const run = await resumeCommand({ ...watched, folder: hasMoved ? absolute : folder, threads, onRemark });
  return { ...run, folder };
}

/** Work with a progress bar that an interrupt stops. */
async function underWatch<Result>(
  stderr: Terminal,
  work: (watch: Watch) => Promise<Result>,
): Promise<Result> {
  const bar = createProgressBar(stderr);
  const { signal, release } = abortOnSignals();
  try {
    return await work({ signal, onProgress: bar.update });
  } finally {
    bar.clear();
    release();
  }
}

/** The first SIGINT or SIGTERM asks the run to stop; the second ends the process where it stands. */
function abortOnSignals(): { signal: AbortSignal; release: () => void } {
  const controller = new AbortController();
  const stop = (): void => {
    if (controller.signal.aborted) process.exit(exitCodes.interrupted);
    controller.abort(new Interrupted("interrupted"));
  };
  process.on("SIGINT", stop).on("SIGTERM", stop);
  return {
    signal: controller.signal,
    release: () => void process.off("SIGINT", stop).off("SIGTERM", stop),
  };
}

function explain(error: unknown, stderr: Terminal): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0 || error.code === "commander.help") return exitCodes.done;
    stderr.write(`fallline: ${usageMessage(error)}; see --help\n`);
    return exitCodes.input;
  }
  if (error instanceof InputError) {
    stderr.write(`fallline: ${error.message}\n`);
    return exitCodes.input;
  }
  if (error instanceof Interrupted) {
    stderr.write("fallline: interrupted\n");
    return exitCodes.interrupted;
  }
  stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  stderr.write(
    "fallline: this is a bug in fallline, not in your input; please report it with the lines above\n",
  );
  return exitCodes.fault;
}

/** commander's message as one line, in the form of ours. */
function usageMessage({ message }: CommanderError): string {
  return message
    .replace(/^error: /, "")
    .replace(/^option '(--\S+) <(.*)>' argument missing$/, "$1: expected a value ($2), found nothing")
    .replaceAll(/\.?\s*\n\s*/g, " ")
    .replace(/\.$/, "");
}

let watchesStdout = false;

/** `fallline list | head -1` closes our stdout early, which is no error; a full disk is one, and the user's. */
function watchStdout(): void {
  if (watchesStdout) return;
  watchesStdout = true;
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(exitCodes.done);
    const reason = describeWriteError(error) ?? error.message;
    process.stderr.write(
      `fallline: stdout: cannot be written (${reason}); expected a file or a pipe with room\n`,
    );
    process.exit(exitCodes.input);
  });
}
