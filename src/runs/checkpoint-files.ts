/**
 * The checkpoints of a run: `checkpoints/NUMBER.checkpoint` in its folder. Each is written aside and renamed; the one
 * before goes only when the new one is whole on the disk, so that a kill or a full disk at any moment leaves one to go
 * on from.
 */
import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { makeFolder } from "../data/make-folder.ts";
import { writeWhole } from "../data/whole-file.ts";
import { decodeCheckpoint } from "./checkpoint.ts";

const folderName = "checkpoints";
const ending = ".checkpoint";

export interface CheckpointFiles {
  /** Makes what `encodeCheckpoint` gave the newest checkpoint. */
  write(bytes: Uint8Array): Promise<void>;
}

/** Writes checkpoints into a run's folder, numbered on from those that are there. */
export function checkpointFiles(folder: string): CheckpointFiles {
  const place = join(folder, folderName);
  return {
    async write(bytes) {
      await makeFolder(place);
      const earlier = await numbersIn(place);
      const number = (earlier.at(-1) ?? 0) + 1;
      await writeWhole(join(place, nameOf(number)), bytes);
      for (const old of earlier) await rm(join(place, nameOf(old)), { force: true });
    },
  };
}

/**
 * The newest whole checkpoint of a run's folder; one that is torn is passed over.
 *
 * @returns `undefined` where there is none
 */
export async function readCheckpoint(folder: string): Promise<{ readonly state: unknown } | undefined> {
  const place = join(folder, folderName);
  for (const number of (await numbersIn(place)).toReversed()) {
    const found = decodeCheckpoint(await readFile(join(place, nameOf(number))));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Takes all checkpoints away: a run that is done needs none. */
export async function removeCheckpoints(folder: string): Promise<void> {
  await rm(join(folder, folderName), { recursive: true, force: true });
}

async function numbersIn(place: string): Promise<number[]> {
  const names = await readdir(place).catch(() => []);
  return names
    .filter((name) => /^\d+\.checkpoint$/.test(name))
    .map((name) => Number(name.slice(0, -ending.length)))
    .sort((a, b) => a - b);
}

function nameOf(number: number): string {
  return `${String(number).padStart(6, "0")}${ending}`;
}
