import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { failure, sharedFile, temporaryFiles } from "./binary-files.testing.ts";
import { readCifar10, readCifar100 } from "./cifar.ts";
import { InputError } from "./input-error.ts";

const write = temporaryFiles();

/** Records whose labels count up and whose pixels are all the record's number. */
function records(count: number, labelBytes: 1 | 2): Uint8Array {
  const size = labelBytes + 3072;
  const bytes = new Uint8Array(count * size);
  for (let i = 0; i < count; i++) {
    bytes.fill(i, i * size, (i + 1) * size);
    bytes[i * size] = i % 10;
    if (labelBytes === 2) bytes[i * size + 1] = 90 + (i % 10);
  }
  return bytes;
}

const plainAndGzip = [
  ["plain", (bytes: Uint8Array) => bytes],
  ["gzip", (bytes: Uint8Array) => new Uint8Array(gzipSync(bytes))],
] as const;

describe.each(plainAndGzip)("readCifar10 and readCifar100, %s", (kind, pack) => {
  it("read all records", async () => {
    const { images, labels } = await readCifar10(write(pack(records(12, 1))));
    expect(images.shape).toEqual([12, 3, 32, 32]);
    expect(Array.from(labels.data)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]);
    for (let i = 0; i < 12; i++)
      expect(new Set(images.data.subarray(i * 3072, (i + 1) * 3072))).toEqual(new Set([i]));
  });

  it("read coarse and fine labels", async () => {
    const { images, labels, coarseLabels } = await readCifar100(write(pack(records(3, 2))));
    expect(images.shape).toEqual([3, 3, 32, 32]);
    expect(Array.from(coarseLabels.data)).toEqual([0, 1, 2]);
    expect(Array.from(labels.data)).toEqual([90, 91, 92]);
    expect(images.data[3072]).toBe(1);
  });

  it("read the records asked for", async () => {
    const path = write(pack(records(12, 1)));
    const { images, labels } = await readCifar10(path, { start: 5, count: 3 });
    expect(Array.from(labels.data)).toEqual([5, 6, 7]);
    expect(images.data[0]).toBe(5);
    expect((await readCifar10(path, { start: 10 })).labels.data.length).toBe(2);
    expect(await failure(readCifar10(path, { start: 10, count: 3 }))).toMatch(
      kind === "plain"
        ? /items 10 to 12 were asked for, it holds 12/
        : /expected 9219 bytes of records, found 6146|expected 13 records of 3073 bytes/,
    );
  });

  it("refuse a size that is no whole number of records", async () => {
    expect(await failure(readCifar10(write(pack(records(3, 1).subarray(0, 9000)))))).toMatch(
      kind === "plain"
        ? /offset 6146: expected a whole number of records of 3073 bytes, found a file of 9000 bytes$/
        : /offset 6146: expected 3073 bytes of a record, found 2854$/,
    );
    // One family's file read as the other's.
    expect(await failure(readCifar10(write(pack(records(3, 2)))))).toContain("InputError");
  });

  it("refuse a label that no class has, with its offset", async () => {
    const bytes = records(3, 1);
    bytes[2 * 3073] = 10;
    const path = write(pack(bytes));
    expect(await failure(readCifar10(path))).toContain("offset 6146: expected a label from 0 to 9, found 10");
    expect(await failure(readCifar10(path, { start: 2, count: 1 }))).toContain(
      "offset 6146: expected a label",
    );
    const coarse = records(1, 2);
    coarse[0] = 20;
    expect(await failure(readCifar100(write(pack(coarse))))).toContain(
      "a coarse label from 0 to 19, found 20",
    );
  });

  it("refuse an empty file", async () => {
    expect(await failure(readCifar10(write(pack(new Uint8Array(0)))))).toMatch(
      /offset 0: expected .*, found/,
    );
  });
});

describe("readCifar10", () => {
  it("does not decompress a small file into a large memory", async () => {
    const bomb = gzipSync(Buffer.alloc(3073 * 65_000), { level: 1 });
    const path = write(bomb);
    expect(await failure(readCifar10(path))).toContain("expected at most 60000 records, found more");
    expect((await readCifar10(path, { count: 2 })).labels.data.length).toBe(2);
    expect(await failure(readCifar10(path, { count: 1_000_000_000 }))).toContain("found at most");
  });

  it("gives arrays or an InputError for any bytes", async () => {
    const valid = records(2, 1);
    const packed = new Uint8Array(gzipSync(valid));
    const cut = (bytes: Uint8Array) =>
      fc.tuple(fc.nat(bytes.length - 1), fc.nat(255), fc.nat(bytes.length)).map(([at, value, length]) => {
        const copy = Uint8Array.from(bytes);
        copy[at] = value;
        return copy.subarray(0, length);
      });
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.uint8Array({ maxLength: 64 }), cut(valid), cut(packed)), async (bytes) => {
        try {
          const { images, labels } = await readCifar10(write(bytes));
          expect(images.data.length).toBe(3072 * labels.data.length);
        } catch (error) {
          expect(error).toBeInstanceOf(InputError);
        }
      }),
      { seed: 6, numRuns: 300 },
    );
  });

  const testBatch = sharedFile("data/cifar10/test_batch.bin.gz");
  if (testBatch === undefined) it.skip("reads CIFAR-10 (skipped: shared/data/cifar10 is absent)", () => {});
  else
    it("reads CIFAR-10", async () => {
      const { images, labels } = await readCifar10(testBatch);
      expect(images.shape).toEqual([4000, 3, 32, 32]);
      const counts = Array.from({ length: 10 }, (_, k) => labels.data.filter((label) => label === k).length);
      expect(counts).toEqual([415, 398, 392, 422, 420, 371, 392, 382, 422, 386]);
      // Mean red, green and blue, from numpy.frombuffer on the same file.
      for (const [channel, expected] of [0.49506247, 0.48720451, 0.45427657].entries()) {
        let sum = 0;
        for (let i = 0; i < 4000; i++)
          for (const pixel of images.data.subarray(
            i * 3072 + channel * 1024,
            i * 3072 + channel * 1024 + 1024,
          ))
            sum += pixel;
        expect(sum / 4000 / 1024 / 255).toBeCloseTo(expected, 7);
      }
    });
});
