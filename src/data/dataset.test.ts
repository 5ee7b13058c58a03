import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ndarray, toNumbers } from "../engine/ndarray.ts";
import { failure, sharedFile } from "./binary-files.testing.ts";
import { describeFile, formatDatasets, formatDescription, listDatasets } from "./commands.ts";
import { openDataset } from "./dataset.ts";
import { readImageFolder } from "./image-folder.ts";
import { toNpy } from "./npy.ts";

const root = mkdtempSync(join(tmpdir(), "fallline-dataset-"));
afterAll(() => rmSync(root, { recursive: true }));

function file(name: string, content: Uint8Array | string): string {
  const path = join(root, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
}

/** A grey picture of one value. */
async function picture(name: string, value: number, size = 4): Promise<string> {
  const raw = { width: size, height: size, channels: 3 } as const;
  const format = name.endsWith("tiff") ? "tiff" : "png";
  return file(
    name,
    await sharp(new Uint8Array(3 * size * size).fill(value), { raw })
      .toFormat(format)
      .toBuffer(),
  );
}

function idx(shape: number[], elements: number[]): Uint8Array {
  const sizes = shape.flatMap((size) => [0, 0, size >> 8, size & 255]);
  return Uint8Array.from([0, 0, 8, shape.length, ...sizes, ...elements]);
}

function cifar(labels: number[], labelBytes: 1 | 2): Uint8Array {
  const record = (label: number) => [
    ...(labelBytes === 2 ? [1] : []),
    label,
    ...new Array<number>(3072).fill(51 * label),
  ];
  return Uint8Array.from(labels.flatMap(record));
}

beforeAll(async () => {
  await picture("animals/cat/2.png", 51);
  await picture("animals/cat/1.png", 0);
  await picture("animals/bee/1.tiff", 255, 8);
  file("animals/.hidden/1.png", "no image");
  file("animals/readme.txt", "pictures of animals");
  file("animals/cat/notes.txt", "not a picture");
});

describe("readImageFolder", () => {
  it("takes subfolders for classes, both sorted, and resizes to the first image's size", async () => {
    const { images, labels, classNames, files, notices } = await readImageFolder(join(root, "animals"), {
      shape: [3, 4, 4],
    });
    expect(classNames).toEqual(["bee", "cat"]);
    expect(toNumbers(labels)).toEqual([0, 1, 1]);
    expect(images.shape).toEqual([3, 3, 4, 4]);
    expect([0, 48, 96].map((at) => images.data[at])).toEqual([1, 0, Math.fround(0.2)]);
    expect(files.map((path) => path.slice(root.length))).toEqual([
      "/animals/bee/1.tiff",
      "/animals/cat/1.png",
      "/animals/cat/2.png",
    ]);
    expect(notices).toEqual([`${files[0]} is 8x8; resized to 4x4`]);
    const few = await readImageFolder(join(root, "animals"), { perClass: 1, dtype: "float64" });
    expect(few.images.shape).toEqual([2, 3, 8, 8]);
    expect(few.images.dtype).toBe("float64");
  });

  it("refuses folders without classes, files, and images that are none", async () => {
    expect(await failure(readImageFolder(join(root, "animals/cat")))).toContain(
      "has no subfolder with images",
    );
    expect(await failure(readImageFolder(join(root, "animals/readme.txt")))).toContain(
      "is a file; expected a folder",
    );
    expect(await failure(readImageFolder(join(root, "none")))).toContain("there is no such folder");
    file("broken/a/1.png", "text");
    expect(await failure(readImageFolder(join(root, "broken")))).toMatch(/1\.png: the file is not an image/);
    expect(await failure(readImageFolder(join(root, "animals"), { shape: [3, 30_000, 30_000] }))).toContain(
      "too many to hold",
    );
  });
});

describe("openDataset", () => {
  it("opens class folders, folders of pictures, a picture", async () => {
    const all = await openDataset(join(root, "animals"));
    expect([all.kind, all.images.shape, all.classNames]).toEqual(["folder", [3, 3, 8, 8], ["bee", "cat"]]);
    const part = await openDataset(join(root, "animals"), { start: 1, count: 2 });
    expect(part.images.shape).toEqual([2, 3, 4, 4]);
    expect(part.labels && toNumbers(part.labels)).toEqual([1, 1]);
    const loose = await openDataset(join(root, "animals/cat"), { shape: [1, 2, 2] });
    expect([loose.kind, loose.images.shape, loose.labels]).toEqual(["pictures", [2, 1, 2, 2], null]);
    const one = await openDataset(join(root, "animals/bee/1.tiff"));
    expect([one.images.shape, one.images.data[0], one.classNames]).toEqual([[1, 3, 8, 8], 1, null]);
  });

  it("opens IDX files with the labels beside them, or without", async () => {
    const images = file(
      "idx/train-images-idx3-ubyte.gz",
      gzipSync(idx([3, 2, 2], [0, 51, 102, 255, 0, 0, 0, 0, 255, 255, 255, 255])),
    );
    file("idx/train-labels-idx1-ubyte", idx([3], [2, 0, 1]));
    const data = await openDataset(images, { dtype: "float64" });
    expect(data.images.shape).toEqual([3, 1, 2, 2]);
    expect(Array.from(data.images.data.subarray(0, 4))).toEqual([0, 0.2, 0.4, 1]);
    expect(data.labels && toNumbers(data.labels)).toEqual([2, 0, 1]);
    expect(data.classNames).toEqual(["0", "1", "2"]);
    expect((await openDataset(join(root, "idx"), { start: 1, count: 1 })).classNames).toEqual([
      "0",
      "1",
      "2",
    ]);
    expect(await failure(openDataset(join(root, "idx"), { split: "test" }))).toContain("holds no such data");
    const alone = await openDataset(file("alone/pictures", idx([1, 2, 2], [1, 2, 3, 4])));
    expect(alone.labels).toBeNull();
    expect(alone.notices[0]).toContain("no labels lie beside it");
    expect(await failure(openDataset(join(root, "idx/train-labels-idx1-ubyte")))).toContain(
      "expected an IDX file of images with 3 axes",
    );
  });

  it("opens CIFAR-10 and CIFAR-100 files and folders", async () => {
    file("cifar-10/data_batch_1.bin", cifar([3, 1], 1));
    file("cifar-10/data_batch_1.bin.gz", gzipSync(cifar([3, 1], 1)));
    file("cifar-10/data_batch_2.bin.gz", gzipSync(cifar([2, 0, 4], 1)));
    file("cifar-10/test_batch.bin", cifar([5], 1));
    const ten = await openDataset(join(root, "cifar-10"));
    expect(ten.labels && toNumbers(ten.labels)).toEqual([3, 1, 2, 0, 4]);
    expect(ten.classNames?.[3]).toBe("cat");
    expect(ten.images.shape).toEqual([5, 3, 32, 32]);
    expect(ten.images.data[3072]).toBeCloseTo(51 / 255, 6);
    const middle = await openDataset(join(root, "cifar-10"), { start: 1, count: 2 });
    expect(middle.labels && toNumbers(middle.labels)).toEqual([1, 2]);
    expect((await openDataset(join(root, "cifar-10"), { split: "test" })).images.shape[0]).toBe(1);
    const hundred = await openDataset(file("cifar-100/train.bin.gz", gzipSync(cifar([1, 2, 4], 2))));
    expect([hundred.kind, hundred.classNames?.length, hundred.classNames?.[2]]).toEqual([
      "cifar-100",
      100,
      "baby",
    ]);
    expect((await openDataset(join(root, "cifar-100"))).kind).toBe("cifar-100");
    expect(await failure(openDataset(file("odd.bin", new Uint8Array(5000))))).toContain(
      "expected whole CIFAR records",
    );
  });

  it("tells what it accepts", async () => {
    expect(await failure(openDataset(join(root, "nothing")))).toContain(
      "there is no such file or folder; expected a folder",
    );
    expect(await failure(openDataset(file("empty", "")))).toContain("the file is empty");
    expect(await failure(openDataset(file("text.csv", "a,b\n1,2\n")))).toContain("is not an image");
    expect(await failure(openDataset("cifar-10", { cacheDir: join(root, "no-cache") }))).toContain(
      "fallline data fetch cifar-10",
    );
    expect((await openDataset("cifar-10", { cacheDir: root, split: "test" })).kind).toBe("cifar-10");
    expect(await failure(openDataset("adult"))).toContain("adult: is a table");
    expect(await failure(openDataset(join(root, "animals"), { start: 9 }))).toContain(
      "start 9 is beyond its 3 items",
    );
  });

  const mnist = sharedFile("data/mnist");
  if (mnist === undefined) it.skip("opens MNIST (skipped: shared/data/mnist is absent)", () => {});
  else
    it("opens MNIST's folder", async () => {
      const { images, labels, classNames } = await openDataset(mnist, { split: "test", count: 500 });
      expect(images.shape).toEqual([500, 1, 28, 28]);
      expect(classNames).toEqual(["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
      expect(labels?.data.length).toBe(500);
    });
});

describe("describeFile", () => {
  it("recognises tables, images, IDX, CIFAR, class folders and arrays", async () => {
    const described = async (path: string) => formatDescription(await describeFile(path));
    expect(await described(file("t.csv", "a,b\nx,1\ny,2\n"))).toBe(
      [
        "2 rows, 2 columns (delimited, with a header)",
        "   column  type    missing  values",
        "1  a       text             2 levels: x (1), y (1)",
        "2  b       number           1 to 2, mean 1.5",
      ].join("\n"),
    );
    expect(await described(await picture("p.png", 3))).toBe("png image, 4 x 4 pixels, colour");
    expect(await described(file("labels", idx([3], [1, 2, 3])))).toBe("IDX file of unsigned bytes, 3");
    expect(await described(join(root, "animals"))).toBe(
      "3 images, 3 x 8 x 8 (folder by class)\nclass  images\nbee    1\ncat    2",
    );
    expect(await describeFile(file("c.bin.gz", gzipSync(cifar([1, 1, 4], 1))))).toMatchObject({
      kind: "images",
      source: "cifar-10",
      shape: [3, 3, 32, 32],
    });
    const npy = await toNpy(ndarray([1, 2, 3, 4, 5, 6], [2, 3], "float32"));
    expect(await described(file("a.npy", npy))).toBe("1 array (npy)\n  <f4  [2, 3]");
    const header = JSON.stringify({
      w: { dtype: "F32", shape: [2], data_offsets: [0, 8] },
      __metadata__: {},
    });
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(header.length));
    expect(
      await described(file("m.safetensors", Buffer.concat([length, Buffer.from(header), Buffer.alloc(8)]))),
    ).toBe("1 array (safetensors)\nw  F32  [2]");
    expect(await failure(describeFile(join(root, "none")))).toContain("there is no such file");
    mkdirSync(join(root, "nothing in it"));
    expect(await failure(describeFile(join(root, "nothing in it")))).toContain("is a folder without images");
  });

  it("describes a fetched data set by its name", async () => {
    expect(await describeFile("cifar-100", { cacheDir: root })).toMatchObject({ source: "cifar-100" });
    expect(await failure(describeFile("mnist", { cacheDir: root }))).toContain(
      "expected that fallline data fetch mnist ran before",
    );
    expect(await failure(describeFile("iris", { cacheDir: join(root, "none") }))).toContain(
      "expected that fallline data fetch iris ran before",
    );
  });

  it("tells a file that is empty, cut, or holds something else", async () => {
    for (const name of ["e.csv", "e.npy", "e.npz", "e.safetensors", "e.png", "e.bin", "e-idx3-ubyte", "e"])
      expect(await failure(describeFile(file(name, "")))).toContain(`${name}: the file is empty; expected`);
    const npy = await toNpy(ndarray([1, 2, 3], [3], "float64"));
    expect(await failure(describeFile(file("cut.npy", npy.subarray(0, npy.length - 1))))).toMatch(
      /cut\.npy: offset \d+: expected 24 bytes for <f8 \[3\], found 23$/,
    );
    const empty = Buffer.alloc(22);
    empty.write("PK\x05\x06", "latin1");
    expect(await failure(describeFile(file("empty.npz", empty)))).toContain("found an empty archive");
  });
});

describe("listDatasets", () => {
  it("lists the catalogue, and what is fetched", () => {
    const datasets = listDatasets({ cacheDir: root });
    expect(datasets.find(({ name }) => name === "mnist")).toMatchObject({ bytes: 11_594_722, folder: null });
    file("iris/iris.data", "");
    expect(listDatasets({ cacheDir: root }).find(({ name }) => name === "iris")?.folder).toBe(
      join(root, "iris"),
    );
    const lines = formatDatasets(datasets).split("\n");
    expect(lines.length).toBe(datasets.length + 1);
    expect(lines[1]).toMatch(/^mnist +12 MB +CC BY-SA 3.0 +60,000 training/);
  });
});
