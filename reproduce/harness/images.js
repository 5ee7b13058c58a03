// The test images of MNIST and CIFAR-10, from --data or from the cache of `fallline data fetch`.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { openDataset } from "../../dist/data/dataset.js";
import { InputError } from "../../dist/data/input-error.js";

const sets = {
  mnist: { channels: 1, folders: ["mnist"], file: "t10k-images-idx3-ubyte" },
  "cifar-10": {
    channels: 3,
    folders: ["cifar-10", "cifar10", "cifar-10-batches-bin"],
    file: "test_batch.bin",
  },
};

/** Where a set lies: its files in the folder itself or in one of the usual name. */
export function placeOf(name, data) {
  if (data === undefined) return name;
  const { folders, file } = sets[name];
  const places = [data, ...folders.map((folder) => join(data, folder))];
  const found = places.find((place) => [file, `${file}.gz`].some((each) => existsSync(join(place, each))));
  if (found === undefined)
    throw new InputError(`--data ${data}: expected ${file} or ${file}.gz there or in ${folders.join(", ")}`);
  return found;
}

/**
 * The first test images of a set.
 *
 * @param {"mnist" | "cifar-10"} name
 * @returns {Promise<{ channels: number, pixels: Float64Array, label: number }[]>}
 */
export async function testImages(name, { data, count }) {
  const { images, labels } = await openDataset(placeOf(name, data), {
    split: "test",
    count,
    dtype: "float64",
  });
  const size = images.data.length / count;
  return Array.from({ length: count }, (_, i) => ({
    channels: sets[name].channels,
    pixels: images.data.slice(i * size, (i + 1) * size),
    label: Number(labels.data[i]),
  }));
}
