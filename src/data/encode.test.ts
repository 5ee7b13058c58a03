import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { toNumbers } from "../engine/ndarray.ts";
import { sharedFile } from "./binary-files.testing.ts";
import {
  decodeFeatures,
  encodeFeatures,
  type FeatureEncoder,
  featureSources,
  fitFeatureEncoder,
} from "./encode-features.ts";
import { encodeClasses, encodeRegression } from "./encode-target.ts";
import { readTable, type TableData } from "./table.ts";

const folder = mkdtempSync(join(tmpdir(), "fallline-encode-"));
afterAll(() => rmSync(folder, { recursive: true }));

async function tableOf(text: string): Promise<TableData> {
  const path = join(folder, `table-${Math.abs(text.length * 31 + text.charCodeAt(5))}.csv`);
  writeFileSync(path, text);
  return readTable(path);
}

/** A feature column of an encoding. */
function column(
  encoded: { features: { data: Float64Array; shape: readonly number[] } },
  index: number,
): number[] {
  const width = encoded.features.shape[1] ?? 0;
  return Array.from(encoded.features.data).filter((_, i) => i % width === index);
}

let table: TableData;
beforeAll(async () => {
  table = await tableOf("size,work,y\n1,b,no\n3,a,yes\n5,b,no\n100,new,yes\n,,yes\n");
});
const training = [0, 1, 2];

describe("encodeFeatures", () => {
  it("learns from training rows only, and names each feature's column and level", () => {
    const encoder = fitFeatureEncoder(table, { rows: training, except: ["y"] });
    const encoded = encodeFeatures(encoder, table, [0, 1, 2, 3]);
    expect(encoded.names).toEqual(["size", "work=a", "work=b", "work=(other)"]);
    expect(encoded.sources[2]).toEqual({ column: "work", kind: "level", level: "b" });
    expect(encoded.features.shape).toEqual([4, 4]);
    // Mean 3, variance 8/3 of 1, 3, 5.
    const deviation = Math.sqrt(8 / 3);
    expect(column(encoded, 0)).toEqual([-2 / deviation, 0, 2 / deviation, 97 / deviation]);
    expect(column(encoded, 1)).toEqual([0, 1, 0, 0]);
    expect(column(encoded, 2)).toEqual([1, 0, 1, 0]);
    expect(column(encoded, 3)).toEqual([0, 0, 0, 1]);
  });

  it("decodes to the user's values", () => {
    const encoder = fitFeatureEncoder(table, { rows: training, except: ["y"] });
    const { features } = encodeFeatures(encoder, table, [0, 1, 2, 3]);
    const decoded = [0, 1, 2, 3].map((row) =>
      decodeFeatures(encoder, features.data.subarray(row * 4, row * 4 + 4)),
    );
    for (const [row, size] of [1, 3, 5, 100].entries()) expect(decoded[row]?.size).toBeCloseTo(size, 12);
    expect(decoded.map(({ work }) => work)).toEqual(["b", "a", "b", { kind: "other" }]);
    // A recovered row, not exactly one-hot.
    expect(decodeFeatures(encoder, [0, 0.4, 0.3, 0.1]).work).toBe("a");
    expect(() => decodeFeatures(encoder, [0])).toThrow("1 features; the encoder makes 4");
  });

  it("is plain JSON", () => {
    const encoder = fitFeatureEncoder(table, { rows: training, except: ["y"] });
    const copy = JSON.parse(JSON.stringify(encoder)) as FeatureEncoder;
    expect(encodeFeatures(copy, table, training)).toEqual(encodeFeatures(encoder, table, training));
  });

  it("has a policy for missing values", () => {
    expect(() => fitFeatureEncoder(table)).toThrow(
      /row 5: column "size" has no value; expected one, or a policy/,
    );
    const fitted = fitFeatureEncoder(table, { rows: training, except: ["y"] });
    expect(() => encodeFeatures(fitted, table, [0, 4])).toThrow('row 5: column "size"');

    const impute = fitFeatureEncoder(table, { rows: training, except: ["y"], missing: "impute" });
    expect(Array.from(encodeFeatures(impute, table, [4]).features.data)).toEqual([0, 0, 1, 0]);

    const indicator = fitFeatureEncoder(table, { rows: [0, 1, 4], except: ["y"], missing: "indicator" });
    const encoded = encodeFeatures(indicator, table, [0, 4]);
    expect(encoded.names).toEqual([
      "size",
      "size=(missing)",
      "work=a",
      "work=b",
      "work=(missing)",
      "work=(other)",
    ]);
    expect(Array.from(encoded.features.data)).toEqual([-1, 0, 0, 1, 0, 0, 0, 1, 0, 0, 1, 0]);
    expect(decodeFeatures(indicator, encoded.features.data.subarray(6))).toEqual({
      size: { kind: "missing" },
      work: { kind: "missing" },
    });
  });

  it("leaves constants at zero, and numbers as they are on request", async () => {
    const constant = await tableOf("k,v\n7,1\n7,2\n");
    const encoder = fitFeatureEncoder(constant);
    expect(column(encodeFeatures(encoder, constant), 0)).toEqual([0, 0]);
    const plain = fitFeatureEncoder(constant, { standardize: false });
    expect(Array.from(encodeFeatures(plain, constant).features.data)).toEqual([7, 1, 7, 2]);
  });

  it("refuses what it cannot encode, naming row and column", async () => {
    const infinite = await tableOf("v,w\n1,2\ninf,3\n");
    expect(() => fitFeatureEncoder(infinite)).toThrow(
      'row 2: column "v": expected a finite number, found Infinity',
    );
    expect(() => fitFeatureEncoder(table, { rows: training, mostLevels: 1 })).toThrow("2 different texts");
    expect(() => fitFeatureEncoder(table, { rows: [4], missing: "impute" })).toThrow(
      "no value in the training rows",
    );
    expect(() => fitFeatureEncoder(table, { rows: [5] })).toThrow(RangeError);
    expect(() => fitFeatureEncoder(table, { except: [1, 2, 3] })).toThrow("no columns are left");
    const other = await tableOf("size,work\nlarge,b\nsmall,c\n");
    const encoder = fitFeatureEncoder(table, { rows: training, except: ["y"] });
    expect(() => encodeFeatures(encoder, other)).toThrow('column "size" is of text; expected number');
  });

  const adult = sharedFile("data/adult/adult-training.csv");
  if (adult === undefined) it.skip("inverts Adult (skipped: shared/data/adult is absent)", () => {});
  else
    it("inverts Adult", async () => {
      const data = await readTable(adult);
      const encoder = fitFeatureEncoder(data, { except: ["last"], missing: "indicator" });
      const { features, names } = encodeFeatures(
        encoder,
        data,
        Array.from({ length: 500 }, (_, i) => i),
      );
      expect(names.length).toBe(featureSources(encoder).length);
      for (let row = 0; row < 500; row++) {
        const width = names.length;
        const decoded = decodeFeatures(encoder, features.data.subarray(row * width, (row + 1) * width));
        for (const { name, values, missing, type } of data.values.slice(0, -1)) {
          const expected = missing[row] === 1 ? { kind: "missing" } : values[row];
          if (type === "number") expect(decoded[name]).toBeCloseTo(Number(expected), 6);
          else expect(decoded[name]).toEqual(expected);
        }
      }
    });
});

describe("targets", () => {
  it("are classes in sorted order or as seen, or those given", async () => {
    expect(encodeClasses(table, "y").classNames).toEqual(["no", "yes"]);
    const seen = encodeClasses(table, "work", { rows: training, order: "seen" });
    expect(seen.classNames).toEqual(["b", "a"]);
    expect(toNumbers(seen.labels)).toEqual([0, 1, 0]);
    const numbers = await tableOf("k,y\n1,10\n2,9\n3,10\n");
    expect(encodeClasses(numbers, "last").classNames).toEqual(["9", "10"]);
    const given = encodeClasses(table, "y", { classNames: ["yes", "no"] });
    expect(toNumbers(given.labels)).toEqual([1, 0, 1, 0, 0]);
    expect(() => encodeClasses(table, "y", { classNames: ["no"] })).toThrow(
      'row 2: column "y" is "yes"; expected one of no',
    );
    expect(() => encodeClasses(table, "work")).toThrow('row 5: column "work" has no value');
    expect(() => encodeClasses(table, "y", { rows: [0, 2] })).toThrow(
      "1 different values; expected 2 to 1000",
    );
  });

  it("are numbers, standardised on request by training rows", () => {
    expect(toNumbers(encodeRegression(table, "size", { rows: training }).values)).toEqual([1, 3, 5]);
    const target = encodeRegression(table, "size", { rows: training, standardize: true });
    const test = encodeRegression(table, "size", { rows: [3], standardize: target });
    expect(Number(test.values.data[0]) * target.scale + target.mean).toBeCloseTo(100, 12);
    expect(() => encodeRegression(table, "size")).toThrow("row 5");
    expect(() => encodeRegression(table, "work")).toThrow("holds text; expected numbers");
  });
});
