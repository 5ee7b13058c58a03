// Whatever bytes a file holds: every reader gives a value or an InputError of one line, and soon.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { DuckDBInstance } from "@duckdb/node-api";
import fc from "fast-check";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ndarray } from "../engine/ndarray.ts";
import { failure } from "./binary-files.testing.ts";
import { readCifar10, readCifar100 } from "./cifar.ts";
import { describeFile } from "./commands.ts";
import { openDataset } from "./dataset.ts";
import { readIdx } from "./idx.ts";
import { readImage } from "./image.ts";
import { InputError } from "./input-error.ts";
import { readNpy, toNpy } from "./npy.ts";
import { readNpz, toNpz } from "./npz.ts";
import { readSafetensors, toSafetensors } from "./safetensors.ts";
import { readTable } from "./table.ts";
import { extractTar } from "./untar.ts";

const folder = mkdtempSync(join(tmpdir(), "fallline-any-"));
afterAll(() => rmSync(folder, { recursive: true }));

const readers: Record<string, (path: string) => Promise<unknown>> = {
  describeFile: (path) => describeFile(path),
  openDataset: (path) => openDataset(path),
  readTable: (path) => readTable(path),
  readIdx: (path) => readIdx(path),
  readCifar10: (path) => readCifar10(path),
  readCifar100: (path) => readCifar100(path),
  readImage: (path) => readImage(path, [3, 4, 4]),
  readNpy: (path) => readNpy(path),
  readNpz: (path) => readNpz(path),
  readSafetensors: (path) => readSafetensors(path),
  extractTar: (path) => extractTar(path, [{ name: "a", bytes: 3 }], folder),
};

/** Real files, to be cut and changed; the ending with which each is written. */
const real = new Map<string, Uint8Array>();
beforeAll(async () => {
  const raw = { width: 6, height: 6, channels: 3 } as const;
  const image = sharp(
    Uint8Array.from({ length: 108 }, (_, i) => (i * 37) % 256),
    { raw },
  );
  for (const format of ["png", "jpeg", "webp", "tiff"] as const)
    real.set(`x.${format}`, await image.clone().toFormat(format).toBuffer());
  const csv = Buffer.from('name,age\nAnn,31\n"Bob, Jr",?\nCy,7.5\n');
  real.set("x.csv", csv);
  real.set("x.csv.gz", gzipSync(csv));
  real.set("x.json", Buffer.from('[{"a": 1, "b": "x"}, {"a": null, "b": "y"}]'));
  real.set("x.jsonl", Buffer.from('{"a": 1, "b": [1, {"c": 2}]}\n{"a": 2, "b": []}\n'));
  const parquet = join(folder, "x.parquet");
  const connection = await (await DuckDBInstance.create(":memory:")).connect();
  await connection.run(
    `COPY (SELECT i, 'text' || i AS t FROM range(100) r(i)) TO '${parquet}' (FORMAT parquet)`,
  );
  const { readFileSync } = await import("node:fs");
  real.set("x.parquet", readFileSync(parquet));
  real.set("x-idx3", Uint8Array.from([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 1, 1, 2, 3, 4]));
  real.set("x.npy", await toNpy(ndarray([1, 2, 3], [3], "float64")));
  const arrays = { w: ndarray([1, 2, 3], [3], "float32"), n: ndarray([4], [], "int64") };
  real.set("x.npz", await toNpz(arrays));
  real.set("x.safetensors", toSafetensors(arrays));
});

let written = 0;
async function outcome(name: string, bytes: Uint8Array): Promise<void> {
  const path = join(folder, `${written++}-${name}`);
  writeFileSync(path, bytes);
  for (const [reader, read] of Object.entries(readers)) {
    const error = await read(path).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (error === undefined) continue;
    if (!(error instanceof InputError))
      throw new Error(`${reader} of ${name}: ${String(error)}`, { cause: error });
    expect(error.message).not.toContain("\n");
    expect(error.message).toContain(path);
  }
  rmSync(path);
}

describe("any bytes", () => {
  it("random, under any name", async () => {
    const names = [
      "a",
      "a.csv",
      "a.csv.gz",
      "a.json",
      "a.jsonl",
      "a.parquet",
      "a.bin",
      "a.png",
      "a.npz",
      "a.safetensors",
    ];
    await fc.assert(fc.asyncProperty(fc.constantFrom(...names), fc.uint8Array({ maxLength: 200 }), outcome), {
      seed: 11,
      numRuns: 150,
    });
  });

  it("random text", async () => {
    const text = fc.string({ unit: fc.constantFrom(..."a1,;\t\"'\n\r .{}[]:?é"), maxLength: 80 });
    const names = fc.constantFrom("a.csv", "a.tsv", "a", "a.json");
    await fc.assert(
      fc.asyncProperty(names, text, (name, content) => outcome(name, Buffer.from(content))),
      { seed: 12, numRuns: 150 },
    );
  });

  it("of real files cut short and changed", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...real.keys()),
        fc.nat(),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
        fc.boolean(),
        async (name, cut, changes, isPacked) => {
          const bytes = Uint8Array.from(real.get(name) ?? []);
          for (const [at, value] of changes) bytes[at % bytes.length] = value;
          const kept = bytes.subarray(0, cut % 3 === 0 ? bytes.length : cut % (bytes.length + 1));
          await outcome(name, isPacked ? gzipSync(kept) : kept);
        },
      ),
      { seed: 13, numRuns: 300 },
    );
  });

  it("after a signature", async () => {
    const starts = [
      "PAR1",
      "PK\x03\x04",
      "\x93NUMPY\x01\0",
      "II*\0",
      "\x1f\x8b\x08",
      "\0\0\x08\x03",
      "[{",
      "\xef\xbb\xbf",
    ];
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...starts), fc.uint8Array({ maxLength: 120 }), (start, rest) =>
        outcome("a", Buffer.concat([Buffer.from(start, "latin1"), rest])),
      ),
      { seed: 14, numRuns: 150 },
    );
  });
});

describe("a file made to mislead", () => {
  const write = (name: string, bytes: Uint8Array | string) => {
    const path = join(folder, name);
    writeFileSync(path, bytes);
    return path;
  };

  it.skipIf(process.platform === "win32")("a pipe without a writer does not hang", async () => {
    const pipe = join(folder, "pipe");
    execFileSync("mkfifo", [pipe]);
    for (const read of Object.values(readers)) expect(await failure(read(pipe))).toContain("InputError");
  });

  it("sizes far beyond the file take no memory", async () => {
    const npyHeader = "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000, 1000000000), }";
    const npy = Buffer.concat([
      Buffer.from("\x93NUMPY\x01\0", "latin1"),
      Buffer.from([npyHeader.length, 0]),
      Buffer.from(npyHeader),
    ]);
    expect(await failure(describeFile(write("huge.npy", npy)))).toContain(
      "expected a shape that can be counted",
    );
    const long = Buffer.alloc(100);
    long.writeBigUInt64LE(2n ** 62n);
    expect(await failure(describeFile(write("long.safetensors", long)))).toContain(
      "expected the length of a safetensors header, from 2 to 92",
    );
    const idx = Uint8Array.from([0, 0, 8, 3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255]);
    expect(await failure(openDataset(write("huge-idx", idx)))).toContain("found 0");
    const tiff = await sharp({ create: { width: 2, height: 2, channels: 3, background: "red" } })
      .tiff()
      .toBuffer();
    // Tag 256, the width, of type 3 (16 bits) or 4 (32 bits), becomes 2^31 - 1.
    const tag = [3, 4]
      .map((type) => tiff.indexOf(Buffer.from([0, 1, type, 0, 1, 0, 0, 0])))
      .find((at) => at >= 0);
    if (tag === undefined) throw new Error("the TIFF has no width");
    tiff.set([0, 1, 4, 0, 1, 0, 0, 0, 255, 255, 255, 127], tag);
    expect(await failure(readImage(write("huge.tiff", tiff), [3, 2, 2]))).toContain("InputError");
  });

  it("a wrong byte order is told", async () => {
    const little = Uint8Array.from([0, 0, 8, 1, 3, 0, 0, 0, 1, 2, 3]);
    expect(await failure(readIdx(write("little-idx", little)))).toContain(
      "expected 50331648 elements, found 3",
    );
    expect(
      await failure(openDataset(write("little-idx3", Uint8Array.from([3, 8, 0, 0, 1, 0, 0, 0])))),
    ).toContain("InputError");
  });

  it("a line without end, or of many fields, is an error or a table", async () => {
    const long = await failure(readTable(write("long.csv", `a,b\n1,${"x".repeat(3_000_000)}\n`)));
    expect(long).toContain("InputError");
    const wide = await readTable(
      write("wide.csv", `${Array.from({ length: 1000 }, (_, i) => i).join(",")}\n`),
    );
    expect(wide.values.map(({ values }) => values[0])).toEqual(Array.from({ length: 1000 }, (_, i) => i));
  });
});
