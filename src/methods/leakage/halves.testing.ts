import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type NDArray, ndarray } from "../../engine/ndarray.ts";
import { randomStream } from "../../numeric/random.ts";

/** Noisy images of 8 x 8 that are light on the left (class 0) or on the right (class 1), in turn: what a network learns at once. */
export function halves(rows: number): { readonly images: NDArray<"float32">; readonly labels: number[] } {
  const labels = Array.from({ length: rows }, (_, row) => row % 2);
  const pixels = randomStream(1)
    .uniform(rows * 64, 0, 0.4)
    .map((value, i) => value + (i % 8 >= 4 === (labels[Math.floor(i / 64)] === 1) ? 0.5 : 0));
  return { images: ndarray(pixels, [rows, 1, 8, 8], "float32"), labels };
}

/** The same as IDX files in a folder; the path of the images. */
export function writeHalves(folder: string, rows: number): string {
  const { images, labels } = halves(rows);
  const file = (name: string, shape: readonly number[], data: Uint8Array): string => {
    const head = Buffer.alloc(4 + 4 * shape.length);
    head.writeUInt8(8, 2);
    head.writeUInt8(shape.length, 3);
    for (const [axis, length] of shape.entries()) head.writeUInt32BE(length, 4 + 4 * axis);
    const path = join(folder, name);
    writeFileSync(path, Buffer.concat([head, data]));
    return path;
  };
  file("train-labels-idx1-ubyte", [rows], Uint8Array.from(labels));
  return file(
    "train-images-idx3-ubyte",
    [rows, 8, 8],
    Uint8Array.from(images.data, (value) => 255 * value),
  );
}
