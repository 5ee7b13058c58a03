import { extname } from "node:path";
import { InputError } from "../data/input-error.ts";
import { readNpz, toNpz } from "../data/npz.ts";
import { readSafetensors, toSafetensors } from "../data/safetensors.ts";
import { writeWhole } from "../data/whole-file.ts";
import { isFloat } from "../engine/dtype.ts";
import { castArray, type NDArray } from "../engine/ndarray.ts";
import { formatShape, sameShape } from "../engine/shape.ts";
import type { Spec } from "../engine/tensor.ts";
import * as tree from "../engine/tree.ts";
import type { FloatDType, Model, Named } from "./model.ts";
import { flat } from "./names.ts";

/** Parameters and buffers of models in files, under the names and in the layouts of a PyTorch `state_dict`. */

const readers = { ".safetensors": readSafetensors, ".npz": readNpz };

/** `.safetensors` or `.npz`, by the file's name. */
function formatOf(path: string): keyof typeof readers {
  const extension = extname(path).toLowerCase();
  if (extension !== ".safetensors" && extension !== ".npz")
    throw new InputError(`${path}: expected the name of a .safetensors or .npz file`);
  return extension;
}

export interface ModelState {
  readonly parameters: Named<NDArray>;
  /** For models that have some. */
  readonly buffers?: Named<NDArray> | undefined;
}

/**
 * Saves parameters and buffers in one file, safetensors or NPZ by its extension. The file appears whole or not at all.
 *
 * `module.load_state_dict(safetensors.torch.load_file(path))` reads it into the PyTorch module of the same names.
 *
 * @throws InputError when the extension is another, or the file cannot be written
 */
export async function saveParameters(path: string, { parameters, buffers = {} }: ModelState): Promise<void> {
  const format = formatOf(path);
  const arrays = { ...flat(parameters), ...flat(buffers) };
  const bytes = format === ".npz" ? await toNpz(arrays) : toSafetensors(arrays, { format: "pt" });
  await writeWhole(path, bytes);
}

export interface LoadOptions {
  /** Of the parameters and running statistics in memory; `float32` by default. */
  readonly dtype?: FloatDType;
  /** Our name for a name in the file. */
  readonly rename?: (name: string) => string;
  /** Whether names that the model does not have are passed over; false by default: they are an error. */
  readonly allowUnexpected?: boolean;
}

/**
 * Reads a model's parameters, and buffers where it has some, from a safetensors or NPZ file, as PyTorch or
 * {@link saveParameters} wrote them.
 *
 * @returns trees like `model.parameters` and `model.buffers`
 * @throws InputError naming the file and, in one line, the missing and the unexpected names, or the first tensor whose
 *   shape or dtype does not fit
 */
export async function loadParameters(
  path: string,
  model: Model,
  { dtype = "float32", rename = (name) => name, allowUnexpected = false }: LoadOptions = {},
): Promise<ModelState> {
  const stored = await readers[formatOf(path)](path);
  const arrays = new Map(Object.entries(stored).map(([name, array]) => [rename(name), array]));
  const specs = model.parameters(dtype);
  const bufferSpecs = model.buffers?.(dtype);
  const names = [...Object.keys(flat(specs)), ...Object.keys(flat(bufferSpecs ?? {}))];
  const missing = names.filter((name) => !arrays.has(name));
  const unexpected = [...arrays.keys()].filter((name) => !names.includes(name));
  if (missing.length > 0 || (unexpected.length > 0 && !allowUnexpected)) {
    const problems = [
      ...(missing.length > 0 ? [`missing ${listed(missing)}`] : []),
      ...(unexpected.length > 0 ? [`unexpected ${listed(unexpected)}`] : []),
    ];
    throw new InputError(`${path}: the parameters of ${model.description}: ${problems.join("; ")}`);
  }
  const treeOf = (wanted: Named<Spec>): Named<NDArray> => {
    const leaves = Object.entries(flat(wanted)).map(([name, each]) =>
      fitted(path, name, arrays.get(name), each),
    );
    return tree.unflatten(wanted, leaves);
  };
  return { parameters: treeOf(specs), ...(bufferSpecs && { buffers: treeOf(bufferSpecs) }) };
}

/** The first names, and how many more there are. */
function listed(names: readonly string[]): string {
  const shown = names.slice(0, 6).join(", ");
  return names.length > 6 ? `${shown} and ${names.length - 6} more` : shown;
}

function fitted(path: string, name: string, array: NDArray | undefined, { shape, dtype }: Spec): NDArray {
  if (array === undefined) throw new Error(`${name} was checked to be there`);
  if (!sameShape(array.shape, shape))
    throw new InputError(
      `${path}: tensor ${name}: expected shape ${formatShape(shape)}, found ${formatShape(array.shape)}`,
    );
  if (isFloat(dtype) !== isFloat(array.dtype) || array.dtype === "bool")
    throw new InputError(
      `${path}: tensor ${name}: expected ${isFloat(dtype) ? "floating-point numbers" : "whole numbers"}, found ${array.dtype}`,
    );
  return castArray(array, dtype);
}
