import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll } from "vitest";

/** A function that writes bytes to a new file in a folder of this test's own and gives its path. */
export function temporaryFiles(): (bytes: Uint8Array) => string {
  const folder = mkdtempSync(join(tmpdir(), "fallline-"));
  let count = 0;
  afterAll(() => rmSync(folder, { recursive: true }));
  return (bytes) => {
    const path = join(folder, `file-${count++}`);
    writeFileSync(path, bytes);
    return path;
  };
}

/** The path of a shared test file, or undefined where it is absent. */
export function sharedFile(path: string): string | undefined {
  const shared = process.env.FALLLINE_SHARED ?? fileURLToPath(new URL("../../../shared", import.meta.url));
  const full = join(shared, path);
  return existsSync(full) ? full : undefined;
}

/** The message of the error a promise ends with, and its name. */
export async function failure(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  }
  throw new Error("expected a failure");
}
