import { extname } from "node:path";
import { InputError } from "../../data/input-error.ts";
import { readNpz } from "../../data/npz.ts";
import { readSafetensors } from "../../data/safetensors.ts";
import { isFloat } from "../../engine/dtype.ts";
import { castArray, type NDArray } from "../../engine/ndarray.ts";
import * as tree from "../../engine/tree.ts";
import type { Model, Named } from "../../models/model.ts";
import { nested } from "../../models/names.ts";
import { checkGradient } from "./gradient-matching.ts";
import type { Float } from "./shared-gradient.ts";

const readers: Readonly<Record<string, (path: string) => Promise<Record<string, NDArray>>>> = {
  ".npz": readNpz,
  ".safetensors": readSafetensors,
};

/**
 * A gradient that was recorded elsewhere: one array for each parameter, under its name.
 *
 * @throws InputError in one line: another kind of file, arrays of whole numbers, a value that is not finite, or names and
 *   shapes that are not those of the parameters (all that differ, expected and found)
 */
export async function readGradient(
  path: string,
  model: Model,
  parameters: Named<NDArray>,
  dtype: Float,
): Promise<Named<NDArray>> {
  const reader = readers[extname(path).toLowerCase()];
  if (reader === undefined)
    throw new InputError(`--gradients: expected a file ending in .npz or .safetensors, found "${path}"`);
  const arrays = new Map(Object.entries(await reader(path)));
  for (const [name, array] of arrays) {
    if (!isFloat(array.dtype))
      throw new InputError(`${path}: array ${name}: expected floating-point numbers, found ${array.dtype}`);
    const bad = Array.from(array.data as ArrayLike<number>).findIndex((value) => !Number.isFinite(value));
    if (bad >= 0)
      throw new InputError(
        `${path}: array ${name}: expected finite numbers, found ${array.data[bad]} at ${bad}`,
      );
  }
  const gradient = nested(Object.fromEntries(arrays));
  try {
    checkGradient(parameters, gradient);
  } catch (error) {
    if (error instanceof RangeError)
      throw new InputError(`${path}: for ${model.description} ${error.message}`);
    throw error;
  }
  return tree.map((array) => castArray(array, dtype), gradient);
}
