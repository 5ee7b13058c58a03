/** What `run.json` says about a run, from its start on. */
import { readFile, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { InputError, systemErrorCode } from "../data/input-error.ts";
import { isAlive } from "./process-life.ts";

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
  /** Whether figures are written as PNG too. */
  png: z.boolean().optional(),
  /** Where relative paths among the parameters start. */
  workingFolder: z.string().optional(),
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
  /** Tells the process from a later one of the same number; see `processStart`. */
  processStart: z.string().optional(),
  state: z.enum(["running", "done", "failed", "interrupted"]),
  startedAt: z.iso.datetime(),
  /** When the run was taken up again after an interruption. */
  resumedAt: z.array(z.iso.datetime()).optional(),
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

/** How often a run that goes on touches its record, for those on other hosts. */
export const heartbeatMilliseconds = 30_000;
/** A record of another host that was not touched for so long belongs to a process that is gone. */
const silenceMilliseconds = 300_000;

/**
 * The record of a run's folder. A run whose process has gone without a last word is shown as interrupted; a process on
 * another host counts as gone when it has not touched its record for five minutes.
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
  if (record.state !== "running" || (await isStillRunning(path, record))) return record;
  return { ...record, state: "interrupted" };
}

async function isStillRunning(path: string, record: RunRecord): Promise<boolean> {
  if (record.machine.host === hostname()) return isAlive(record.processId, record.processStart);
  return Date.now() - (await stat(path)).mtimeMs < silenceMilliseconds;
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
