import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { fail } from "./errors.ts";

test("the line of a caller in a folder with spaces and brackets", async () => {
  const folder = await mkdtemp(join(tmpdir(), "my models (new) "));
  try {
    const file = join(folder, "user.cjs");
    await writeFile(file, "module.exports = (f) => {\n  f();\n};\n");
    const call = createRequire(import.meta.url)(file) as (f: () => void) => void;
    expect(() => call(() => fail("conv", "wrong"))).toThrow(/errors\.test\.ts:\d+\)$/);
    const direct = fail.bind(undefined, "conv", "wrong");
    expect(() => call(direct)).toThrow(`conv: wrong (at ${file}:2)`);
  } finally {
    await rm(folder, { recursive: true });
  }
});
