import { open, stat } from "node:fs/promises";
import { InputError, systemErrorCode } from "./input-error.ts";

const accepted = "expected a PNG, JPEG, WebP or TIFF image";

/** Whether a file's first 16 bytes are those of an image that can be read. */
export function hasImageSignature(head: Uint8Array): boolean {
  return readable.some((format) => format.matches(Buffer.from(head)));
}

/** The largest image file that is read, in bytes. */
export const maximumFileBytes = 512 * 2 ** 20;
/** The largest image that is decoded, in pixels: above the 200 megapixels of today's phone cameras. */
export const maximumPixels = 2 ** 28;

interface Signature {
  readonly name: string;
  readonly matches: (bytes: Buffer) => boolean;
}

const text = (bytes: Buffer, start: number, end: number) => bytes.toString("latin1", start, end);

const readable: readonly Signature[] = [
  { name: "PNG", matches: (bytes) => text(bytes, 0, 8) === "\x89PNG\r\n\x1a\n" },
  { name: "JPEG", matches: (bytes) => bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff },
  { name: "WebP", matches: (bytes) => text(bytes, 0, 4) === "RIFF" && text(bytes, 8, 12) === "WEBP" },
  // Classic and "big" TIFF, little- and big-endian.
  {
    name: "TIFF",
    matches: (bytes) => ["II*\0", "MM\0*", "II+\0", "MM\0+"].includes(text(bytes, 0, 4)),
  },
];

/** Formats that are met often enough to be named in the message that refuses them. */
const refused: readonly Signature[] = [
  { name: "a GIF image", matches: (bytes) => text(bytes, 0, 4) === "GIF8" },
  { name: "a BMP image", matches: (bytes) => text(bytes, 0, 2) === "BM" && bytes.length > 26 },
  { name: "an AVIF image", matches: (bytes) => text(bytes, 4, 12) === "ftypavif" },
  { name: "a HEIC image", matches: (bytes) => /^ftyp(heic|heix|mif1|msf1)$/.test(text(bytes, 4, 12)) },
  { name: "a PDF document", matches: (bytes) => text(bytes, 0, 4) === "%PDF" },
  { name: "an SVG drawing", matches: (bytes) => /^\s*(<\?xml[^>]*>\s*)?<svg/.test(text(bytes, 0, 256)) },
];

/**
 * The bytes of an image file whose signature says PNG, JPEG, WebP or TIFF. Nothing is decoded and nothing is allocated
 * before the kind and size of the file are known.
 *
 * @throws InputError for a path that is missing, a folder, unreadable, empty, larger than 512 MiB or another format
 */
export async function readImageFile(path: string): Promise<Uint8Array> {
  const refuse = (error: unknown): never => {
    throw new InputError(`${path}: ${describeOpenError(error)}; ${accepted}`, { cause: error });
  };
  // Asked before opening: to open a named pipe is to wait for its writer.
  const { isFIFO } = await stat(path).then((stats) => ({ isFIFO: stats.isFIFO() }), refuse);
  if (isFIFO) throw new InputError(`${path}: is not a regular file; ${accepted}`);
  const handle = await open(path, "r").catch(refuse);
  try {
    const status = await handle.stat();
    if (status.isDirectory()) throw new InputError(`${path}: is a folder; ${accepted}`);
    if (!status.isFile()) throw new InputError(`${path}: is not a regular file; ${accepted}`);
    if (status.size === 0) throw new InputError(`${path}: the file is empty (0 bytes); ${accepted}`);
    if (status.size > maximumFileBytes)
      throw new InputError(
        `${path}: the file has ${status.size} bytes; expected an image of at most ${maximumFileBytes} bytes`,
      );
    const bytes = await handle.readFile();
    checkSignature(path, bytes);
    return bytes;
  } finally {
    await handle.close();
  }
}

/**
 * Refuses a picture that no camera takes before any pixel of it is decoded.
 *
 * @throws InputError when the width or height is not positive or there are more than 2^28 pixels
 */
export function checkImageSize(path: string, width: number, height: number): void {
  if (width > 0 && height > 0 && width * height <= maximumPixels) return;
  throw new InputError(
    `${path}: the header says ${width}x${height} pixels; expected at least 1x1 and at most ${maximumPixels} pixels in all`,
  );
}

function checkSignature(path: string, bytes: Buffer): void {
  const format = readable.find((candidate) => candidate.matches(bytes));
  if (format === undefined) {
    const known = refused.find((candidate) => candidate.matches(bytes));
    const found = known ? known.name : `not an image (it starts with ${quoteStart(bytes)})`;
    throw new InputError(`${path}: the file is ${found}; ${accepted}`);
  }
  // A PNG's size stands at a fixed offset, so that a forged header is refused before any decoder sees it.
  if (format.name === "PNG" && bytes.length >= 24)
    checkImageSize(path, bytes.readUInt32BE(16), bytes.readUInt32BE(20));
}

function quoteStart(bytes: Buffer): string {
  const start = bytes.subarray(0, 12);
  const printable = start.every((byte) => byte >= 0x20 && byte < 0x7f);
  return printable ? JSON.stringify(start.toString("latin1")) : `bytes ${start.toString("hex")}`;
}

function describeOpenError(error: unknown): string {
  const code = systemErrorCode(error);
  if (code === "ENOENT" || code === "ENOTDIR") return "there is no such file";
  if (code === "EACCES" || code === "EPERM") return "the file may not be read (permission denied)";
  return `the file cannot be opened (${code ?? String(error)})`;
}
