import { mkdir, readdir, rm, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { InputError, systemErrorCode } from "../data/input-error.ts";
import { folderError, type MakeFolderOptions, makeFolder } from "../data/make-folder.ts";
import { createWhole } from "../data/whole-file.ts";
import { recordName } from "./run-record.ts";

/** The folder of a run that holds nothing but its first record. */
export interface Claim {
  readonly folder: string;
  /** Takes the record and the folders that the claim made away again, as far as nothing else is in them. */
  release(): Promise<void>;
}

/**
 * Makes the folder of a run and puts its first `run.json` there. Two runs can never share a folder: of two that ask
 * for the same one, one gets it.
 *
 * @param folder a folder that is new or empty
 * @throws InputError when the folder is taken, is a file or cannot be written
 */
export async function claimFolder(folder: string, record: string): Promise<Claim> {
  const made = await makeFolder(folder, refusal(folder));
  if ((await readdir(folder)).length > 0) throw takenError(folder);
  if (!(await createWhole(join(folder, recordName), record))) throw takenError(folder);
  return claimOf(folder, made);
}

/**
 * As `claimFolder`, for the folder `stem` or, while that is taken, `stem-2`, `stem-3` and so on.
 *
 * @throws InputError when the folder cannot be written
 */
export async function claimFreeFolder(stem: string, record: string): Promise<Claim> {
  const made = await makeFolder(dirname(stem), refusal(dirname(stem)));
  for (let attempt = 1; ; attempt++) {
    const folder = attempt === 1 ? stem : `${stem}-${attempt}`;
    try {
      await mkdir(folder);
    } catch (error) {
      if (systemErrorCode(error) === "EEXIST") continue;
      throw folderError(folder, error, refusal(folder));
    }
    if (await createWhole(join(folder, recordName), record)) return claimOf(folder, [...made, folder]);
  }
}

function claimOf(folder: string, made: readonly string[]): Claim {
  return {
    folder,
    async release() {
      await rm(join(folder, recordName), { force: true });
      // A folder in which something else has appeared stays, and so do those around it.
      for (const own of made.toReversed()) await rmdir(own);
    },
  };
}

function takenError(folder: string): InputError {
  return new InputError(`--out ${folder}: the folder is not empty; expected a new or an empty folder`);
}

function refusal(folder: string): MakeFolderOptions {
  return { name: `--out ${folder}`, expected: "a new or an empty folder that can be written" };
}
