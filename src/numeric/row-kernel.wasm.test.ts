import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

it("holds, as does src/training/logistic-runs.wasm.ts, the bytes that its source in assembly/ compiles to", () => {
  const script = fileURLToPath(new URL("../../scripts/build-wasm.js", import.meta.url));
  expect(() => execFileSync(process.execPath, [script, "--check"], { stdio: "pipe" })).not.toThrow();
});
