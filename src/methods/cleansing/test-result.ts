import { momentsOf } from "../../numeric/statistics/moments.ts";
import type { Examples } from "../../training/problem.ts";
import type { TrainingRecord } from "../../training/record.ts";
import { rowFunctions } from "../../training/row-functions.ts";
import type { NamedArrays } from "../../training/trees.ts";

/** How a training did on examples that it has not seen. */
export interface TestResult {
  /** The mean loss. */
  readonly loss: number;
  /** The share of rows whose class was not told. */
  readonly error: number;
}

/** Parameters of a recorded training on some examples. */
export async function testResult(
  record: TrainingRecord,
  parameters: NamedArrays,
  examples: Examples,
): Promise<TestResult> {
  const functions = rowFunctions(record, examples);
  try {
    const { losses, correct } = await functions.losses(parameters);
    return {
      loss: momentsOf(losses).mean,
      error: correct === undefined ? Number.NaN : 1 - momentsOf(correct).mean,
    };
  } finally {
    await functions.dispose();
  }
}
