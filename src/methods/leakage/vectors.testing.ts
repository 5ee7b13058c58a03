import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** A reference file of this method, or undefined where the shared files are absent. */
export function referenceFile<T>(name: string): T | undefined {
  const shared = process.env.FALLLINE_SHARED ?? fileURLToPath(new URL("../../../../shared", import.meta.url));
  const path = join(shared, "vectors/leakage", name);
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as T) : undefined;
}
