import { mkdir, readdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { InputError, systemErrorCode } from "../data/input-error.ts";
import { recordName } from "./run-record.ts";
import { createWhole, describeWriteError } from "./whole-file.ts";

/**
 * Makes the folder of a run and puts its first `run.json` there. Two runs can never share a folder: of two that ask
 * for the same one, one gets it.
 *
 * @param folder a folder that is new or empty
 * @throws InputError when the folder is taken, is a file or cannot be written
 */
export async function claimFolder(folder: string, record: string): Promise<void> {
  await makeFolder(folder);
  if ((await readdir(folder)).length > 0) throw takenError(folder);
  if (!(await createWhole(join(folder, recordName), record))) throw takenError(folder);
}

/**
 * As `claimFolder`, for the folder `stem` or, while that is taken, `stem-2`, `stem-3` and so on.
 *
 * @returns the folder that was claimed
 */
export async function claimFreeFolder(stem: string, record: string): Promise<string> {
  await makeFolder(dirname(stem));
  for (let attempt = 1; ; attempt++) {
    const folder = attempt === 1 ? stem : `${stem}-${attempt}`;
    try {
      await mkdir(folder);
    } catch (error) {
      if (systemErrorCode(error) === "EEXIST") continue;
      throw folderError(folder, error);
    }
    if (await createWhole(join(folder, recordName), record)) return folder;
  }
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await makeWithParents(folder);
  } catch (error) {
    throw folderError(folder, error);
  }
}

/**
 * As Node's recursive `mkdir`, which never returns where a file system says of an existing folder's child that there
 * is no such path (as /proc does): here the parents are made once, and the second refusal is final.
 */
async function makeWithParents(folder: string): Promise<void> {
  try {
    await makeOne(folder);
  } catch (error) {
    const parent = dirname(folder);
    if (systemErrorCode(error) !== "ENOENT" || parent === folder) throw error;
    await makeWithParents(parent);
    await makeOne(folder);
  }
}

/** Makes a folder whose parent exists; one that is there already is fine. */
async function makeOne(folder: string): Promise<void> {
  try {
    await mkdir(folder);
  } catch (error) {
    if (systemErrorCode(error) !== "EEXIST" || !(await stat(folder)).isDirectory()) throw error;
  }
}

function takenError(folder: string): InputError {
  return new InputError(`--out ${folder}: the folder is not empty; expected a new or an empty folder`);
}

function folderError(folder: string, error: unknown): InputError {
  const code = systemErrorCode(error);
  const reason =
    code === "EEXIST" ? "there is a file of that name" : (describeWriteError(error) ?? String(error));
  return new InputError(
    `--out ${folder}: the folder cannot be made (${reason}); expected a new or an empty folder that can be written`,
    { cause: error },
  );
}
