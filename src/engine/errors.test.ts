import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { fail } from "./errors.ts";
import { fromNested, ndarray } from "./ndarray.ts";
import * as tree from "./tree.ts";

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

test.each([
  [
    "an array that does not fill its shape",
    () => ndarray([1, 2, 3], [2, 2]),
    RangeError,
    "ndarray: 3 elements",
  ],
  ["rows of different lengths", () => fromNested([[1, 2], [3]]), RangeError, "fromNested: rows"],
  [
    "trees of different structures",
    () => tree.map(() => 0, { a: 1 }, { b: 1 }),
    TypeError,
    "tree: the structures",
  ],
  ["too few leaves", () => tree.unflatten({ a: 1, b: 2 }, [1]), TypeError, "tree: 1 leaves"],
] as const)("%s: the caller's line", (_, wrong, kind, message) => {
  let error: unknown;
  try {
    wrong();
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(kind);
  expect(String(error)).toContain(message);
  expect(String(error)).toMatch(/ \(at .*errors\.test\.ts:\d+\)$/);
});
