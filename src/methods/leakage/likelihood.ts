import { type NDArray, ndarray } from "../../engine/ndarray.ts";
import * as op from "../../engine/ops/index.ts";
import type { Tensor } from "../../engine/tensor.ts";
import * as tree from "../../engine/tree.ts";
import type { Effect, Gradient } from "./defences/defence.ts";

/** How unlikely a shared gradient is, given the exact one of a dummy, to an attacker who knows the defence. */

export interface Misfit {
  /** A scalar of the tensors of the dummy's gradient and of the shared one; 0 where they agree, up to a constant. */
  readonly of: (found: readonly Tensor[], shared: readonly Tensor[]) => Tensor;
  /**
   * Whether it is a negative logarithm of the likelihood, in nats. Otherwise the defence adds no error, so that any multiple
   * of it could be meant.
   */
  readonly isInNats: boolean;
  /** About the value where the gradients have nothing in common. */
  readonly scale: number;
  /** How many numbers of the gradient are known, where some were not sent. */
  readonly known: number;
  /** What it looks at, for a table. */
  readonly words: string;
}

/** Slope of the logistic function that stands for a sign, over the root mean square of the tensor's entries. */
const signSlope = 30;
/** A gradient of unknown length counts as one of this, about that of a network before training. */
const usualNorm = 20;

/**
 * The misfit for one who knows what a client's defences do, one after the other:
 *
 * - errors of standard deviation σ_i on the entries: Σ (g − g*)² / 2σ_i²; without errors the squared distance;
 * - entries that were not sent count only by how much they are larger than the smallest that was;
 * - of a gradient of unknown length the direction u counts: c ‖g*‖ ‖u − u*‖² / 2σ², with the length c that the noise
 *   leaves of ‖g*‖, which is Σ (c u − g*)² / 2σ² up to a constant;
 * - of signs s_i: Σ log(1 + exp(−30 s_i g_i / rms(g))), the rms of the tensor.
 */
export function misfitOf(effects: readonly Effect[], shared: Gradient): Misfit {
  const arrays = tree.leaves(shared) as NDArray[];
  const entries = arrays.map(({ data }) => Float64Array.from(data as ArrayLike<number>));
  const total = entries.reduce((sum, { length }) => sum + length, 0);
  if (effects.some(({ kind }) => kind === "signs"))
    return { of: signMisfit, isInNats: true, scale: total, known: total, words: "makes the signs agree" };
  const constantOf = (values: Float64Array, i: number): Tensor => {
    const { shape = [], dtype = "float32" } = arrays[i] ?? {};
    return op.constant(ndarray(values, shape, dtype));
  };
  const isPartial = effects.some(({ kind }) => kind === "selection" || kind === "hiding");
  const sent = entries.map((values) => values.map((value) => (isPartial && value === 0 ? 0 : 1)));
  const known = sent.reduce((sum, mask) => sum + mask.reduce((a, b) => a + b, 0), 0);
  const deviations = deviationsOf(effects, entries);
  const bounds = boundsOf(effects, entries);
  const isScaled = effects.some(({ kind }) => kind === "scaling");
  const words = [
    isScaled ? "matches the direction" : "matches the gradient",
    ...(isPartial ? ["where it was sent"] : []),
    ...(bounds === undefined ? [] : ["holds the rest below it"]),
    ...(deviations === undefined ? [] : ["weighs by the errors"]),
  ].join(", ");
  const squaredNorm = entries.reduce((total, values) => total + values.reduce((s, v) => s + v * v, 0), 0);
  const masks = isPartial ? sent.map(constantOf) : undefined;
  const masked = (tensor: Tensor, i: number): Tensor => (masks?.[i] ? op.mul(tensor, masks[i]) : tensor);

  if (isScaled) {
    const sharedNorm = Math.sqrt(squaredNorm);
    const weight = directionWeight(squaredNorm, known, deviations);
    const of: Misfit["of"] = (found, target) => {
      const kept = found.map(masked);
      const norm = op.sqrt(sum(kept.map((tensor) => op.sum(op.square(tensor)))));
      // ‖u − v‖² = 2 (1 − cos) for unit vectors, without the cancellation.
      const apart = kept.map((tensor, i) => op.sub(op.div(tensor, norm), op.div(at(target, i), sharedNorm)));
      return op.mul(sum(apart.map((tensor) => op.sum(op.square(tensor)))), weight);
    };
    return { of, isInNats: deviations !== undefined, scale: usualNorm ** 2, known, words };
  }
  const inverse = deviations?.map((values, i) =>
    constantOf(
      values.map((value) => Math.SQRT1_2 / value),
      i,
    ),
  );
  const of: Misfit["of"] = (found, target) =>
    sum(
      found.flatMap((tensor, i) => {
        const apart = masked(op.sub(tensor, at(target, i)), i);
        const weighed = inverse?.[i] === undefined ? apart : op.mul(apart, inverse[i]);
        const parts = [op.sum(op.square(weighed))];
        const bound = bounds?.[i];
        if (bound === undefined || masks?.[i] === undefined) return parts;
        const unsent = op.mul(op.abs(tensor), op.sub(1, masks[i]));
        parts.push(op.sum(op.square(op.relu(op.sub(unsent, bound)))));
        return parts;
      }),
    );
  return { of, isInNats: deviations !== undefined, scale: squaredNorm, known, words };
}

function signMisfit(found: readonly Tensor[], shared: readonly Tensor[]): Tensor {
  return sum(
    found.map((tensor, i) => {
      const size = op.sqrt(op.add(op.mean(op.square(tensor)), 1e-20));
      const agreement = op.div(op.mul(tensor, at(shared, i)), size);
      return op.sum(op.softplus(op.mul(agreement, -signSlope)));
    }),
  );
}

/** The standard deviation of the errors on each entry; undefined where there are none. */
function deviationsOf(
  effects: readonly Effect[],
  entries: readonly Float64Array[],
): Float64Array[] | undefined {
  if (!effects.some(({ kind }) => kind === "noise" || kind === "rounding")) return undefined;
  return entries.map((values) => {
    const variances = new Float64Array(values.length);
    for (const effect of effects) {
      if (effect.kind === "noise")
        for (let i = 0; i < values.length; i++) variances[i] = (variances[i] ?? 0) + effect.deviation ** 2;
      if (effect.kind === "rounding")
        for (const [i, deviation] of effect.deviationOf(values).entries())
          variances[i] = (variances[i] ?? 0) + deviation ** 2;
    }
    // A tensor of zeros was rounded to them from nearly nothing.
    return variances.map((variance) => Math.sqrt(Math.max(variance, 1e-20)));
  });
}

/** The smallest magnitude that was sent of each tensor, or of all; undefined where size did not decide. */
function boundsOf(
  effects: readonly Effect[],
  entries: readonly Float64Array[],
): (number | undefined)[] | undefined {
  const selection = effects.find((effect) => effect.kind === "selection");
  if (selection === undefined) return undefined;
  const smallest = entries.map((values) =>
    values.reduce(
      (least, value) => (value === 0 ? least : Math.min(least, Math.abs(value))),
      Number.POSITIVE_INFINITY,
    ),
  );
  const everywhere = Math.min(...smallest);
  return smallest.map((own) => {
    const bound = selection.scope === "gradient" ? everywhere : own;
    return Number.isFinite(bound) ? bound : undefined;
  });
}

function directionWeight(squaredNorm: number, known: number, deviations: Float64Array[] | undefined): number {
  if (deviations === undefined) return usualNorm ** 2;
  let variance = 0;
  let count = 0;
  for (const values of deviations)
    for (const value of values) {
      variance += value ** 2;
      count++;
    }
  const mean = variance / count;
  const length = Math.sqrt(Math.max(squaredNorm - known * mean, 0.01 * squaredNorm));
  return (length * Math.sqrt(squaredNorm)) / (2 * mean);
}

function sum(tensors: readonly Tensor[]): Tensor {
  return tensors.reduce((total, tensor) => op.add(total, tensor));
}

function at(tensors: readonly Tensor[], i: number): Tensor {
  const tensor = tensors[i];
  if (tensor === undefined) throw new RangeError(`misfit: ${tensors.length} tensors, number ${i} is wanted`);
  return tensor;
}
