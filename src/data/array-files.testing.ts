import { fileURLToPath } from "node:url";
import type { DType } from "../engine/dtype.ts";
import { type NDArray, ndarray } from "../engine/ndarray.ts";

/** Files that bench/peers/make_array_files.py wrote, and what it put into them. */

export function arrayFile(name: string): string {
  return fileURLToPath(new URL(`../../test/vectors/arrays/${name}`, import.meta.url));
}

const array = <D extends DType>(data: readonly number[], shape: readonly number[], dtype: D): NDArray<D> =>
  ndarray(data, shape, dtype);

export const writtenArrays: Readonly<Record<string, NDArray>> = {
  "0.weight": array([-0.5, -0.25, 0, 0.25, 0.5, 0.75], [2, 3], "float32"),
  "0.bias": array([1 / 3, -2e-300], [2], "float64"),
  "10.running_mean": array([], [0, 3], "float32"),
  "10.num_batches_tracked": array([7], [], "int64"),
  ids: array([-1, 2, 3, 2 ** 31 - 1], [2, 2], "int32"),
  mask: array([1, 0, 1], [3], "bool"),
  pixels: array([0, 1, 2, 3, 4], [5], "uint8"),
  größe: { dtype: "int64", shape: [2], data: BigInt64Array.of(2n ** 62n, -5n) },
};
