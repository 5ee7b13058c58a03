/**
 * Reading photographs as arrays. sharp (libvips) decodes; it is imported on first use, because loading it takes
 * longer than most commands need to print their help.
 */
import type { Sharp } from "sharp";
import { type NDArray, ndarray } from "../engine/ndarray.ts";
import { checkImageSize, readImageFile } from "./image-file.ts";
import { InputError } from "./input-error.ts";

/** Channels, height and width, in the order in which convolutions take them. */
export type ImageShape = readonly [channels: 1 | 3, height: number, width: number];

export interface ReadImage {
  /** `[channels, height, width]`, values in [0, 1]. */
  readonly image: NDArray<"float64">;
  /** What was done to make the file fit the shape, in words; empty when the pixels are those of the file. */
  readonly notices: readonly string[];
}

/**
 * The width and height of an image file as it is shown (the EXIF orientation applied), and whether it has colours;
 * no pixel is decoded.
 *
 * @throws InputError as {@link readImage}
 */
export async function readImageSize(
  path: string,
): Promise<{ format: string; width: number; height: number; channels: 1 | 3 }> {
  const bytes = await readImageFile(path);
  const { default: sharp } = await import("sharp");
  const header = await decode(path, () => sharp(bytes, { limitInputPixels: false }).metadata());
  const { width, height } = header.autoOrient;
  checkImageSize(path, width, height);
  const channels = header.channels - (header.hasAlpha ? 1 : 0) >= 3 || header.isPalette ? 3 : 1;
  return { format: header.format ?? "image", width, height, channels };
}

/**
 * A PNG, JPEG, WebP or TIFF file as an array of the requested shape.
 *
 * The EXIF orientation is applied, transparency is laid on white, colours are converted to sRGB, the centre is
 * cut out at the aspect ratio of the shape and resized (Lanczos). Pixels are untouched where the file already has
 * the size. One channel is the luma of ITU-R BT.601, `0.299 R + 0.587 G + 0.114 B`, as Pillow's mode "L".
 *
 * @throws InputError when the file is missing, empty, truncated, too large or not one of the four formats
 * @example const { image, notices } = await readImage("photo.jpg", [3, 32, 32]);
 */
export async function readImage(path: string, shape: ImageShape): Promise<ReadImage> {
  const [channels, height, width] = shape;
  const bytes = await readImageFile(path);
  const { default: sharp } = await import("sharp");
  const source = sharp(bytes, { failOn: "warning", limitInputPixels: false });
  const header = await decode(path, () => source.metadata());
  const found = { width: header.autoOrient.width, height: header.autoOrient.height };
  checkImageSize(path, found.width, found.height);

  const crop = centreCrop(found, width / height);
  const pixels = await decode(path, () =>
    prepare(source, crop, { width, height }).raw({ depth: "uchar" }).toBuffer({ resolveWithObject: true }),
  );
  const notices = describeFit(path, found, crop, { width, height });
  if ((header.pages ?? 1) > 1)
    notices.push(
      header.format === "tiff"
        ? `${path} has ${header.pages} pages; its first was taken`
        : `${path} is an animation; its first frame was taken`,
    );
  if (header.hasAlpha) notices.push(`${path} has transparency; it was laid on white`);
  if (channels === 1 && pixels.info.channels > 1) notices.push(`${path} was converted to greyscale`);
  return { image: toChannelsFirst(pixels.data, pixels.info.channels, shape), notices };
}

interface Size {
  readonly width: number;
  readonly height: number;
}

function prepare(source: Sharp, crop: Size & { left: number; top: number }, size: Size): Sharp {
  const upright = source.autoOrient().flatten({ background: "#ffffff" }).toColourspace("srgb").extract(crop);
  if (crop.width === size.width && crop.height === size.height) return upright;
  return upright.resize(size.width, size.height, { fit: "fill", kernel: "lanczos3" });
}

async function decode<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new InputError(
      `${path}: the image is truncated or damaged (${reason}); expected a whole PNG, JPEG, WebP or TIFF image`,
      { cause: error },
    );
  }
}

/** The largest rectangle of the aspect ratio (width / height) around the centre. */
function centreCrop(size: Size, aspect: number): Size & { left: number; top: number } {
  const width = Math.max(1, Math.min(size.width, Math.round(size.height * aspect)));
  const height = Math.max(1, Math.min(size.height, Math.round(size.width / aspect)));
  return {
    width,
    height,
    left: Math.floor((size.width - width) / 2),
    top: Math.floor((size.height - height) / 2),
  };
}

function describeFit(path: string, found: Size, crop: Size, size: Size): string[] {
  const steps: string[] = [];
  if (!sameSize(found, crop)) steps.push(`centre-cropped to ${crop.width}x${crop.height}`);
  if (!sameSize(crop, size)) steps.push(`resized to ${size.width}x${size.height}`);
  return steps.length === 0 ? [] : [`${path} is ${found.width}x${found.height}; ${steps.join(" and ")}`];
}

function sameSize(a: Size, b: Size): boolean {
  return a.width === b.width && a.height === b.height;
}

/** Interleaved bytes to planes in [0, 1]: grey is repeated for three channels, colour weighted for one. */
function toChannelsFirst(bytes: Uint8Array, sourceChannels: number, shape: ImageShape): NDArray<"float64"> {
  const [channels, height, width] = shape;
  const area = height * width;
  const data = new Float64Array(channels * area);
  const at = (pixel: number, channel: number): number =>
    (bytes[pixel * sourceChannels + (sourceChannels >= 3 ? channel : 0)] ?? 0) / 255;
  for (let pixel = 0; pixel < area; pixel++) {
    if (channels === 3)
      for (let channel = 0; channel < 3; channel++) data[channel * area + pixel] = at(pixel, channel);
    else
      data[pixel] =
        sourceChannels >= 3
          ? 0.299 * at(pixel, 0) + 0.587 * at(pixel, 1) + 0.114 * at(pixel, 2)
          : at(pixel, 0);
  }
  return ndarray(data, [...shape], "float64");
}
