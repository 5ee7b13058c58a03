/** The runs in a folder. */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { InputError, systemErrorCode } from "../data/input-error.ts";
import { type RunRecord, readRunRecord, recordName } from "./run-record.ts";

/** A folder with a `run.json`: its record, or what is wrong with it. */
export type ListedRun =
  | { readonly folder: string; readonly record: RunRecord }
  | { readonly folder: string; readonly problem: string };

/**
 * The runs in the folders of `parent`, the earliest first; those whose record cannot be read stand at the end. Where
 * `parent` is itself a run's folder, that run alone.
 *
 * @throws InputError when there is no such folder
 */
export async function listRuns(parent: string): Promise<ListedRun[]> {
  if (await holdsRun(parent)) return [await listed(parent)];
  const entries = await readdir(parent, { withFileTypes: true }).catch((error: unknown) => {
    const code = systemErrorCode(error);
    const found = code === "ENOENT" ? "there is no such folder" : (code ?? String(error));
    throw new InputError(`${parent}: ${found}; expected a folder of runs`, { cause: error });
  });
  const runs: ListedRun[] = [];
  for (const entry of entries) {
    const folder = join(parent, entry.name);
    if (!entry.isFile() && (await holdsRun(folder))) runs.push(await listed(folder));
  }
  const startOf = (run: ListedRun): string => ("record" in run ? run.record.startedAt : "~");
  return runs.sort((a, b) => compareTexts(startOf(a), startOf(b)) || compareTexts(a.folder, b.folder));
}

/**
 * The folder that a user means by a run: a path, or a name in `runs/`.
 *
 * @throws InputError when neither is the folder of a run
 */
export async function findRun(name: string): Promise<string> {
  for (const folder of [name, join("runs", name)]) if (await holdsRun(folder)) return folder;
  throw new InputError(
    `${name}: there is no ${recordName} in it nor in ${join("runs", name)}; expected a run`,
  );
}

async function listed(folder: string): Promise<ListedRun> {
  try {
    return { folder, record: await readRunRecord(folder) };
  } catch (error) {
    return { folder, problem: error instanceof Error ? error.message : String(error) };
  }
}

async function holdsRun(folder: string): Promise<boolean> {
  return stat(join(folder, recordName)).then(
    () => true,
    () => false,
  );
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
