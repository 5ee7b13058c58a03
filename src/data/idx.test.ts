import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { failure, sharedFile, temporaryFiles } from "./binary-files.testing.ts";
import { readIdx, readIdxImages, readIdxShape } from "./idx.ts";
import { InputError } from "./input-error.ts";

const write = temporaryFiles();

/** The bytes of an IDX file, its elements 0, 1, 2, ... modulo 251. */
function idx(shape: number[], elements = shape.reduce((a, b) => a * b, 1)): Uint8Array {
  const bytes = new Uint8Array(4 + 4 * shape.length + elements);
  bytes.set([0, 0, 8, shape.length]);
  const view = new DataView(bytes.buffer);
  for (const [axis, size] of shape.entries()) view.setUint32(4 + 4 * axis, size);
  for (let i = 0; i < elements; i++) bytes[4 + 4 * shape.length + i] = i % 251;
  return bytes;
}

const plainAndGzip = [
  ["plain", (bytes: Uint8Array) => bytes],
  ["gzip", (bytes: Uint8Array) => new Uint8Array(gzipSync(bytes))],
] as const;

describe.each(plainAndGzip)("readIdx, %s", (kind, pack) => {
  it("reads every item", async () => {
    const array = await readIdx(write(pack(idx([5, 2, 3]))));
    expect(array.dtype).toBe("uint8");
    expect(array.shape).toEqual([5, 2, 3]);
    expect(Array.from(array.data)).toEqual(Array.from({ length: 30 }, (_, i) => i));
  });

  it("reads the items asked for", async () => {
    const path = write(pack(idx([5, 2, 3])));
    const array = await readIdx(path, { start: 1, count: 2 });
    expect(array.shape).toEqual([2, 2, 3]);
    expect(Array.from(array.data)).toEqual(Array.from({ length: 12 }, (_, i) => 6 + i));
    expect((await readIdx(path, { start: 4 })).shape).toEqual([1, 2, 3]);
  });

  it("refuses items that are not there, and numbers that are none", async () => {
    const path = write(pack(idx([5, 2])));
    expect(await failure(readIdx(path, { start: 3, count: 3 }))).toContain(
      "items 3 to 5 were asked for, it holds 5",
    );
    expect(await failure(readIdx(path, { start: 5 }))).toContain("start 5 is beyond its 5 items");
    expect(await failure(readIdx(path, { count: 0 }))).toContain("count 0");
    expect(await failure(readIdx(path, { start: -1 }))).toContain("start -1");
    expect(await failure(readIdx(path, { count: 1.5 }))).toContain("count 1.5");
  });

  it("names the file, offset, expected and found", async () => {
    const swapped = idx([5, 2]);
    swapped.set([2, 8, 0, 0]);
    const path = write(pack(swapped));
    expect(await failure(readIdx(path))).toBe(
      `InputError: ${path}: offset 0: expected the IDX magic 00 00 08 01 to 00 00 08 04 (unsigned bytes, 1 to 4 axes), found 02 08 00 00`,
    );
    const floats = idx([5]);
    floats[2] = 0x0d;
    expect(await failure(readIdx(write(pack(floats))))).toContain("found 00 00 0d 01");
    expect(await failure(readIdx(write(pack(idx([5, 0])))))).toContain(
      "offset 8: expected a size of at least 1",
    );
    expect(await failure(readIdx(write(pack(idx([5, 2]).subarray(0, 7)))))).toContain(
      "offset 4: expected 8 bytes of axis sizes, found 3",
    );
  });

  it("refuses a file that ends early or goes on", async () => {
    const short = await failure(readIdx(write(pack(idx([5, 2, 3], 29)))));
    expect(short).toContain(
      kind === "plain"
        ? "offset 4: expected 5 x 2 x 3 elements, found 29"
        : "offset 16: expected 30 bytes of elements, found 29",
    );
    const long = await failure(readIdx(write(pack(idx([5, 2, 3], 31)))));
    expect(long).toContain("offset 46: expected the end of the file");
  });

  it("refuses a size that the file cannot hold before taking memory for it", async () => {
    const path = write(pack(idx([0xffffffff, 0xffff, 0xffff], 10)));
    expect(await failure(readIdx(path))).toMatch(
      /offset 4: expected 4294967295 x 65535 x 65535 elements, found (at most )?\d+$/,
    );
  });
});

describe("readIdx", () => {
  it("does not decompress beyond what the header announces", async () => {
    const bomb = gzipSync(Buffer.concat([idx([3]), Buffer.alloc(100_000_000)]), { level: 1 });
    const before = process.memoryUsage().rss;
    expect(await failure(readIdx(write(bomb)))).toContain("offset 11: expected the end of the file");
    expect(process.memoryUsage().rss - before).toBeLessThan(50_000_000);
  });

  it("refuses an empty file, a folder, a missing file, cut and damaged gzip data", async () => {
    expect(await failure(readIdx(write(new Uint8Array(0))))).toContain(
      "offset 0: expected 4 bytes of IDX magic, found 0",
    );
    expect(await failure(readIdx("/"))).toContain("InputError: /: ");
    expect(await failure(readIdx("/no/such/file"))).toContain("no such file");
    const packed = gzipSync(idx([50, 20]));
    expect(await failure(readIdx(write(packed.subarray(0, 100))))).toContain("unexpected end of file");
    const damaged = Uint8Array.from(packed);
    damaged.fill(0xff, 12, 40);
    expect(await failure(readIdx(write(damaged)))).toMatch(/^InputError: .*offset \d+: /);
  });

  it("gives an array or an InputError for any bytes", async () => {
    const valid = idx([4, 3, 2]);
    const mutated = fc
      .tuple(fc.nat(valid.length - 1), fc.nat(255), fc.nat(valid.length))
      .map(([at, value, length]) => {
        const bytes = Uint8Array.from(valid);
        bytes[at] = value;
        return bytes.subarray(0, length);
      });
    const packed = new Uint8Array(gzipSync(valid));
    const damaged = fc
      .tuple(fc.nat(packed.length - 1), fc.nat(255), fc.nat(packed.length))
      .map(([at, value, length]) => {
        const bytes = Uint8Array.from(packed);
        bytes[at] = value;
        return bytes.subarray(0, length);
      });
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.uint8Array({ maxLength: 64 }),
          mutated,
          damaged,
          mutated.map((b) => gzipSync(b)),
        ),
        async (bytes) => {
          try {
            const { shape, data } = await readIdx(write(bytes));
            expect(data.length).toBe(shape.reduce((a, b) => a * b, 1));
            expect(data.length).toBeLessThanOrEqual(1032 * bytes.length);
          } catch (error) {
            expect(error).toBeInstanceOf(InputError);
            expect((error as Error).message).not.toContain("\n");
          }
        },
      ),
      { seed: 5, numRuns: 400 },
    );
  });
});

describe("readIdxImages", () => {
  it("pairs images with labels", async () => {
    const files = { images: write(idx([4, 2, 3])), labels: write(idx([4])) };
    const { images, labels } = await readIdxImages(files, { start: 1, count: 2 });
    expect(images.shape).toEqual([2, 1, 2, 3]);
    expect(images.data[0]).toBe(6);
    expect(Array.from(labels.data)).toEqual([1, 2]);
  });

  it("refuses files that do not belong together", async () => {
    const images = write(idx([4, 2, 3]));
    const labels = write(idx([5]));
    expect(await failure(readIdxImages({ images, labels }))).toContain(
      `${labels}: offset 4: expected 4 labels, as many as images in ${images}, found 5`,
    );
    expect(await failure(readIdxImages({ images: labels, labels }))).toContain("expected 3 axes");
    expect(await failure(readIdxImages({ images, labels: images }))).toContain("expected 1 axis");
  });

  const testImages = sharedFile("data/mnist/t10k-images-idx3-ubyte.gz");
  const testLabels = sharedFile("data/mnist/t10k-labels-idx1-ubyte.gz");
  const trainImages = sharedFile("data/mnist/train-images-idx3-ubyte.gz");
  if (testImages === undefined || testLabels === undefined || trainImages === undefined)
    it.skip("reads MNIST (skipped: shared/data/mnist is absent)", () => {});
  else
    it("reads MNIST", async () => {
      const { images, labels } = await readIdxImages({ images: testImages, labels: testLabels });
      expect(images.shape).toEqual([10_000, 1, 28, 28]);
      expect(labels.shape).toEqual([10_000]);
      const counts = Array.from({ length: 10 }, (_, k) => labels.data.filter((label) => label === k).length);
      // The class counts of the MNIST test set, in any order of its rows.
      expect(counts).toEqual([980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]);
      const mean = images.data.reduce((sum, pixel) => sum + pixel, 0) / images.data.length / 255;
      expect(mean).toBeCloseTo(0.1325, 3);
      const part = await readIdx(testImages, { start: 9_998, count: 2 });
      expect(part.data).toEqual(images.data.subarray(9_998 * 784));
      expect(await readIdxShape(trainImages)).toEqual([60_000, 28, 28]);
    });
});
