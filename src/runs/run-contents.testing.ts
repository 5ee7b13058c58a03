import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** The bytes of a run's files but for those that tell times and places, by path. */
export function contentsOf(run: string): Record<string, string> {
  const files = readdirSync(run, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !/run\.json$|report\.html$/.test(file));
  return Object.fromEntries(
    files.sort().map((file) => [file.slice(run.length + 1), readFileSync(file, "latin1")]),
  );
}
