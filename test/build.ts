// Builds and packs the package once before the end-to-end tests, which start it as a user would; who needs it installs it
// (installed.ts). Afterwards the folder of the installation is taken away.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    /** An empty folder for the one installation that all tests share. */
    readonly installation: string;
  }
}

export default function build({ provide }: TestProject): () => void {
  execFileSync("npm", ["run", "--silent", "build"], {
    cwd: new URL("..", import.meta.url),
    stdio: ["ignore", "inherit", "inherit"],
    shell: process.platform === "win32",
  });
  const installation = mkdtempSync(join(tmpdir(), "fallline-installed-"));
  provide("installation", installation);
  return () => rmSync(installation, { recursive: true, force: true });
}
