/** Scores that look at a row alone, as baselines for those that ask what the row does to the training. */
import type { RandomStream } from "../../numeric/random.ts";
import type { TrainingRecord } from "../../training/record.ts";
import { replay } from "../../training/replay.ts";
import { type RowFunctionsOptions, rowFunctions } from "../../training/row-functions.ts";

/** The loss of every row of the training data at the end of the training, without penalties: the larger, the odder. */
export async function ownLosses(
  record: TrainingRecord,
  options: RowFunctionsOptions = {},
): Promise<Float64Array> {
  const functions = rowFunctions(record, undefined, options);
  try {
    return (await functions.losses((await replay(record, record.lastStep)).parameters)).losses;
  } finally {
    await functions.dispose();
  }
}

/**
 * The probability from 0 to 1 that the final model gives to each row's own label: the smaller, the likelier a wrong label. Of a
 * training by cross entropy with one class for each row, whose losses are minus the logarithm of it.
 *
 * Source: C. Northcutt, L. Jiang, I. Chuang, "Confident Learning", JAIR 2021.
 *
 * @throws RangeError when a row's loss is below 0, as that of no cross entropy
 */
export async function selfConfidence(
  record: TrainingRecord,
  options: RowFunctionsOptions = {},
): Promise<Float64Array> {
  const losses = await ownLosses(record, options);
  const row = losses.findIndex((loss) => !(loss >= 0));
  if (row >= 0)
    throw new RangeError(
      `selfConfidence: row ${row} has the loss ${losses[row]}; expected a training by cross entropy`,
    );
  return losses.map((loss) => Math.exp(-loss));
}

/** Numbers of [0, 1) that know nothing of the rows: the control that any other score has to beat. */
export function randomScores(rows: number, stream: RandomStream): Float64Array {
  return stream.uniform(rows);
}
