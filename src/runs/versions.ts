import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

/** This package's version, as its package.json says. */
export function packageVersion(): string {
  return versionIn(new URL("../../package.json", import.meta.url));
}

/** The versions that a run's numbers can depend on. */
export function runVersions(): Record<string, string> {
  const require = createRequire(import.meta.url);
  return {
    fallline: packageVersion(),
    node: process.versions.node,
    "onnxruntime-node": versionIn(require.resolve("onnxruntime-node/package.json")),
  };
}

function versionIn(packageFile: string | URL): string {
  const { version } = JSON.parse(readFileSync(packageFile, "utf8")) as { version: string };
  return version;
}
