/**
 * Files that appear whole or not at all: written beside their final name and renamed into place, so that a kill or
 * a full disk at any moment leaves every earlier file as it was.
 */
import { constants, copyFile, link, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { InputError, systemErrorCode } from "./input-error.ts";

let written = 0;

/**
 * Writes a file whole, replacing one of that name.
 *
 * @throws InputError when the disk is full or the place may not be written
 */
export async function writeWhole(path: string, content: Uint8Array | string): Promise<void> {
  await place(path, content, rename);
}

/**
 * Writes a file whole where there is none yet; of several processes that try at once exactly one succeeds.
 *
 * @returns whether this call made the file
 */
export async function createWhole(path: string, content: Uint8Array | string): Promise<boolean> {
  try {
    await place(path, content, linkOrCopy);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === "EEXIST") return false;
    throw error;
  }
}

/** The reasons for which the system refuses to write, in words; `undefined` for errors of another kind. */
export function describeWriteError(error: unknown): string | undefined {
  switch (systemErrorCode(error)) {
    case "ENOSPC":
      return "no space left on the device";
    case "EDQUOT":
      return "the disk quota is used up";
    case "EROFS":
      return "the file system is read-only";
    case "EACCES":
    case "EPERM":
      return "permission denied";
    case "ENOTDIR":
      return "a part of the path is a file";
    case "EISDIR":
      return "there is a folder of that name";
    case "ENAMETOOLONG":
      return "the name is too long";
    case "ENOENT":
      return "the folder does not exist";
    default:
      return undefined;
  }
}

/**
 * A refusal to write as an error of one line; an error of another kind as it is.
 *
 * @param options.expected what the message says is accepted
 */
export function asWriteError(
  path: string,
  error: unknown,
  { expected = "a place that can be written" }: { readonly expected?: string } = {},
): unknown {
  const reason = describeWriteError(error);
  if (reason === undefined) return error;
  return new InputError(`${path}: the file cannot be written (${reason}); expected ${expected}`, {
    cause: error,
  });
}

async function place(
  path: string,
  content: Uint8Array | string,
  into: (aside: string, path: string) => Promise<void>,
): Promise<void> {
  const aside = join(dirname(path), `.${basename(path)}.${process.pid}-${written++}.part`);
  try {
    const handle = await open(aside, "wx");
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await into(aside, path);
  } catch (error) {
    throw asWriteError(path, error);
  } finally {
    await rm(aside, { force: true });
  }
}

/** A hard link appears whole and never replaces; file systems without links get an exclusive copy. */
async function linkOrCopy(aside: string, path: string): Promise<void> {
  try {
    await link(aside, path);
  } catch (error) {
    const code = systemErrorCode(error) ?? "";
    if (!["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"].includes(code)) throw error;
    await copyFile(aside, path, constants.COPYFILE_EXCL);
  }
}
