import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import sharp from "sharp";
import { afterAll, describe, expect, it } from "vitest";
import { failure, sharedFile } from "../../data/binary-files.testing.ts";
import { toNumbers } from "../../engine/ndarray.ts";
import { randomStream } from "../../numeric/random.ts";
import { type DataRequest, findRow, type PreparedImages, prepareData } from "./prepared-data.ts";

const root = mkdtempSync(join(tmpdir(), "fallline-prepare-"));
afterAll(() => rmSync(root, { recursive: true }));

function file(name: string, content: Uint8Array | string): string {
  const path = join(root, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
}

function prepare(data: string, request: Partial<DataRequest> = {}) {
  return prepareData({ data, stream: randomStream(3), ...request });
}

async function refused(data: string, request: Partial<DataRequest> = {}): Promise<string> {
  const message = await failure(prepare(data, request));
  expect(message).toMatch(/^InputError: [^\n]+$/);
  return message;
}

/** 100 rows: amount 1 ... 100, a colour, a name of its own, and whether the amount is even. */
function rowsOf(change: (row: number, cells: string[]) => string[] = (_, cells) => cells): string {
  const rows = Array.from({ length: 100 }, (_, i) => {
    const row = i + 1;
    const cells = [String(row * row), ["red", "green", "blue"][row % 3] ?? "", `name ${row}`];
    return change(row, [...cells, row % 2 === 0 ? "even" : "odd"]).join(",");
  });
  return `amount,colour,name,parity\n${rows.join("\n")}\n`;
}

const plain = file("plain.csv", rowsOf());

describe("prepareData of a table", () => {
  it("divides the rows into disjoint parts with each class in the same proportion", async () => {
    const { parts, manifest, classNames } = await prepare(plain, { label: "parity", validation: 0.1 });
    const all = [...parts.train.rows, ...parts.validation.rows, ...parts.test.rows];
    expect(parts.train.rows.length).toBe(70);
    expect(parts.validation.rows.length).toBe(10);
    expect(all.sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
    expect(classNames).toEqual(["even", "odd"]);
    for (const { examples, rows } of Object.values(parts)) {
      expect(toNumbers(examples.y)).toEqual(rows.map((row) => row % 2));
      expect(rows.filter((row) => row % 2 === 0).length).toBe(rows.length / 2);
    }
    expect(JSON.parse(JSON.stringify(manifest))).toEqual(manifest);
    expect(manifest.parts.test).toEqual(parts.test.rows);
  });

  it("standardises by the training rows alone, and leaves names of rows out", async () => {
    const prepared = await prepare(plain, { label: "last" });
    if (prepared.kind !== "table") throw new Error("expected a table");
    const { parts, inputShape, featureNames, notices, manifest } = prepared;
    expect(featureNames[0]).toBe("amount");
    expect(featureNames).toContain("colour=blue");
    expect(manifest.leftOut).toEqual(["name"]);
    expect(notices.join("\n")).toContain('column "name" is left out: it has 60 different texts');
    const amounts = parts.train.rows.map((row) => row * row);
    const mean = amounts.reduce((sum, amount) => sum + amount, 0) / amounts.length;
    const deviation = Math.sqrt(amounts.reduce((sum, a) => sum + (a - mean) ** 2, 0) / amounts.length);
    const width = inputShape[0] ?? 0;
    for (const { examples, rows } of Object.values(parts))
      for (const [i, row] of rows.entries())
        expect(examples.x.data[i * width]).toBeCloseTo((row * row - mean) / deviation, 12);
  });

  it("gives a row's own values, and finds a row", async () => {
    const prepared = await prepare(plain, { label: "parity" });
    const found = findRow(prepared, 42);
    if (found === undefined) throw new Error("row 42 is in some part");
    expect(prepared.describeRow(found.part, found.index)).toEqual({
      row: 42,
      label: "even",
      values: { amount: 1764, colour: "red", name: "name 42", parity: "even" },
    });
    expect(findRow(prepared, 101)).toBeUndefined();
    expect(() => prepared.describeRow("test", 20)).toThrow(RangeError);
  });

  it("draws the same rows from the same seed, and others from another", async () => {
    const request = { label: "parity", rows: 50 };
    const [first, again, other] = await Promise.all([
      prepare(plain, request),
      prepare(plain, request),
      prepare(plain, { ...request, stream: randomStream(4) }),
    ]);
    expect(again.manifest).toEqual(first.manifest);
    expect(other.manifest.parts).not.toEqual(first.manifest.parts);
    expect(first.parts.train.rows.length + first.parts.test.rows.length).toBe(40);
    const more = await prepare(plain, { label: "parity", rows: 101 });
    expect(more.notices.join("\n")).toContain("--rows 101: it holds 100 rows");
  });

  it("names columns with missing values, and marks, imputes or refuses them", async () => {
    const holes = file(
      "holes.csv",
      rowsOf((row, [amount = "", colour = "", ...rest]) => [
        row % 4 === 0 ? "?" : amount,
        row === 7 || row === 8 ? "" : colour,
        ...rest,
      ]),
    );
    const marked = await prepare(holes, { label: "parity" });
    const notice = marked.notices.at(-1);
    expect(notice).toContain("missing in amount (25 rows), colour (2 rows): numbers take the mean");
    expect(marked.kind === "table" && marked.featureNames).toContain("amount=(missing)");
    const imputed = await prepare(holes, { label: "parity", missing: "impute" });
    expect(imputed.kind === "table" && imputed.featureNames).not.toContain("amount=(missing)");
    expect(await refused(holes, { label: "parity", missing: "error" })).toContain(
      'column "amount" has no value',
    );
  });

  it("refuses a text among numbers, unless the column is one of texts", async () => {
    const stray = file(
      "stray.csv",
      rowsOf((row, [amount = "", ...rest]) => [row === 12 ? "12;5o" : String(Number(amount) % 7), ...rest]),
    );
    expect(await refused(stray, { label: "parity" })).toContain(
      'row 12: column "amount": expected a number, as 99 other rows have, found "12;5o"',
    );
    const texts = await prepare(stray, { label: "parity", textColumns: ["amount"] });
    expect(texts.kind === "table" && texts.featureNames).toContain("amount=4");
    const numbers = file(
      "numbers.csv",
      rowsOf((row, [, ...rest]) => [String(row % 3), ...rest]),
    );
    const codes = await prepare(numbers, { label: "parity", textColumns: ["1"] });
    expect(codes.kind === "table" && codes.featureNames.slice(0, 3)).toEqual([
      "amount=0",
      "amount=1",
      "amount=2",
    ]);
  });

  it("keeps rows of rare classes, and says which are not trained on", async () => {
    const rare = file(
      "rare.csv",
      rowsOf((row, cells) => [...cells.slice(0, 3), row < 3 ? `rare ${row}` : (cells[3] ?? "")]),
    );
    const { classNames, parts, notices } = await prepare(rare, { label: "parity", test: 0.6 });
    expect(classNames).toEqual(["even", "odd", "rare 1", "rare 2"]);
    const trained = new Set(toNumbers(parts.train.examples.y));
    const untrained = classNames.filter((_, i) => !trained.has(i));
    expect(untrained.length).toBeGreaterThan(0);
    expect(notices.join("\n")).toContain(`no row to train on is of class ${untrained.join(", ")}`);
  });

  it("refuses what cannot be learned from, in one line", async () => {
    expect(await refused(plain, { label: "parties" })).toContain(
      'no column "parties"; expected amount, colour, name, parity, a number from 1 to 4, or last',
    );
    expect(await refused(plain)).toContain("--label: expected the column");
    expect(await refused(plain, { label: "amount" })).toContain(
      "100 different values; expected 2 to 50 classes",
    );
    const same = file("same.csv", "a,b\n1,x\n2,x\n3,x\n4,x\n5,x\n6,x\n");
    expect(await refused(same, { label: "b" })).toContain("1 different values; expected 2 to 3 classes");
    expect(await refused(file("empty.csv", ""), { label: "b" })).toContain("the file is empty");
    expect(await refused(join(root, "none.csv"), { label: "b" })).toContain("there is no such file");
    expect(await refused(file("few.csv", "a,b\n1,x\n2,y\n3,x\n"), { label: "b" })).toContain(
      "3 rows are too few for three parts",
    );
    expect(await refused(plain, { label: "parity", batch: 64 })).toContain("--batch 64: ");
    expect(await refused(plain, { label: "parity", validation: 0.5, test: 0.5 })).toContain(
      "leave nothing to train on",
    );
    expect(await refused(plain, { label: "parity", test: 0 })).toContain("--test: expected a share");
    expect(await refused(plain, { label: "parity", except: ["amount", "colour"] })).toContain(
      "no column is left to learn from",
    );
  });

  const adult = sharedFile("data/adult/adult-training.csv");
  it.skipIf(adult === undefined)("names Adult's columns (needs the shared data)", async () => {
    const prepared = await prepare(adult ?? "", { label: "income", rows: 500, stream: randomStream(0) });
    if (prepared.kind !== "table") throw new Error("expected a table");
    expect(prepared.classNames).toEqual(["<=50K", ">50K"]);
    expect(prepared.parts.train.rows.length).toBe(300);
    expect(prepared.manifest.available).toBe(32_561);
    expect(prepared.featureNames[0]).toBe("age");
    expect(prepared.notices.join("\n")).toMatch(/missing in workclass \(\d+ rows\)/);
    expect([...(prepared.parts.train.examples.x.data as Float64Array)].every(Number.isFinite)).toBe(true);
  });
});

describe("prepareData of images", () => {
  /** 20 images of 2 x 2: dark ones of class 0 and bright ones of class 1. */
  const pixels = Array.from({ length: 20 }, (_, i) => [0, 10, 20, 5 * i + (i % 2 === 0 ? 0 : 100)]).flat();
  const images = file(
    "set/train-images-idx3-ubyte",
    Uint8Array.from([0, 0, 8, 3, 0, 0, 0, 20, 0, 0, 0, 2, 0, 0, 0, 2, ...pixels]),
  );
  const labels = (of: (i: number) => number) =>
    Uint8Array.from([0, 0, 8, 1, 0, 0, 0, 20, ...Array.from({ length: 20 }, (_, i) => of(i))]);
  file(
    "set/train-labels-idx1-ubyte",
    labels((i) => i % 2),
  );

  it("standardises by the training images, and shows an image as it was", async () => {
    const prepared = (await prepare(images, { dtype: "float64" })) as PreparedImages;
    const { parts, inputShape, classNames } = prepared;
    expect([prepared.kind, inputShape, classNames]).toEqual(["images", [1, 2, 2], ["0", "1"]]);
    expect(parts.train.examples.x.shape).toEqual([12, 1, 2, 2]);
    const values = toNumbers(parts.train.examples.x);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(mean).toBeCloseTo(0, 12);
    expect(values.reduce((sum, value) => sum + value * value, 0) / values.length).toBeCloseTo(1, 12);
    const row = parts.test.rows[1] ?? 0;
    expect(prepared.describeRow("test", 1)).toEqual({ row, label: String((row - 1) % 2) });
    const picture = prepared.pictureOf("test", 1);
    expect(Array.from({ length: 4 }, (_, i) => picture.data[4 * i])).toEqual(
      pixels.slice(4 * (row - 1), 4 * row),
    );
    expect(() => prepared.pictureOf("test", 9)).toThrow(RangeError);
  });

  it("names the files of a folder by class", async () => {
    for (const [name, value] of [
      ["cat", 40],
      ["dog", 90],
    ] as const)
      for (let i = 0; i < 5; i++) {
        const raw = { width: 2, height: 2, channels: 3 } as const;
        const png = await sharp(new Uint8Array(12).fill(value + i), { raw })
          .png()
          .toBuffer();
        file(`animals/${name}/${i}.png`, png);
      }
    const prepared = await prepare(join(root, "animals"));
    const found = findRow(prepared, 7);
    if (found === undefined) throw new Error("image 7 is in some part");
    expect(prepared.describeRow(found.part, found.index)).toEqual({
      row: 7,
      label: "dog",
      file: join(root, "animals/dog/1.png"),
    });
    expect(prepared.parts.train.examples.x.dtype).toBe("float32");
  });

  it("refuses what is of tables, one class, and images without classes", async () => {
    expect(await refused(images, { label: "last" })).toContain("--label last: ");
    const one = file(
      "one/train-images-idx3-ubyte",
      Uint8Array.from([0, 0, 8, 3, 0, 0, 0, 20, 0, 0, 0, 2, 0, 0, 0, 2, ...pixels]),
    );
    expect(await refused(one)).toContain("nothing says the classes");
    file(
      "one/train-labels-idx1-ubyte",
      labels(() => 3),
    );
    expect(await refused(one)).toContain("holds one class only (3)");
    expect(await refused(join(root, "animals/cat/0.png"))).toContain("is one image; expected a table");
  });
});
