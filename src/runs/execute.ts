/** One run from its first record to its report. */
import { utimes } from "node:fs/promises";
import { arch, availableParallelism, cpus, hostname, platform } from "node:os";
import { join } from "node:path";
import { InputError } from "../data/input-error.ts";
import { writeWhole } from "../data/whole-file.ts";
import { removeCheckpoints } from "./checkpoint-files.ts";
import { formatCommandLine } from "./command-line.ts";
import { toJson } from "./json.ts";
import type { Command, CommandResult, Method } from "./method.ts";
import { openMetricLog } from "./metric-log.ts";
import { describeParameters } from "./parameters.ts";
import { processStart } from "./process-life.ts";
import { renderReport } from "./report.ts";
import { createRunWriter, type Progress } from "./run.ts";
import { type Claim, claimFolder, claimFreeFolder } from "./run-folder.ts";
import { defaultThreads, type RunOptions } from "./run-options.ts";
import { heartbeatMilliseconds, type RunRecord, recordName } from "./run-record.ts";
import { runVersions } from "./versions.ts";

/** Those who watch a run and may stop it. */
export interface RunObservers {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
  readonly onNote?: (text: string) => void;
}

export interface ExecuteRequest extends RunObservers {
  readonly method: Method;
  readonly commandName: string;
  /** As `parseParameters` returns them. */
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly options: RunOptions;
}

export interface ExecutedRun {
  readonly folder: string;
  /** As it stood when the work began. */
  readonly record: RunRecord;
  readonly seconds: number;
  readonly result: CommandResult;
  readonly notes: readonly string[];
}

/**
 * Runs a command of a method in a folder of its own. However it ends, `run.json` says how: `done`, `failed` with
 * the error, or `interrupted` when `signal` was aborted; then the error, or the signal's reason, is thrown. Only of
 * input that the command refuses before it has written anything no folder remains, so that the same `--out` serves
 * once the input is mended.
 *
 * @throws InputError when the folder is taken or cannot be written, and whatever the command throws
 */
export async function executeCommand(request: ExecuteRequest): Promise<ExecutedRun> {
  const { method, commandName, options } = request;
  const command = commandOf(method, commandName);
  request.signal?.throwIfAborted();
  const record = startRecord(request, formatCommandLine({ ...request, ...options, command }));
  const { folder, release } = await claim(request, record);
  return perform({ ...request, record, folder, release });
}

/**
 * The command of that name.
 *
 * @throws RangeError when the method has none
 */
export function commandOf(method: Method, commandName: string): Command {
  const command = method.commands[commandName];
  if (command === undefined) throw new RangeError(`executeCommand: ${method.name} has no ${commandName}`);
  return command;
}

export interface PerformRequest extends RunObservers {
  readonly method: Method;
  readonly commandName: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  /** As it stands in the folder. */
  readonly record: RunRecord;
  readonly folder: string;
  /** Takes the folder away where nothing has come of the run; absent where it holds something already. */
  readonly release?: () => Promise<void>;
  /** The checkpoint to go on from. */
  readonly resumed?: { readonly state: unknown };
}

/** The work itself, in a folder that holds the run's first record. */
export async function perform(request: PerformRequest): Promise<ExecutedRun> {
  const { method, parameters, record, folder, release, resumed } = request;
  const command = commandOf(method, request.commandName);
  const signal = request.signal ?? new AbortController().signal;
  const recordPath = join(folder, recordName);
  const metrics = openMetricLog(join(folder, "metrics.jsonl"), { held: release === undefined });
  const { run, items, sections, notes, seconds, hasBegun } = createRunWriter({
    folder,
    seed: record.seed,
    threads: record.threads,
    png: record.png ?? false,
    signal,
    metrics,
    resumed: resumed?.state,
    onProgress: request.onProgress,
    onNote: request.onNote,
  });
  const finish = async (end: Partial<RunRecord> & Pick<RunRecord, "state">): Promise<void> => {
    const ended = { ...record, ...end, endedAt: new Date().toISOString(), seconds: seconds(), notes, items };
    await writeWhole(recordPath, `${toJson(ended, { indent: 2 })}\n`);
  };
  const heartbeat = setInterval(() => {
    const now = new Date();
    utimes(recordPath, now, now).catch(() => {});
  }, heartbeatMilliseconds).unref();

  try {
    const result = await command.run(parameters, run);
    metrics.close();
    signal.throwIfAborted();
    const report = renderReport({
      method,
      summary: command.summary,
      parameters: describeParameters(command.parameters),
      record: { ...record, state: "done", answer: result.answer, seconds: seconds(), notes, items },
      sections,
    });
    await writeWhole(join(folder, "report.html"), report);
    await finish({ state: "done", answer: result.answer, values: { ...result.values } });
    await settle(() => removeCheckpoints(folder));
    return { folder, record, seconds: seconds(), result, notes };
  } catch (error) {
    const state = signal.aborted ? "interrupted" : "failed";
    const message = error instanceof Error ? error.message : String(error);
    // What went wrong first is what the user has to hear, also when the disk that caused it takes no last word.
    await settle(() => metrics.close());
    const isUntouched = !hasBegun() && !metrics.hasBegun();
    if (release !== undefined && error instanceof InputError && !signal.aborted && isUntouched)
      await settle(release);
    else await settle(() => finish(signal.aborted ? { state } : { state, error: message }));
    throw signal.aborted ? signal.reason : error;
  } finally {
    clearInterval(heartbeat);
  }
}

async function settle(action: () => unknown): Promise<void> {
  try {
    await action();
  } catch {
    // The caller throws the first error.
  }
}

async function claim({ options, method, commandName }: ExecuteRequest, record: RunRecord): Promise<Claim> {
  const text = `${toJson(record, { indent: 2 })}\n`;
  if (options.out === undefined) {
    const time = record.startedAt.slice(0, 19).replaceAll(/[-:]/g, "").replace("T", "-");
    return claimFreeFolder(join("runs", `${method.name}-${commandName}-${time}`), text);
  }
  return claimFolder(options.out, text);
}

function startRecord(request: ExecuteRequest, commandLine: string): RunRecord {
  return {
    format: 1,
    method: request.method.name,
    command: request.commandName,
    parameters: { ...request.parameters },
    seed: request.options.seed,
    threads: request.options.threads ?? defaultThreads(),
    ...(request.options.png === true && { png: true }),
    workingFolder: process.cwd(),
    commandLine,
    versions: runVersions(),
    machine: ownMachine(),
    ...ownProcess(),
    state: "running",
    startedAt: new Date().toISOString(),
    notes: [],
    items: [],
  };
}

/** What the record says of the process that does the work. */
export function ownProcess(): Pick<RunRecord, "processId" | "processStart"> {
  const start = processStart(process.pid);
  return { processId: process.pid, ...(start !== undefined && { processStart: start }) };
}

/** What the record says of the machine that does the work. */
export function ownMachine(): RunRecord["machine"] {
  return {
    host: hostname(),
    platform: platform(),
    architecture: arch(),
    processor: cpus()[0]?.model ?? "unknown processor",
    cores: availableParallelism(),
  };
}
