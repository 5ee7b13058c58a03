/**
 * Pictures made from channels-first arrays: enlarged so that small images are visible, laid out side by side or as
 * a film strip, and encoded as PNG. The gaps are transparent, so that a picture sits on a light and a dark page.
 */
import type { NDArray } from "../engine/ndarray.ts";
import { formatShape } from "../engine/shape.ts";

/** Interleaved red, green, blue, alpha bytes, row by row from the top. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

export interface PictureOptions {
  /** Every pixel becomes `scale` x `scale` pixels (nearest neighbour); a whole number from 1. */
  readonly scale?: number;
}

export interface LayoutOptions extends PictureOptions {
  /** Transparent pixels between two images. */
  readonly gap?: number;
  /** Images in a row; all in one row when not given. */
  readonly columns?: number;
}

/**
 * One image as a picture; values are clamped to [0, 1] and rounded to 8 bits.
 *
 * @param image `[channels, height, width]` with 1 (grey) or 3 (RGB) channels
 * @throws RangeError for another shape, for a NaN, or for a scale that is not a whole number from 1
 */
export function pictureOf(image: NDArray, { scale = 1 }: PictureOptions = {}): Picture {
  const [channels, height, width] = imageShape(image);
  if (!Number.isInteger(scale) || scale < 1)
    throw new RangeError(`pictureOf: scale ${scale} is not a whole number from 1`);
  const area = height * width;
  const out = emptyPicture(width * scale, height * scale);
  for (let y = 0; y < out.height; y++)
    for (let x = 0; x < out.width; x++) {
      const pixel = Math.floor(y / scale) * width + Math.floor(x / scale);
      const target = (y * out.width + x) * 4;
      for (let channel = 0; channel < 3; channel++)
        out.data[target + channel] = byteOf(image, (channels === 1 ? 0 : channel) * area + pixel);
      out.data[target + 3] = 255;
    }
  return out;
}

/**
 * Each original, the recovered image and the absolute difference |original - recovered|, from left to right, a row for
 * each pair.
 *
 * @throws RangeError when there is no pair, or the shapes differ
 */
export function sideBySide(
  pairs: readonly (readonly [original: NDArray, recovered: NDArray])[],
  options: Omit<LayoutOptions, "columns"> = {},
): Picture {
  const images = pairs.flatMap(([a, b]) => [a, b, absoluteDifference(a, b)]);
  return filmStrip(images, { ...options, columns: 3 });
}

/**
 * Images in reading order, each enlarged by `scale`, with transparent gaps.
 *
 * @param images at least one, all of one shape
 * @throws RangeError for an empty list or for images of different shapes
 */
export function filmStrip(images: readonly NDArray[], options: LayoutOptions = {}): Picture {
  const { scale = 1, ...layout } = options;
  const [first] = images;
  if (first === undefined) throw new RangeError("filmStrip: there are no images");
  if (images.some((image) => formatShape(image.shape) !== formatShape(first.shape)))
    throw new RangeError(
      `filmStrip: images of different shapes: ${images.map((image) => formatShape(image.shape)).join(", ")}`,
    );
  return pictureGrid(
    images.map((image) => pictureOf(image, { scale })),
    layout,
  );
}

/**
 * Pictures of one size in reading order, with transparent gaps.
 *
 * @throws RangeError for an empty list or for pictures of different sizes
 */
export function pictureGrid(
  tiles: readonly Picture[],
  { gap = 4, columns = tiles.length }: Omit<LayoutOptions, "scale"> = {},
): Picture {
  const [first] = tiles;
  if (first === undefined) throw new RangeError("pictureGrid: there are no pictures");
  if (tiles.some((tile) => tile.width !== first.width || tile.height !== first.height))
    throw new RangeError(
      `pictureGrid: pictures of different sizes: ${tiles.map(({ width, height }) => `${width} x ${height}`).join(", ")}`,
    );
  const across = Math.min(columns, tiles.length);
  const rows = Math.ceil(tiles.length / across);
  const out = emptyPicture(across * first.width + (across - 1) * gap, rows * first.height + (rows - 1) * gap);
  for (const [index, tile] of tiles.entries())
    paste(out, tile, {
      left: (index % across) * (tile.width + gap),
      top: Math.floor(index / across) * (tile.height + gap),
    });
  return out;
}

/** The picture as the bytes of a PNG file; opaque pictures are stored without an alpha channel. */
export async function encodePng(picture: Picture): Promise<Uint8Array> {
  const { default: sharp } = await import("sharp");
  const { width, height, data } = picture;
  const opaque = data.every((byte, index) => index % 4 !== 3 || byte === 255);
  const image = sharp(data, { raw: { width, height, channels: 4 } });
  return (opaque ? image.removeAlpha() : image).png({ compressionLevel: 9 }).toBuffer();
}

function absoluteDifference(a: NDArray, b: NDArray): NDArray {
  if (formatShape(a.shape) !== formatShape(b.shape))
    throw new RangeError(`sideBySide: shapes ${formatShape(a.shape)} and ${formatShape(b.shape)} differ`);
  const data = Float64Array.from(a.data as ArrayLike<number>, (value, index) =>
    Math.abs(Number(value) - Number(b.data[index])),
  );
  return { dtype: "float64", shape: a.shape, data };
}

function imageShape(image: NDArray): [channels: number, height: number, width: number] {
  const [channels = 0, height = 0, width = 0] = image.shape;
  if (image.shape.length !== 3 || (channels !== 1 && channels !== 3) || height < 1 || width < 1)
    throw new RangeError(
      `pictureOf: expected [channels, height, width] with 1 or 3 channels, found ${formatShape(image.shape)}`,
    );
  return [channels, height, width];
}

function byteOf(image: NDArray, index: number): number {
  const value = Number(image.data[index]);
  if (Number.isNaN(value)) throw new RangeError(`pictureOf: element ${index} of the image is NaN`);
  return Math.round(Math.min(1, Math.max(0, value)) * 255);
}

function emptyPicture(width: number, height: number): Picture {
  return { width, height, data: new Uint8Array(width * height * 4) };
}

function paste(target: Picture, tile: Picture, { left, top }: { left: number; top: number }): void {
  for (let y = 0; y < tile.height; y++) {
    const row = tile.data.subarray(y * tile.width * 4, (y + 1) * tile.width * 4);
    target.data.set(row, ((top + y) * target.width + left) * 4);
  }
}
