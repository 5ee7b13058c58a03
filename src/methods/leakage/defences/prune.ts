import { type NDArray, ndarray } from "../../../engine/ndarray.ts";
import * as tree from "../../../engine/tree.ts";
import { checkRange, type Defence, type Gradient, mapTensors } from "./defence.ts";

/** Small entries are not sent (Y. Lin et al., "Deep Gradient Compression", 2018). */

export interface PruneOptions {
  /** Whether the quantile is that of each tensor (default), or of all entries of the gradient. */
  readonly scope?: "tensor" | "gradient";
}

/**
 * Sets entries below the `ratio` quantile of |g| to 0. The quantile is interpolated between order statistics, as NumPy's.
 *
 * @param ratio the part that is set to 0, from 0 to 1
 */
export function pruneSmallest(
  gradient: Gradient,
  ratio: number,
  { scope = "tensor" }: PruneOptions = {},
): Gradient {
  checkRange("prune", "ratio", ratio, { low: 0, high: 1 });
  const everywhere = scope === "gradient" ? magnitudeQuantile(allEntries(gradient), ratio) : undefined;
  return mapTensors(gradient, (entries) => {
    const threshold = everywhere ?? magnitudeQuantile(entries, ratio);
    return entries.map((entry) => (Math.abs(entry) < threshold ? 0 : entry));
  });
}

/**
 * Keeps the largest entries of each tensor by magnitude and sets the others to 0.
 *
 * @param ratio the part that is kept, above 0 to 1: ratio x entries, rounded up, are
 */
export function keepLargest(gradient: Gradient, ratio: number): Gradient {
  checkRange("top-k", "ratio", ratio, { low: Number.MIN_VALUE, high: 1 });
  return mapTensors(gradient, (entries) => {
    const kept = Math.ceil(ratio * entries.length);
    const magnitudes = entries.map(Math.abs);
    // The smallest that is kept; of several of its size the first are.
    const smallest = magnitudes.toSorted()[entries.length - kept] ?? 0;
    let ties = kept - magnitudes.reduce((count, size) => count + Number(size > smallest), 0);
    return entries.map((entry, i) => {
      const size = magnitudes[i] ?? 0;
      return size > smallest || (size === smallest && ties-- > 0) ? entry : 0;
    });
  });
}

/** {@link pruneSmallest} as a defence. */
export function prune(ratio: number, { scope = "tensor" }: PruneOptions = {}): Defence {
  checkRange("prune", "ratio", ratio, { low: 0, high: 1 });
  return {
    text: `prune:${ratio}${scope === "gradient" ? ":global" : ""}`,
    description: `the smallest ${percent(ratio)} of ${scope === "tensor" ? "each tensor" : "all entries"} pruned`,
    effects: [{ kind: "selection", scope }],
    apply: async (gradient) => pruneSmallest(gradient, ratio, { scope }),
  };
}

/** {@link keepLargest} as a defence. */
export function topK(ratio: number): Defence {
  checkRange("top-k", "ratio", ratio, { low: Number.MIN_VALUE, high: 1 });
  return {
    text: `top-k:${ratio}`,
    description: `only the largest ${percent(ratio)} of each tensor sent`,
    effects: [{ kind: "selection", scope: "tensor" }],
    apply: async (gradient) => keepLargest(gradient, ratio),
  };
}

/** For each entry 1 where it was sent, that is, is not 0, and 0 elsewhere: the mask of an attack that allows for pruning. */
export function sentEntries(gradient: Gradient): Gradient {
  return tree.map(
    ({ data, shape, dtype }: NDArray) =>
      ndarray(
        Array.from(data as ArrayLike<number>, (entry) => (entry === 0 ? 0 : 1)),
        shape,
        dtype,
      ),
    gradient,
  ) as Gradient;
}

function percent(ratio: number): string {
  return `${Number((100 * ratio).toPrecision(4))} %`;
}

function allEntries(gradient: Gradient): Float64Array {
  return Float64Array.from(
    (tree.leaves(gradient) as NDArray[]).flatMap(({ data }) => Array.from(data as ArrayLike<number>)),
  );
}

function magnitudeQuantile(entries: Float64Array, ratio: number): number {
  const ordered = entries.map(Math.abs).sort();
  const place = ratio * (ordered.length - 1);
  const below = Math.floor(place);
  const low = ordered[below] ?? 0;
  const high = ordered[Math.min(below + 1, ordered.length - 1)] ?? low;
  const part = place - below;
  return part < 0.5 ? low + (high - low) * part : high - (high - low) * (1 - part);
}
