/** How far a defence can have moved the entries of a gradient, as an attacker who knows the defence works it out. */
import type { NDArray } from "../../../engine/ndarray.ts";
import type { DefencePlan } from "../defences/parse.ts";

export interface EntryErrors {
  /** The standard deviation of the noise on every entry. */
  readonly noise: number;
  /** The standard deviation of the error of each entry of a tensor: noise, steps of rounding, and what pruning hid. */
  absolute(shared: NDArray): number;
  /** The error of each entry relative to its own size, by rounding to a floating-point format. */
  readonly relative: number;
  /** Whether there are any. */
  readonly areZero: boolean;
  /** What the attacker does about them, in words; absent where there are none. */
  readonly words?: string;
}

/** Half a step of each format's numbers, relative to the number, and the smallest step. */
const formats = {
  fp16: { relative: 2 ** -11, smallest: 2 ** -24 },
  bf16: { relative: 2 ** -8, smallest: 0 },
} as const;

/**
 * What a plan of defences does to single entries. Clipping scales all entries by one factor, which none of the closed
 * forms sees; noise before clipping is counted as it was before it, which is too much. Signs are counted as off by half.
 */
export function entryErrors({ text }: Pick<DefencePlan, "text">): EntryErrors {
  const parts = text.split(",");
  const noise = Math.sqrt(parts.reduce((sum, part) => sum + noiseVariance(part), 0));
  const isPruned = parts.some((part) => /^(prune|top-k):/.test(part));
  const isInt8 = parts.includes("int8");
  const format = parts.includes("bf16") ? formats.bf16 : parts.includes("fp16") ? formats.fp16 : undefined;
  const isSign = parts.includes("sign");
  const areZero = noise === 0 && !isSign && !isPruned && !isInt8 && format === undefined;
  return {
    noise,
    relative: format?.relative ?? 0,
    areZero,
    absolute(shared) {
      const { largest, smallest, zeros } = magnitudes(shared);
      if (isSign) return 0.5;
      const step = (isInt8 ? largest / 127 : 0) + (format?.smallest ?? 0);
      // A rounding error is uniform over a step; an entry that was not sent is at most as large as the smallest sent.
      const pruned = isPruned ? zeros * (smallest ** 2 / 3) : 0;
      return Math.sqrt(noise ** 2 + step ** 2 / 12 + pruned);
    },
    ...(!areZero && {
      words:
        "takes rows for equal, zero or in a span when they are so within the errors that the defence makes",
    }),
  };
}

/** The variance of the noise that a part of a plan adds: `noise:gaussian:S`, `noise:laplacian:B`, `dp:NORM:M`. */
function noiseVariance(part: string): number {
  const [name, first = "", second = ""] = part.split(":");
  if (name === "dp") return (Number(first) * Number(second)) ** 2;
  if (name !== "noise") return 0;
  const [kind, number] = second.includes("=") ? second.split("=") : ["scale", second];
  const value = Number(number);
  if (kind === "variance") return value;
  return first === "gaussian" ? value ** 2 : 2 * value ** 2;
}

function magnitudes({ data }: NDArray): {
  readonly largest: number;
  /** Of those that are not 0. */
  readonly smallest: number;
  /** The part of the entries that is 0. */
  readonly zeros: number;
} {
  let largest = 0;
  let smallest = Number.POSITIVE_INFINITY;
  let zeros = 0;
  const entries = data as ArrayLike<number>;
  for (let i = 0; i < entries.length; i++) {
    const size = Math.abs(entries[i] ?? 0);
    if (size === 0) zeros++;
    else {
      largest = Math.max(largest, size);
      smallest = Math.min(smallest, size);
    }
  }
  return {
    largest,
    smallest: smallest === Number.POSITIVE_INFINITY ? 0 : smallest,
    zeros: entries.length === 0 ? 0 : zeros / entries.length,
  };
}
