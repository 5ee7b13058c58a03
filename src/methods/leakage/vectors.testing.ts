import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const shared = process.env.FALLLINE_SHARED ?? fileURLToPath(new URL("../../../../shared", import.meta.url));

/** The path of a shared file, or undefined where it is absent. */
export function sharedPath(name: string): string | undefined {
  const path = join(shared, name);
  return existsSync(path) ? path : undefined;
}

/** A reference file of this method, or undefined where the shared files are absent. */
export function referenceFile<T>(name: string): T | undefined {
  const path = sharedPath(join("vectors/leakage", name));
  return path === undefined ? undefined : (JSON.parse(readFileSync(path, "utf8")) as T);
}
