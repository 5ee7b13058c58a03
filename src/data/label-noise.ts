import type { NDArray } from "../engine/ndarray.ts";
import type { RandomStream } from "../numeric/random.ts";

export interface LabelNoiseOptions {
  /** From 0 to below 1: the share of rows whose label is changed; exactly `round(rate * rows)` rows are. */
  readonly rate: number;
  /** How many classes there are. */
  readonly classes: number;
  /**
   * `symmetric`: to one of the other classes, each equally likely; `pairwise`: to the next class, the last to the first.
   */
  readonly kind: "symmetric" | "pairwise";
  readonly stream: RandomStream;
}

export interface NoisyLabels {
  /** A copy with the changed labels. */
  readonly labels: NDArray<"int64">;
  /** The rows (from 0, ascending) whose label was changed; each really differs. */
  readonly flipped: readonly number[];
}

/**
 * Labels with some of them wrong, and which. The two kinds of noise are those of B. Han et al., "Co-teaching: Robust
 * training of deep neural networks with extremely noisy labels" (NeurIPS 2018), appendix A; there a row is flipped with
 * a probability, here an exact number of rows is.
 *
 * @param labels `[rows]`, 0 ... classes - 1
 * @throws RangeError when a label is none of the classes, there are fewer than 2 of them, or the rate is not in [0, 1)
 */
export function addLabelNoise(labels: NDArray, options: LabelNoiseOptions): NoisyLabels {
  const { rate, classes, kind, stream } = options;
  if (!(rate >= 0 && rate < 1)) throw new RangeError(`addLabelNoise: rate ${rate}; expected 0 to below 1`);
  if (!Number.isSafeInteger(classes) || classes < 2)
    throw new RangeError(`addLabelNoise: ${classes} classes; expected a whole number from 2`);
  const rows = labels.data.length;
  const numbers = Array.from(labels.data as ArrayLike<number | bigint>, Number);
  for (const [row, label] of numbers.entries())
    if (!Number.isInteger(label) || label < 0 || label >= classes)
      throw new RangeError(
        `addLabelNoise: the label of row ${row} is ${label}; expected 0 to ${classes - 1}`,
      );
  const count = Math.round(rate * rows);
  const flipped = count === 0 ? [] : Array.from(stream.choice(count, rows)).sort((a, b) => a - b);
  const steps = kind === "pairwise" || count === 0 ? [] : stream.integers(count, 1, classes);
  for (const [i, row] of flipped.entries()) numbers[row] = ((numbers[row] ?? 0) + (steps[i] ?? 1)) % classes;
  const data = BigInt64Array.from(numbers, BigInt);
  return { labels: { dtype: "int64", shape: [rows], data }, flipped };
}
