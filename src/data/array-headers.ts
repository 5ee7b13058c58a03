/** What arrays a NPY, NPZ or safetensors file holds, from its headers alone: no element is read. */
import { withByteSource } from "./byte-source.ts";
import { InputError } from "./input-error.ts";
import { npyHeaderOf } from "./npy.ts";
import { npzMembers } from "./npz.ts";
import { safetensorsEntries } from "./safetensors.ts";

export interface ArrayHeader {
  /** Empty for the array of an NPY file. */
  readonly name: string;
  /** As the file writes it: "<f4" (NumPy), "F32" (safetensors). */
  readonly dtype: string;
  readonly shape: readonly number[];
}

/**
 * The arrays in a file, after checking that it is as large as they say.
 *
 * @throws InputError with file, offset or array, expected and found
 */
export function readArrayHeaders(
  path: string,
  format: "npy" | "npz" | "safetensors",
): Promise<ArrayHeader[]> {
  return withByteSource(path, async (source) => {
    switch (format) {
      case "npy": {
        const { descr, shape } = await npyHeaderOf(source);
        return [{ name: "", dtype: descr, shape }];
      }
      case "npz": {
        const members = await npzMembers(source);
        if (members.length === 0)
          throw new InputError(`${path}: expected an NPZ file with arrays, found an empty archive`);
        return members.map(({ name, header: { descr, shape } }) => ({ name, dtype: descr, shape }));
      }
      case "safetensors": {
        const { entries } = await safetensorsEntries(source);
        return entries.map(({ name, code, shape }) => ({ name, dtype: code, shape }));
      }
    }
  });
}
