import { type NDArray, ndarray, zerosArray } from "../ndarray.ts";
import { asBlocks, blockConvolutions } from "../onnx/blocked.ts";
import { type Named, writeOnnx } from "../onnx/write.ts";
import { parameter } from "../ops/constants.ts";
import { conv, convTranspose } from "../ops/convolution.ts";
import type { Shape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import type { Backend, NamedSpec } from "./backend.ts";

type Load = Backend["load"];

/**
 * How many channels a block of the runtime's blocked convolutions has: it depends on the machine's vector registers and
 * the runtime does not tell, so a small array is laid out in blocks and looked at. The runtime's own operators may change
 * from one version to the next, so a small convolution is computed both ways, too.
 *
 * @returns `undefined` where the runtime has no blocks, none that are known, or others than were expected
 */
export async function findBlockSize(load: Load): Promise<number | undefined> {
  try {
    const block = await layoutBlock(load);
    return block !== undefined && (await computesTheSame(load, block)) ? block : undefined;
  } catch {
    // A runtime without these operators.
    return undefined;
  }
}

async function layoutBlock(load: Load): Promise<number | undefined> {
  const channels = 16;
  const x = ndarray(
    Float32Array.from({ length: 2 * channels }, (_, i) => i),
    [1, channels, 1, 2],
  );
  const input = named("x", parameter(x.shape, x.dtype, "x"));
  const [found] = await results(load, [input], [asBlocks(input.tensor)], [x]);
  // In blocks, the channels of a pixel follow one another: every second number of x, as x has two pixels.
  return [8, 16].find((block) =>
    Array.from({ length: 2 * channels }, (_, i) => {
      const [row, pixel, channel] = [Math.floor(i / (2 * block)), Math.floor(i / block) % 2, i % block];
      return 2 * (row * block + channel) + pixel;
    }).every((expected, i) => found?.data[i] === expected),
  );
}

/** Whether a convolution and its transpose give the same in blocks as without, on whole numbers, which add up exactly. */
async function computesTheSame(load: Load, block: number): Promise<boolean> {
  const whole = (shape: Shape, size: number): NDArray =>
    ndarray(
      Float32Array.from({ length: size }, (_, i) => ((i * 7) % 11) - 5),
      shape,
    );
  const arrays = [whole([4, 16, 16, 16], 16384), whole([16, 16, 3, 3], 2304)];
  const inputs = arrays.map(({ shape, dtype }, i) => named(`x${i}`, parameter(shape, dtype, `x${i}`)));
  const [x, w] = inputs.map(({ tensor }) => tensor);
  if (x === undefined || w === undefined) return false;
  const plain = [conv(x, w, { padding: 1 }), convTranspose(x, w, { padding: 1 })];
  const expected = await results(load, inputs, plain, arrays);
  const found = await results(load, inputs, blockConvolutions(plain, block), arrays);
  return expected.every(({ data }, i) => data.every((value, k) => found[i]?.data[k] === value));
}

function named(name: string, tensor: Tensor): Named & NamedSpec {
  return { name, tensor, shape: tensor.shape, dtype: tensor.dtype };
}

async function results(
  load: Load,
  inputs: readonly (Named & NamedSpec)[],
  tensors: readonly Tensor[],
  arrays: readonly NDArray[],
): Promise<NDArray[]> {
  const outputs = tensors.map((tensor, i) => named(`y${i}`, tensor));
  const model = writeOnnx(inputs, outputs);
  const session = await load(model, inputs, outputs, { device: "cpu", threads: 1, optimize: "none" });
  const found = await session.run(
    arrays,
    outputs.map(({ shape, dtype }) => zerosArray(shape, dtype)),
  );
  await session.dispose();
  return found;
}
