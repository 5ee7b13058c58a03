import { type NDArray, ndarray } from "../../../engine/ndarray.ts";
import * as tree from "../../../engine/tree.ts";
import type { Model, Named } from "../../../models/model.ts";
import type { RandomStream } from "../../../numeric/random.ts";

/** What a client may do to a gradient before it shares it. */

export type Gradient = Named<NDArray>;

export interface DefenceContext {
  /** Where the defence's randomness comes from. */
  readonly stream: RandomStream;
  /** What the client has and the attacker does not see, for defences that look at the data. */
  readonly client?: {
    readonly model: Model;
    readonly parameters: Named<NDArray>;
    /** [N, ...model.inputShape]. */
    readonly x: NDArray;
  };
}

/** What one who knows the defence knows of the shared gradient, given the exact one. */
export type Effect =
  /** Errors of this standard deviation on every entry. */
  | { readonly kind: "noise"; readonly deviation: number }
  /** Errors whose standard deviation follows from what was sent. */
  | { readonly kind: "rounding"; deviationOf(sent: Float64Array): Float64Array }
  /** The direction is kept, the length is not. */
  | { readonly kind: "scaling" }
  /** Entries that are 0 were not sent: they are smaller than those of the tensor, or of the gradient, that were. */
  | { readonly kind: "selection"; readonly scope: "tensor" | "gradient" }
  /** Entries that are 0 were not sent, whatever their size. */
  | { readonly kind: "hiding" }
  /** Only the signs are kept. */
  | { readonly kind: "signs" };

export interface Defence {
  /** As the command line has it: `noise:gaussian:0.001`. */
  readonly text: string;
  /** In words. */
  readonly description: string;
  readonly effects: readonly Effect[];
  /**
   * How it is done to the mean gradient of several examples, where it is not just applied to that: each example's gradient is
   * clipped to the norm, and the sum gets Gaussian noise of this standard deviation.
   */
  readonly perExample?: { readonly norm: number; readonly noise: number };
  /** The gradient that is shared instead; the one given is not changed. */
  apply(gradient: Gradient, context: DefenceContext): Promise<Gradient>;
}

/** A gradient with the same shapes and dtypes and `f` of every tensor's entries. */
export function mapTensors(
  gradient: Gradient,
  f: (entries: Float64Array, array: NDArray) => ArrayLike<number>,
): Gradient {
  return tree.map((array: NDArray) => {
    const entries = Float64Array.from(array.data as ArrayLike<number>);
    return ndarray(f(entries, array), array.shape, array.dtype);
  }, gradient) as Gradient;
}

/** The Euclidean norm of all entries of a gradient as one vector. */
export function gradientNorm(gradient: Gradient): number {
  let total = 0;
  for (const { data } of tree.leaves(gradient) as NDArray[])
    for (const value of data as Float64Array) total += value * value;
  return Math.sqrt(total);
}

/** @throws RangeError unless low <= value <= high */
export function checkRange(
  defence: string,
  name: string,
  value: number,
  { low, high }: { readonly low: number; readonly high: number },
): void {
  if (!(value >= low && value <= high))
    throw new RangeError(`${defence}: ${name} ${value} is not a number from ${low} to ${high}`);
}

/** @throws RangeError unless the value is positive and finite */
export function checkPositive(defence: string, name: string, value: number): void {
  if (!(value > 0 && value < Infinity))
    throw new RangeError(`${defence}: ${name} ${value} is not a positive number`);
}
