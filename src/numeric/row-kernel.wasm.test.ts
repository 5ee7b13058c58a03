import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

it("holds the bytes that assembly/row-kernel.ts compiles to", () => {
  const script = fileURLToPath(new URL("../../scripts/build-wasm.js", import.meta.url));
  expect(() => execFileSync(process.execPath, [script, "--check"], { stdio: "pipe" })).not.toThrow();
});
