/** A run that was cut off, taken up again in its folder. */
import { readdir, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { InputError } from "../data/input-error.ts";
import { writeWhole } from "../data/whole-file.ts";
import { readCheckpoint } from "./checkpoint-files.ts";
import { type ExecutedRun, ownMachine, ownProcess, perform, type RunObservers } from "./execute.ts";
import { toJson } from "./json.ts";
import type { Method } from "./method.ts";
import { lockRun } from "./run-lock.ts";
import { type RunRecord, readRunRecord, recordName } from "./run-record.ts";
import { runVersions } from "./versions.ts";

export interface ResumeRequest extends RunObservers {
  readonly method: Method;
  readonly commandName: string;
  /** The folder of a run that was interrupted, killed or failed. */
  readonly folder: string;
  /** The most threads, where another number than before is wanted; results do not depend on it. */
  readonly threads?: number | undefined;
  /** Hears what is no part of the result: where the run goes on, and what has changed since. */
  readonly onRemark?: (text: string) => void;
}

/**
 * Continues a run with its recorded parameters and seed from its last whole checkpoint, or from its start where there is
 * none. Its metrics, arrays and tables then hold the same bits as those of a run that was never cut off.
 *
 * @throws InputError when the folder is not that of an unfinished run of this command and version, or something still
 *   works on it; and whatever the command throws
 */
export async function resumeCommand(request: ResumeRequest): Promise<ExecutedRun> {
  const { signal, onRemark } = request;
  const folder = request.folder;
  signal?.throwIfAborted();
  checkResumable(await readRunRecord(folder), request);
  const lock = await lockRun(folder);
  try {
    // Read again: another process may have finished the run before the lock was ours.
    const record = await readRunRecord(folder);
    checkResumable(record, request);
    for (const change of changesSince(record)) onRemark?.(change);
    const resumed = await readCheckpoint(folder);
    onRemark?.(
      resumed === undefined
        ? "no checkpoint was written; the run begins anew"
        : "going on from the last checkpoint",
    );
    await removeLeftovers(folder);
    const { endedAt: _, seconds: __, error: ___, answer: ____, values: _____, ...begun } = record;
    const again: RunRecord = {
      ...begun,
      threads: request.threads ?? record.threads,
      machine: ownMachine(),
      versions: runVersions(),
      ...ownProcess(),
      state: "running",
      resumedAt: [...(record.resumedAt ?? []), new Date().toISOString()],
      notes: [],
      items: [],
    };
    await writeWhole(join(folder, recordName), `${toJson(again, { indent: 2 })}\n`);
    return await perform({
      ...request,
      parameters: record.parameters,
      record: again,
      folder,
      ...(resumed !== undefined && { resumed }),
    });
  } finally {
    await lock.release();
  }
}

/**
 * The folder from which the paths among a run's parameters are meant, where it is not the current one.
 *
 * @throws InputError when the folder holds no run
 */
export async function workingFolderOf(folder: string): Promise<string | undefined> {
  const { workingFolder } = await readRunRecord(folder);
  return workingFolder === undefined || resolve(workingFolder) === process.cwd() ? undefined : workingFolder;
}

function checkResumable(record: RunRecord, { method, commandName, folder }: ResumeRequest): void {
  const refuse = (found: string, expected: string): never => {
    throw new InputError(`--resume ${folder}: ${found}; expected ${expected}`);
  };
  if (record.method !== method.name || record.command !== commandName)
    refuse(`a run of ${record.method} ${record.command}`, `a run of ${method.name} ${commandName}`);
  if (record.state === "done") refuse("the run is done", "one that was interrupted or failed");
  if (record.state === "running")
    refuse(
      `process ${record.processId} on ${record.machine.host} still works on the run`,
      "one that was interrupted or failed",
    );
  const { fallline } = runVersions();
  if (record.versions.fallline !== fallline)
    refuse(
      `begun with fallline ${record.versions.fallline ?? "of no version"}`,
      `a run of version ${fallline}`,
    );
}

/** What of the machinery differs from the run's first part, so that last digits may. */
function changesSince(record: RunRecord): string[] {
  const now: Record<string, string> = { ...runVersions(), processor: ownMachine().processor };
  const before: Record<string, string> = { ...record.versions, processor: record.machine.processor };
  return Object.entries(now)
    .filter(([name, value]) => before[name] !== value)
    .map(
      ([name, value]) =>
        `the run was begun with ${name} ${before[name] ?? "unknown"} and goes on with ${value}: last digits may differ`,
    );
}

/** Files that were being written when the process was killed. */
async function removeLeftovers(folder: string): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  for (const entry of entries)
    if (entry.isFile() && /^\..*\.part$/.test(entry.name)) await rm(join(entry.parentPath, entry.name));
}
