import { existsSync } from "node:fs";
import { isAbsolute, resolve } from "node:path";
import { InputError } from "../../data/input-error.ts";
import { readRunRecord } from "../../runs/run-record.ts";
import { type RankParameters, rankSchema } from "./rank-command.ts";

/** What a run of `cleansing rank` did, so that its training can be done again. */
export interface RankedRun {
  readonly parameters: RankParameters;
  readonly seed: number;
}

/**
 * Reads the folder of a finished ranking.
 *
 * @throws InputError when it is none, or of another command or version
 */
export async function readRankedRun(folder: string): Promise<RankedRun> {
  const record = await readRunRecord(folder);
  if (record.method !== "cleansing" || record.command !== "rank")
    throw new InputError(
      `${folder}: is a run of ${record.method} ${record.command}; expected one of cleansing rank`,
    );
  if (record.state !== "done")
    throw new InputError(`${folder}: the run is ${record.state}; expected one that is done`);
  const parsed = rankSchema.safeParse(record.parameters);
  if (!parsed.success)
    throw new InputError(`${folder}: the parameters in run.json are not those of this version's rank`);
  const { data, ...others } = parsed.data;
  // Relative paths start where that run was started; a name of a data set is no path.
  const there = resolve(record.workingFolder ?? ".", data);
  return {
    parameters: { ...others, data: !isAbsolute(data) && existsSync(there) ? there : data },
    seed: record.seed,
  };
}
