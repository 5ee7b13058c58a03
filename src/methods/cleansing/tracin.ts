/**
 * TracIn at checkpoints: G. Pruthi, F. Liu, S. Kale, M. Sundararajan, "Estimating Training Data Influence by Tracing Gradient
 * Descent", NeurIPS 2020, section 3.2; here with the sign and the scale of a row's removal.
 */
import type { Examples } from "../../training/problem.ts";
import type { TrainingRecord } from "../../training/record.ts";
import { replay } from "../../training/replay.ts";
import { type RowFunctionsOptions, rowFunctions } from "../../training/row-functions.ts";
import type { NamedArrays } from "../../training/trees.ts";

export interface TracinOptions extends RowFunctionsOptions {
  /**
   * The steps whose states are looked at (`firstStep + 1` to `lastStep`), or how many, evenly spread with the end as the
   * last. Default: the end of every epoch, or of the training where it has none.
   */
  readonly checkpoints?: number | readonly number[];
  /** Called with how many checkpoints were looked at, of how many. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/**
 * For every row j of the training data, Σ_c (H_c / n) ⟨∇L(θ_c), ∇l_j(θ_c)⟩ over the checkpoints c: H_c is the sum of the
 * learning rates from the checkpoint before to this one, L the mean loss over the examples, all losses without penalties. It
 * estimates the change of L were the row left out, as if every row had its share in every step.
 *
 * @param examples of the structure of the training data
 * @returns one score for each row; below 0, the row harms
 * @throws RangeError when the examples do not fit, or a checkpoint is no step of the record
 */
export async function tracin(
  record: TrainingRecord,
  examples: Examples | NamedArrays,
  { checkpoints, onProgress, ...options }: TracinOptions = {},
): Promise<Float64Array> {
  const steps = checkpointSteps(record, checkpoints);
  const trained = rowFunctions(record, undefined, options);
  const asked = rowFunctions(record, examples, options);
  try {
    const scores = new Float64Array(trained.rows);
    let before = record.firstStep;
    for (const [i, step] of steps.entries()) {
      const { parameters } = await replay(record, step);
      const slopes = await trained.slopes(parameters, await asked.gradient(parameters));
      const rates = record.learningRates.slice(before - record.firstStep, step - record.firstStep);
      const share = rates.reduce((sum, rate) => sum + rate, 0) / trained.rows;
      for (let row = 0; row < scores.length; row++)
        scores[row] = (scores[row] ?? 0) + share * (slopes[row] ?? 0);
      before = step;
      onProgress?.(i + 1, steps.length);
    }
    return scores;
  } finally {
    await trained.dispose();
    await asked.dispose();
  }
}

function checkpointSteps(
  { firstStep, lastStep, stepsPerEpoch = lastStep - firstStep }: TrainingRecord,
  checkpoints: TracinOptions["checkpoints"],
): readonly number[] {
  const steps = lastStep - firstStep;
  if (typeof checkpoints === "object") {
    const sorted = [...new Set(checkpoints)].sort((a, b) => a - b);
    const bad = sorted.find((step) => !Number.isInteger(step) || step <= firstStep || step > lastStep);
    if (bad !== undefined || sorted.length === 0)
      throw new RangeError(
        `tracin: checkpoint ${bad ?? "list is empty"}; expected steps from ${firstStep + 1} to ${lastStep}`,
      );
    return sorted;
  }
  const count = checkpoints ?? Math.ceil(steps / stepsPerEpoch);
  if (!Number.isInteger(count) || count < 1 || count > steps)
    throw new RangeError(`tracin: ${count} checkpoints; expected a whole number from 1 to ${steps}`);
  return Array.from({ length: count }, (_, i) =>
    checkpoints === undefined
      ? Math.min(lastStep, firstStep + (i + 1) * stepsPerEpoch)
      : firstStep + Math.round(((i + 1) * steps) / count),
  );
}
