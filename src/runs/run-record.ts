/** What `run.json` says about a run, from its start on. */
import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { InputError, systemErrorCode } from "../data/input-error.ts";

export const recordName = "run.json";

const itemSchema = z.object({
  kind: z.enum(["figure", "image", "table", "array", "artifact"]),
  name: z.string(),
  /** Relative to the run's folder. */
  path: z.string(),
  caption: z.string(),
});

const recordSchema = z.object({
  format: z.literal(1),
  method: z.string(),
  command: z.string(),
  parameters: z.record(z.string(), z.unknown()),
  seed: z.int(),
  threads: z.int(),
  /** What to type to do the same again. */
  commandLine: z.string(),
  versions: z.record(z.string(), z.string()),
  machine: z.object({
    host: z.string(),
    platform: z.string(),
    architecture: z.string(),
    processor: z.string(),
    cores: z.int(),
  }),
  processId: z.int(),
  state: z.enum(["running", "done", "failed", "interrupted"]),
  startedAt: z.iso.datetime(),
  endedAt: z.iso.datetime().optional(),
  seconds: z.number().optional(),
  answer: z.string().optional(),
  values: z.record(z.string(), z.unknown()).optional(),
  error: z.string().optional(),
  notes: z.array(z.string()),
  items: z.array(itemSchema),
});

export type RunItem = z.infer<typeof itemSchema>;
export type RunRecord = z.infer<typeof recordSchema>;

/**
 * The record of a run's folder. A run whose process has gone without a last word is shown as interrupted; a process
 * on another machine is taken at its word.
 *
 * @throws InputError when the folder has no `run.json` or one that is not understood
 */
export async function readRunRecord(folder: string): Promise<RunRecord> {
  const path = join(folder, recordName);
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    throw new InputError(
      `${path}: cannot be read (${systemErrorCode(error) ?? String(error)}); expected the folder of a run`,
      { cause: error },
    );
  });
  const record = parseRecord(path, text);
  if (record.state !== "running" || record.machine.host !== hostname() || isAlive(record.processId))
    return record;
  return { ...record, state: "interrupted" };
}

function parseRecord(path: string, text: string): RunRecord {
  try {
    return recordSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new InputError(`${path}: not the record of a run; expected a run.json of format 1`, {
      cause: error,
    });
  }
}

function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    // The process of another user may not be signalled, but it is there.
    return systemErrorCode(error) === "EPERM";
  }
}
