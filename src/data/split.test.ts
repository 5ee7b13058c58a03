import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { randomStream } from "../numeric/random.ts";
import { kFold, splitRows } from "./split.ts";

describe("splitRows", () => {
  it("gives disjoint parts of the right sizes, by seed, as plain JSON", () => {
    const split = splitRows({
      rows: 103,
      fractions: { train: 0.6, valid: 0.2, test: 0.2 },
      stream: randomStream(4),
    });
    const { train = [], valid = [], test = [] } = split.parts;
    expect([train.length, valid.length, test.length]).toEqual([62, 21, 20]);
    expect([...train, ...valid, ...test].sort((a, b) => a - b)).toEqual(
      Array.from({ length: 103 }, (_, i) => i),
    );
    expect(JSON.parse(JSON.stringify(split))).toEqual(split);
    const again = { rows: 103, fractions: split.fractions };
    expect(splitRows({ ...again, stream: randomStream(4) })).toEqual(split);
    expect(splitRows({ ...again, stream: randomStream(5) }).parts).not.toEqual(split.parts);
  });

  it("keeps every class's share to within a row, and disjoint parts, whatever the classes", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 12, maxLength: 300 }),
        fc.integer({ min: 1, max: 9 }),
        fc.boolean(),
        (classes, tenths, isWhole) => {
          const train = tenths / 10;
          const fractions = { train, test: (1 - train) * (isWhole ? 1 : 0.5) };
          const split = splitRows({
            rows: classes.length,
            fractions,
            stratify: classes,
            stream: randomStream(1),
          });
          const all = [...(split.parts.train ?? []), ...(split.parts.test ?? [])];
          expect(new Set(all).size).toBe(all.length);
          if (isWhole) expect(all.length).toBe(classes.length);
          for (const label of new Set(classes)) {
            const size = classes.filter((other) => other === label).length;
            for (const part of ["train", "test"] as const) {
              const found = (split.parts[part] ?? []).filter((row) => classes[row] === label).length;
              expect(Math.abs(found - fractions[part] * size)).toBeLessThanOrEqual(1 + 1e-9);
            }
          }
          for (const part of ["train", "test"] as const)
            expect(
              Math.abs((split.parts[part]?.length ?? 0) - fractions[part] * classes.length),
            ).toBeLessThan(1.5);
        },
      ),
      { seed: 3, numRuns: 200 },
    );
  });

  it("refuses shares that are none and parts that would be empty", () => {
    const stream = randomStream(0);
    for (const fractions of [{}, { a: 0, b: 1 }, { a: 0.7, b: 0.7 }, { a: Number.NaN }])
      expect(() => splitRows({ rows: 10, fractions, stream })).toThrow("expected shares above 0");
    expect(() => splitRows({ rows: 3, fractions: { a: 0.9, b: 0.1 }, stream })).toThrow("leave none for b");
    expect(() => splitRows({ rows: 0, fractions: { a: 1 }, stream })).toThrow("rows 0");
    expect(() => splitRows({ rows: 3, fractions: { a: 1 }, stratify: [1], stream })).toThrow(
      "1 classes for 3 rows",
    );
  });
});

describe("kFold", () => {
  it("tests every row once, each class evenly", () => {
    const classes = Array.from({ length: 47 }, (_, i) => (i % 5 === 0 ? "rare" : "common"));
    const folds = kFold({ rows: 47, folds: 5, stratify: classes, stream: randomStream(2) });
    expect(folds.flatMap(({ test }) => test).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 47 }, (_, i) => i),
    );
    for (const { train, test } of folds) {
      expect(train.length + test.length).toBe(47);
      expect(train.some((row) => test.includes(row))).toBe(false);
      expect(test.filter((row) => classes[row] === "rare").length).toBe(2);
      expect([9, 10]).toContain(test.length);
    }
    expect(() => kFold({ rows: 3, folds: 4, stream: randomStream(0) })).toThrow("expected 2 to 3");
  });
});
