import { momentsOf } from "../../numeric/statistics/moments.ts";
import type { Examples } from "../../training/problem.ts";
import type { TrainingRecord } from "../../training/record.ts";
import { rowFunctions } from "../../training/row-functions.ts";
import type { NamedArrays } from "../../training/trees.ts";

/** The mean loss of each of several parameters over some examples. */
export async function meanLosses(
  record: TrainingRecord,
  each: readonly NamedArrays[],
  examples: Examples,
): Promise<number[]> {
  const functions = rowFunctions(record, examples);
  try {
    const means: number[] = [];
    for (const parameters of each) means.push(momentsOf((await functions.losses(parameters)).losses).mean);
    return means;
  } finally {
    await functions.dispose();
  }
}
