/** What is asked of the end of a training: directions in parameter space, as `linearInfluence` takes them. */
import type { Examples } from "../../training/problem.ts";
import type { TrainingRecord } from "../../training/record.ts";
import { replay } from "../../training/replay.ts";
import { type RowFunctionsOptions, rowFunctions } from "../../training/row-functions.ts";
import type { NamedArrays } from "../../training/trees.ts";

/**
 * The gradient of the mean loss over some examples at the end of the training, without penalties: the question how each row
 * changes the loss on validation data, or of one example.
 *
 * @param examples of the structure of the training data
 * @throws RangeError when the examples do not fit
 */
export async function lossQuery(
  record: TrainingRecord,
  examples: Examples | NamedArrays,
  options: RowFunctionsOptions = {},
): Promise<NamedArrays> {
  const functions = rowFunctions(record, examples, options);
  try {
    return await functions.gradient((await replay(record, record.lastStep)).parameters);
  } finally {
    await functions.dispose();
  }
}
