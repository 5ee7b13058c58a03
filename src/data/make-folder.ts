import { mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { InputError, systemErrorCode } from "./input-error.ts";
import { describeWriteError } from "./whole-file.ts";

export interface MakeFolderOptions {
  /** What the message calls it; default the path. */
  readonly name?: string;
  /** What the message says is accepted. */
  readonly expected?: string;
}

/**
 * Makes a folder and those around it, as far as they are not there.
 *
 * @returns those that were made, the outermost first
 * @throws InputError with the path and the reason, when one of them cannot be made
 */
export async function makeFolder(folder: string, options: MakeFolderOptions = {}): Promise<string[]> {
  try {
    return await makeWithParents(folder);
  } catch (error) {
    throw folderError(folder, error, options);
  }
}

/** The refusal of a folder in one line. */
export function folderError(
  folder: string,
  error: unknown,
  { name = folder, expected = "a place that can be written" }: MakeFolderOptions = {},
): InputError {
  const code = systemErrorCode(error);
  const reason =
    code === "EEXIST"
      ? "there is a file of that name"
      : (describeWriteError(error) ?? code ?? (error instanceof Error ? error.message : String(error)));
  return new InputError(`${name}: the folder cannot be made (${reason}); expected ${expected}`, {
    cause: error,
  });
}

/**
 * As Node's recursive `mkdir`, which never returns where a file system says of an existing folder's child that there
 * is no such path (as /proc does): here the parents are made once, and the second refusal is final.
 */
async function makeWithParents(folder: string): Promise<string[]> {
  try {
    return await makeOne(folder);
  } catch (error) {
    const parent = dirname(folder);
    if (systemErrorCode(error) !== "ENOENT" || parent === folder) throw error;
    return [...(await makeWithParents(parent)), ...(await makeOne(folder))];
  }
}

/** Makes a folder whose parent exists and gives it; nothing where it is there already. */
async function makeOne(folder: string): Promise<string[]> {
  try {
    await mkdir(folder);
    return [folder];
  } catch (error) {
    // A file system that may only be read says so of folders that are there, too.
    const isThere = await stat(folder).then(
      (stats) => stats.isDirectory(),
      () => false,
    );
    if (!isThere) throw error;
    return [];
  }
}
