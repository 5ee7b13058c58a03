// Files of --data.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { InputError } from "../../dist/data/input-error.js";

/**
 * Where a file lies: in the folder of --data itself or in one of the usual name.
 *
 * @param {string | undefined} data
 * @param {{ folder: string, name: string }} file
 */
export function fileOf(data, { folder, name }) {
  const places = data === undefined ? [] : [join(data, folder, name), join(data, name)];
  const found = places.find((path) => existsSync(path));
  if (found === undefined)
    throw new InputError(`--data ${data ?? "FOLDER"}: expected ${name} there or in the folder ${folder}`);
  return found;
}
