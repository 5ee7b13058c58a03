import { holds } from "../dtype.ts";
import { fail } from "../errors.ts";
import { castArray, type NDArray, ndarray } from "../ndarray.ts";
import { describe } from "../ops/check.ts";
import { requireNumberOf } from "../ops/constants.ts";
import { type Shape, sameShape, sizeOf } from "../shape.ts";
import * as tree from "../tree.ts";
import type { NamedSpec } from "./backend.ts";

/** A host array, or what stands for one: int64 elements also as numbers, a scalar as a number. */
export type HostInput =
  | NDArray
  | { readonly dtype: "int64"; readonly shape: Shape; readonly data: readonly number[] }
  | number;

/** The arrays of a call, after checking every one of them. */
export function checkInputs(
  values: readonly unknown[],
  argumentSpecs: readonly unknown[],
  inputs: readonly NamedSpec[],
): NDArray[] {
  if (values.length !== argumentSpecs.length)
    fail("run", `${values.length} arguments for a function of ${argumentSpecs.length}`);
  const leaves = tree.leavesLike(argumentSpecs, values) as HostInput[];
  return inputs.map((input, i) => checkInput(leaves[i], input));
}

function checkInput(value: HostInput | undefined, { name, shape, dtype }: NamedSpec): NDArray {
  // Described only where something is wrong: a call of a small graph takes ten microseconds in all.
  const expected = (): string => describe({ shape, dtype });
  if (typeof value === "number" && shape.length === 0) {
    requireNumberOf(`run: ${name}`, value, dtype);
    return ndarray([value], [], dtype);
  }
  if (typeof value !== "object" || value === null || !("data" in value))
    return fail("run", `${name}: expected an array ${expected()}, got ${typeof value}`);
  if (value.dtype !== dtype || !sameShape(value.shape, shape))
    fail("run", `${name}: expected ${expected()}, got ${describe(value)}`);
  if (value.data.length !== sizeOf(shape))
    fail("run", `${name}: expected ${sizeOf(shape)} elements for ${expected()}, got ${value.data.length}`);
  if (dtype === "int64" && Array.isArray(value.data)) {
    for (const item of value.data as readonly number[]) requireNumberOf(`run: ${name}`, item, dtype);
    return castArray(ndarray(value.data as readonly number[], shape, "float64"), "int64");
  }
  if (!holds(value.data, dtype))
    fail("run", `${name}: expected ${expected()}, but its data is not the typed array of ${dtype}`);
  return value as NDArray;
}

/** Checks arrays that a run is to write into. */
export function checkOutputs(arrays: readonly NDArray[], outputs: readonly NamedSpec[]): void {
  if (arrays.length !== outputs.length)
    fail("runInto", `${arrays.length} arrays for ${outputs.length} outputs`);
  for (const [i, output] of outputs.entries()) checkInput(arrays[i], output);
}

/** Throws where an array holds a number that is not finite, naming the first. */
export function requireFinite(arrays: readonly NDArray[], outputs: readonly NamedSpec[]): void {
  for (const [i, array] of arrays.entries()) {
    if (array.dtype !== "float32" && array.dtype !== "float64") continue;
    const place = (array.data as Float64Array).findIndex((value) => !Number.isFinite(value));
    if (place !== -1) fail("run", `${outputs[i]?.name}: element ${place} is ${array.data[place]}`);
  }
}
