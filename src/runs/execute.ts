/** One run from its first record to its report. */
import { arch, availableParallelism, cpus, hostname, platform } from "node:os";
import { join } from "node:path";
import { InputError } from "../data/input-error.ts";
import { formatCommandLine } from "./command-line.ts";
import { toJson } from "./json.ts";
import type { CommandResult, Method } from "./method.ts";
import { openMetricLog } from "./metric-log.ts";
import { describeParameters } from "./parameters.ts";
import { renderReport } from "./report.ts";
import { createRunWriter, type Progress } from "./run.ts";
import { type Claim, claimFolder, claimFreeFolder } from "./run-folder.ts";
import { defaultThreads, type RunOptions } from "./run-options.ts";
import { type RunRecord, recordName } from "./run-record.ts";
import { runVersions } from "./versions.ts";
import { writeWhole } from "./whole-file.ts";

export interface ExecuteRequest {
  readonly method: Method;
  readonly commandName: string;
  /** As `parseParameters` returns them. */
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly options: RunOptions;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
  readonly onNote?: (text: string) => void;
}

export interface ExecutedRun {
  readonly folder: string;
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
  const { method, commandName, parameters, options } = request;
  const command = method.commands[commandName];
  if (command === undefined) throw new RangeError(`executeCommand: ${method.name} has no ${commandName}`);
  const signal = request.signal ?? new AbortController().signal;
  signal.throwIfAborted();

  const started = performance.now();
  const record: RunRecord = startRecord(request, formatCommandLine({ ...request, ...options, command }));
  const { folder, release } = await claim(request, record);
  const metrics = openMetricLog(join(folder, "metrics.jsonl"));
  const { run, items, sections, notes } = createRunWriter({
    folder,
    seed: record.seed,
    threads: record.threads,
    signal,
    metrics,
    onProgress: request.onProgress,
    onNote: request.onNote,
  });
  const finish = async (end: Partial<RunRecord> & Pick<RunRecord, "state">): Promise<RunRecord> => {
    const endedAt = new Date().toISOString();
    const ended = { ...record, ...end, endedAt, seconds: secondsSince(started), notes, items };
    await writeWhole(join(folder, recordName), `${toJson(ended, { indent: 2 })}\n`);
    return ended;
  };

  try {
    const result = await command.run(parameters, run);
    metrics.close();
    signal.throwIfAborted();
    const seconds = secondsSince(started);
    const report = renderReport({
      method,
      summary: command.summary,
      parameters: describeParameters(command.parameters),
      record: { ...record, state: "done", answer: result.answer, seconds, notes, items },
      sections,
    });
    await writeWhole(join(folder, "report.html"), report);
    await finish({ state: "done", answer: result.answer, values: { ...result.values } });
    return { folder, seconds, result, notes };
  } catch (error) {
    const state = signal.aborted ? "interrupted" : "failed";
    const message = error instanceof Error ? error.message : String(error);
    // What went wrong first is what the user has to hear, also when the disk that caused it takes no last word.
    await settle(() => metrics.close());
    if (error instanceof InputError && !signal.aborted && items.length === 0 && !metrics.hasBegun())
      await settle(release);
    else await settle(() => finish(signal.aborted ? { state } : { state, error: message }));
    throw signal.aborted ? signal.reason : error;
  }
}

function secondsSince(started: number): number {
  return (performance.now() - started) / 1000;
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
    commandLine,
    versions: runVersions(),
    machine: {
      host: hostname(),
      platform: platform(),
      architecture: arch(),
      processor: cpus()[0]?.model ?? "unknown processor",
      cores: availableParallelism(),
    },
    processId: process.pid,
    state: "running",
    startedAt: new Date().toISOString(),
    notes: [],
    items: [],
  };
}
