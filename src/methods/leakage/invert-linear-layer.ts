import type { NDArray } from "../../engine/ndarray.ts";
import { formatShape } from "../../engine/shape.ts";

/** The inputs of a fully connected layer with a bias, from its gradient alone: no optimisation, exact. */

export interface LinearLayerGradient {
  /** [units, features]. */
  readonly weight: NDArray;
  /** [units]. */
  readonly bias: NDArray;
}

/**
 * The input of a linear layer for a single example. Row k of the weight's gradient is δ_k x, and entry k of the bias's
 * is δ_k, so every row with δ_k ≠ 0 gives x = row / δ_k; the least-squares combination of all rows is
 * Σ δ_k row_k / Σ δ_k², which noise disturbs least.
 *
 * Source: J. Geiping et al., "Inverting Gradients", NeurIPS 2020, proposition 3.1.
 *
 * @returns [features]
 * @throws RangeError when the shapes do not belong together, an entry is not finite, or the bias's gradient is 0
 */
export function invertLinearLayer(gradient: LinearLayerGradient): Float64Array {
  const { units, features, weight, bias } = checkedLayer(gradient);
  const input = new Float64Array(features);
  let total = 0;
  for (let k = 0; k < units; k++) {
    const delta = bias[k] ?? 0;
    total += delta * delta;
    for (let i = 0; i < features; i++) input[i] = (input[i] ?? 0) + delta * (weight[k * features + i] ?? 0);
  }
  if (total === 0)
    throw new RangeError("invertLinearLayer: the gradient of the bias is 0: no unit was active");
  return input.map((value) => value / total);
}

/** An input that several units agree on. */
export interface LinearLayerSource {
  /** [features]. */
  readonly input: Float64Array;
  /** The units whose rows give it, ascending. */
  readonly units: readonly number[];
}

/**
 * Inputs behind the gradient of a batch, for layers such as those followed by a ReLU whose units are active for some
 * examples only. A unit that one example alone activates gives that example exactly; units that several activate give
 * weighted means of them, in other proportions at each unit. So what two units or more agree on is taken for an example.
 *
 * @param options.tolerance how far apart two rows may be, relative to the larger norm; default 1e-6
 * @param options.agreement how many units must agree; default 2
 * @returns the inputs, those with the most units first
 * @throws RangeError when the shapes do not belong together or an entry is not finite
 */
export function linearLayerSources(
  gradient: LinearLayerGradient,
  options: { readonly tolerance?: number; readonly agreement?: number } = {},
): LinearLayerSource[] {
  const { tolerance = 1e-6, agreement = 2 } = options;
  const { units, features, weight, bias } = checkedLayer(gradient);
  const largest = bias.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const groups: { input: Float64Array; units: number[] }[] = [];
  for (let k = 0; k < units; k++) {
    const delta = bias[k] ?? 0;
    // A unit this quiet is rounding alone.
    if (Math.abs(delta) <= 1e-12 * largest) continue;
    const input = Float64Array.from(
      weight.subarray(k * features, (k + 1) * features),
      (value) => value / delta,
    );
    const same = groups.find(({ input: other }) => distance(input, other) <= tolerance * length(other));
    if (same === undefined) groups.push({ input, units: [k] });
    else same.units.push(k);
  }
  return groups
    .filter((group) => group.units.length >= agreement)
    .sort((a, b) => b.units.length - a.units.length || (a.units[0] ?? 0) - (b.units[0] ?? 0));
}

export function checkedLayer({ weight, bias }: LinearLayerGradient): {
  readonly units: number;
  readonly features: number;
  readonly weight: Float64Array;
  readonly bias: Float64Array;
} {
  const [units = 0, features = 0] = weight.shape;
  if (weight.shape.length !== 2 || bias.shape.length !== 1 || bias.shape[0] !== units)
    throw new RangeError(
      `a linear layer's gradient has weight [units, features] and bias [units]; these are ${formatShape(weight.shape)} and ${formatShape(bias.shape)}`,
    );
  const finite = (name: string, { data }: NDArray): Float64Array => {
    const values = Float64Array.from(data as ArrayLike<number>);
    const bad = values.findIndex((value) => !Number.isFinite(value));
    if (bad >= 0) throw new RangeError(`the gradient of the ${name} holds ${values[bad]} at ${bad}`);
    return values;
  };
  return { units, features, weight: finite("weight", weight), bias: finite("bias", bias) };
}

function distance(a: Float64Array, b: Float64Array): number {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += ((a[i] ?? 0) - (b[i] ?? 0)) ** 2;
  return Math.sqrt(total);
}

function length(a: Float64Array): number {
  return Math.sqrt(a.reduce((total, value) => total + value * value, 0));
}
