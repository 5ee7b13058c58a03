/** Of several processes that would continue a run at once, one gets it. */
import { readdir, readFile, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { InputError } from "../data/input-error.ts";
import { createWhole } from "../data/whole-file.ts";
import { isAlive, processStart } from "./process-life.ts";

const holderSchema = z.object({ processId: z.int(), processStart: z.string().optional(), host: z.string() });

export interface RunLock {
  release(): Promise<void>;
}

/**
 * Locks a run's folder for this process. Locks are numbered, `.lock-1` and on: a lock whose process is gone is never
 * taken over, which two could do at once, but passed over for the next number.
 *
 * @throws InputError when another process that is still there, or one of another host, holds the run
 */
export async function lockRun(folder: string): Promise<RunLock> {
  const own = JSON.stringify({
    processId: process.pid,
    processStart: processStart(process.pid),
    host: hostname(),
  });
  for (let number = 1; ; number++) {
    const path = join(folder, `.lock-${number}`);
    if (await createWhole(path, own)) return { release: () => releaseUpTo(folder, number) };
    const text = await readFile(path, "utf8").catch(() => undefined);
    if (text === undefined) {
      // Its holder has just let go of it.
      number--;
      continue;
    }
    const holder = holderSchema.parse(JSON.parse(text));
    if (holder.host !== hostname())
      throw new InputError(
        `--resume ${folder}: process ${holder.processId} on ${holder.host} has it; expected a run that nothing works on (if that process is gone, delete ${path})`,
      );
    if (isAlive(holder.processId, holder.processStart))
      throw new InputError(
        `--resume ${folder}: process ${holder.processId} has it; expected a run that nothing works on`,
      );
  }
}

/** The own lock goes last: while it stands nobody else gets past it. */
async function releaseUpTo(folder: string, own: number): Promise<void> {
  const numbers = (await readdir(folder))
    .map((name) => /^\.lock-(\d+)$/.exec(name)?.[1])
    .filter((number) => number !== undefined)
    .map(Number)
    .filter((number) => number <= own)
    .sort((a, b) => a - b);
  for (const number of numbers) await rm(join(folder, `.lock-${number}`), { force: true });
}
