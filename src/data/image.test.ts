import { mkdir, mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { toNumbers } from "../engine/ndarray.ts";
import { readImage } from "./image.ts";
import { InputError } from "./input-error.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fallline-image-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Writes RGB(A) pixels, given row by row, as a file of the format that the name ends in. */
async function writePixels(name: string, width: number, pixels: number[][], orientation?: number) {
  const channels = pixels[0]?.length === 4 ? 4 : 3;
  const raw = { width, height: pixels.length / width, channels } as const;
  const path = join(folder, name);
  const image = sharp(Uint8Array.from(pixels.flat()), { raw });
  await (orientation === undefined ? image : image.withMetadata({ orientation })).toFile(path);
  return path;
}

async function writeBytes(name: string, bytes: Uint8Array | string) {
  const path = join(folder, name);
  await writeFile(path, bytes);
  return path;
}

/** A PNG file of nothing but a header that claims a size (its checksum is left at zero). */
function pngHeader(width: number, height: number): Buffer {
  const header = Buffer.alloc(25);
  header.writeUInt32BE(13, 0);
  header.write("IHDR", 4, "latin1");
  header.writeUInt32BE(width, 8);
  header.writeUInt32BE(height, 12);
  header.set([8, 2, 0, 0, 0], 16);
  return Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), header]);
}

const red = [255, 0, 0];
const green = [0, 255, 0];
const blue = [0, 0, 255];
const white = [255, 255, 255];

describe("readImage", () => {
  it("keeps the pixels of an image that has the size, channels first", async () => {
    const path = await writePixels("exact.png", 2, [red, green, blue, white]);
    const { image, notices } = await readImage(path, [3, 2, 2]);
    expect(image.shape).toEqual([3, 2, 2]);
    expect(image.dtype).toBe("float64");
    expect(toNumbers(image)).toEqual([1, 0, 0, 1, 0, 1, 0, 1, 0, 0, 1, 1]);
    expect(notices).toEqual([]);
  });

  it("crops the centre, resizes, and says so", async () => {
    const row = [red, ...Array.from({ length: 4 }, () => green), blue];
    const path = await writePixels("wide.png", 6, [...row, ...row, ...row, ...row]);
    const { image, notices } = await readImage(path, [3, 2, 2]);
    expect(notices).toEqual([`${path} is 6x4; centre-cropped to 4x4 and resized to 2x2`]);
    expect(toNumbers(image)).toEqual([0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0]);
  });

  it("converts to greyscale by the BT.601 luma", async () => {
    const path = await writePixels("grey.png", 2, [red, green, blue, white]);
    const { image, notices } = await readImage(path, [1, 2, 2]);
    const expected = [0.299, 0.587, 0.114, 1];
    for (const [index, value] of toNumbers(image).entries())
      expect(value).toBeCloseTo(expected[index] ?? 0, 12);
    expect(notices).toEqual([`${path} was converted to greyscale`]);
  });

  it("repeats a greyscale file for three channels", async () => {
    const path = join(folder, "one-channel.png");
    await sharp(Uint8Array.of(0, 51, 102, 255), { raw: { width: 2, height: 2, channels: 1 } })
      .toColourspace("b-w")
      .toFile(path);
    const { image } = await readImage(path, [3, 2, 2]);
    const plane = [0, 0.2, 0.4, 1];
    expect(toNumbers(image)).toEqual([...plane, ...plane, ...plane]);
  });

  it("lays transparency on white", async () => {
    const path = await writePixels("clear.png", 1, [[0, 0, 0, 0]]);
    const { image, notices } = await readImage(path, [3, 1, 1]);
    expect(toNumbers(image)).toEqual([1, 1, 1]);
    expect(notices).toEqual([`${path} has transparency; it was laid on white`]);
  });

  it("turns the image upright as EXIF says", async () => {
    // Orientation 6: the stored rows are the columns of the upright image, from right to left.
    const path = await writePixels("turned.png", 2, [red, green], 6);
    const { image, notices } = await readImage(path, [3, 2, 1]);
    expect(notices).toEqual([]);
    expect(toNumbers(image)).toEqual([1, 0, 0, 1, 0, 0]);
  });

  it.each(["jpg", "webp", "tiff"])("reads %s", async (extension) => {
    const path = await writePixels(`photo.${extension}`, 8, new Array<number[]>(64).fill(white));
    const { image } = await readImage(path, [3, 8, 8]);
    expect(Math.min(...toNumbers(image))).toBeGreaterThan(0.98);
  });

  it("takes the name with any letters", async () => {
    const path = await writePixels("Übung 滑雪.png", 1, [red]);
    expect(toNumbers((await readImage(path, [3, 1, 1])).image)).toEqual([1, 0, 0]);
  });
});

describe("readImage refuses with one line", () => {
  async function refusal(path: string): Promise<string> {
    const error = await readImage(path, [3, 32, 32]).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(InputError);
    const message = error instanceof Error ? error.message : "";
    expect(message).not.toContain("\n");
    expect(message.startsWith(`${path}: `)).toBe(true);
    expect(message).toContain("expected");
    return message;
  }

  it("a missing file", async () => {
    expect(await refusal(join(folder, "nowhere.png"))).toContain("no such file");
  });

  it("a folder", async () => {
    const path = join(folder, "folder.png");
    await mkdir(path);
    expect(await refusal(path)).toContain("is a folder");
  });

  it("an empty file", async () => {
    expect(await refusal(await writeBytes("empty.png", ""))).toContain("empty (0 bytes)");
  });

  it("a text file", async () => {
    expect(await refusal(await writeBytes("text.png", "Hello, world of images"))).toContain('"Hello, world"');
  });

  it("another format, by its name", async () => {
    expect(await refusal(await writeBytes("moving.png", "GIF89a.........."))).toContain("a GIF image");
  });

  it.each(["png", "jpg", "webp", "tiff"])("a truncated %s", async (extension) => {
    const noise = Array.from({ length: 64 * 64 }, (_, i) => [(i * 7) % 256, (i * 31) % 256, (i * 57) % 256]);
    const path = await writePixels(`cut.${extension}`, 64, noise);
    await truncate(path, 600);
    expect(await refusal(path)).toContain("truncated or damaged");
  });

  it("a signature with nothing behind it", async () => {
    const bare = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");
    expect(await refusal(await writeBytes("bare.png", bare))).toContain("truncated or damaged");
  });

  it.each([
    [2_000_000_000, 2_000_000_000],
    [0, 32],
    [65_535, 65_535],
  ])("a header that claims %d x %d pixels", async (width, height) => {
    const path = await writeBytes(`claims-${width}.png`, pngHeader(width, height));
    expect(await refusal(path)).toContain(`${width}x${height} pixels`);
  });

  it("or reads whatever bytes follow a signature, and never anything else", async () => {
    const signatures = [
      Buffer.from("\x89PNG\r\n\x1a\n", "latin1"),
      Buffer.from([0xff, 0xd8, 0xff]),
      Buffer.from("RIFF\x20\0\0\0WEBPVP8 ", "latin1"),
      Buffer.from("II*\0\x08\0\0\0", "latin1"),
      Buffer.from("MM\0*\0\0\0\x08", "latin1"),
      Buffer.alloc(0),
    ];
    const path = join(folder, "random.png");
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...signatures),
        fc.uint8Array({ maxLength: 200 }),
        async (start, rest) => {
          await writeFile(path, Buffer.concat([start, rest]));
          const outcome = await readImage(path, [3, 4, 4]).catch((error: unknown) => error);
          if (outcome instanceof Error) expect(outcome).toBeInstanceOf(InputError);
          else expect(outcome).toHaveProperty("image.shape", [3, 4, 4]);
        },
      ),
      { seed: 1, numRuns: 100 },
    );
  });
});
