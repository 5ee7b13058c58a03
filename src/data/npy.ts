import type { NDArray } from "../engine/ndarray.ts";

/**
 * An array as the bytes of a NumPy `.npy` file (format 3.0, little-endian, C order), which `numpy.load` reads with
 * the same dtype and shape.
 */
export async function toNpy(array: NDArray): Promise<Uint8Array> {
  const { frombuffer, reshape, serializeNpy } = await import("numpy-ts");
  return serializeNpy(reshape(frombuffer(array.data, array.dtype), [...array.shape]));
}
