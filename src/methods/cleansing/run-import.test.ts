import { existsSync } from "node:fs";
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { failure } from "../../data/binary-files.testing.ts";
import { readNpy, toNpy } from "../../data/npy.ts";
import { type NDArray, ndarray } from "../../engine/ndarray.ts";
import { executeCleansing, tableOf } from "./commands.testing.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fallline-import-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("cleansing import", () => {
  const recorded = join(import.meta.dirname, "../../../test/vectors/recorded-training/momentum-float64");
  const given = { model: "mlp:5", verify: 0, refine: "no" };

  /** A copy of the recorded training with validation data. */
  async function trajectory(name: string, change: (files: Map<string, NDArray>) => void = () => {}) {
    const place = join(folder, name);
    await cp(recorded, place, { recursive: true });
    const files = new Map<string, NDArray>();
    for (const letter of ["x", "y"])
      files.set(`${letter}-validation`, await readNpy(join(recorded, `held-out-${letter}.npy`)));
    change(files);
    for (const [file, array] of files) await writeFile(join(place, `${file}.npy`), await toNpy(array));
    return place;
  }

  it("scores a training by PyTorch as its own derivative does", async () => {
    const place = await trajectory("torch");
    const { out } = await executeCleansing(
      "import",
      { ...given, trajectory: place },
      { out: join(folder, "imported") },
    );
    const expected = await readNpy(join(recorded, "row-derivatives.npy"));
    const rows = tableOf(out, "scores");
    expect(rows).toHaveLength(expected.data.length);
    for (const { row, score } of rows)
      expect(Number(score)).toBeCloseTo(-Number(expected.data[Number(row)]), 11);
  });

  const y = (labels: readonly number[], dtype: "int64" | "float64") => ndarray(labels, [8], dtype);
  it.each<readonly [string, (files: Map<string, NDArray>) => void, RegExp]>([
    [
      "no validation data",
      (files) => files.clear(),
      /x-validation.npy: there is no such file; expected .* to judge by/,
    ],
    [
      "a negative class",
      (files) => files.set("y-validation", y([0, 1, 2, -1, 0, 1, 2, 0], "int64")),
      /validation.y: row 3 is of class -1; expected 0 to 2/,
    ],
    [
      "classes that are no whole numbers",
      (files) => files.set("y-validation", y([0, 1, 2, 0.5, 0, 1, 2, 0], "float64")),
      /y-validation.npy: holds float64; expected classes/,
    ],
    [
      "a number that is none",
      (files) =>
        files.set("x-validation", ndarray(new Float64Array(32).fill(Number.NaN, 5, 6), [8, 4], "float64")),
      /validation.x: row 1 holds NaN/,
    ],
    [
      "other features",
      (files) => files.set("x-validation", ndarray(new Float64Array(24), [8, 3], "float64")),
      /x-validation.npy: examples \[3\]; expected \[4\]/,
    ],
  ])("refuses %s in one line, and leaves no folder", async (name, change, message) => {
    const place = await trajectory(`with ${name}`, change);
    const out = join(folder, "refused");
    const told = await failure(executeCleansing("import", { ...given, trajectory: place }, { out }));
    expect(told).toMatch(/^InputError: [^\n]+$/);
    expect(told).toMatch(message);
    expect(existsSync(out)).toBe(false);
  });
});
