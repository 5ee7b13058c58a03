import { type NDArray, ndarray, zerosArray } from "../ndarray.ts";
import { asBlocks } from "../onnx/blocked.ts";
import { writeOnnx } from "../onnx/write.ts";
import { parameter } from "../ops/constants.ts";
import type { Backend } from "./backend.ts";

/**
 * How many channels a block of the runtime's blocked convolutions has: it depends on the machine's vector registers and
 * the runtime does not tell, so a small array is laid out in blocks and looked at.
 *
 * @returns `undefined` where the runtime has no blocks, or none that are known
 */
export async function findBlockSize(load: Backend["load"]): Promise<number | undefined> {
  const channels = 16;
  const x = ndarray(
    Float32Array.from({ length: 2 * channels }, (_, i) => i),
    [1, channels, 1, 2],
  );
  const named = { name: "x", tensor: parameter(x.shape, x.dtype, "x"), shape: x.shape, dtype: x.dtype };
  const output = { ...named, name: "y", tensor: asBlocks(named.tensor) };
  const found: NDArray = zerosArray(x.shape, x.dtype);
  try {
    const model = writeOnnx([named], [output]);
    const session = await load(model, [named], [output], { device: "cpu", threads: 1, optimize: "none" });
    await session.run([x], [found]);
    await session.dispose();
  } catch {
    // A runtime without these operators.
    return undefined;
  }
  // In blocks, the channels of a pixel follow one another: every second number of x, as x has two pixels.
  return [8, 16].find((block) =>
    Array.from({ length: 2 * channels }, (_, i) => {
      const [row, pixel, channel] = [Math.floor(i / (2 * block)), Math.floor(i / block) % 2, i % block];
      return 2 * (row * block + channel) + pixel;
    }).every((expected, i) => found.data[i] === expected),
  );
}
