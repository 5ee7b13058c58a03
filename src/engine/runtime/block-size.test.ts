import { expect, test } from "vitest";
import type { Backend } from "./backend.ts";
import { findBlockSize } from "./block-size.ts";
import { nodeBackend } from "./node.ts";

/**
 * A runtime that lays [1, C, 1, W] out in blocks of so many channels. Its convolutions give zeros, or in blocks another
 * number.
 */
function runtimeWith(block: number, { inBlocks = 0 } = {}): Backend["load"] {
  return async (model) => ({
    async run([x, weight], into) {
      const [out] = into ?? [];
      if (x === undefined || out === undefined) throw new Error("one array in, one out");
      if (weight !== undefined) {
        const value = Buffer.from(model).includes("ReorderInput") ? inBlocks : 0;
        for (const { data } of into ?? []) for (let i = 0; i < data.length; i++) data[i] = value;
        return [...(into ?? [])];
      }
      const [, channels = 0, , width = 0] = x.shape;
      for (let channel = 0; channel < channels; channel++)
        for (let pixel = 0; pixel < width; pixel++) {
          const row = Math.floor(channel / block) * width + pixel;
          out.data[row * block + (channel % block)] = x.data[channel * width + pixel] ?? 0;
        }
      return [out];
    },
    dispose: async () => {},
  });
}

test("the size of the blocks is that of the layout", async () => {
  for (const block of [8, 16]) expect(await findBlockSize(runtimeWith(block))).toBe(block);
  // Blocks of one channel are no blocks, and others are not known.
  for (const block of [1, 2, 4]) expect(await findBlockSize(runtimeWith(block))).toBeUndefined();
});

test("blocks whose convolutions compute something else are not used", async () => {
  expect(await findBlockSize(runtimeWith(16, { inBlocks: 1 }))).toBeUndefined();
});

test("a runtime without the operators has no blocks", async () => {
  const load = () => Promise.reject(new Error("ReorderInput is not a registered operator"));
  expect(await findBlockSize(load)).toBeUndefined();
});

test("the runtime in use answers, the same every time", async () => {
  const block = await nodeBackend.blockSize("cpu");
  expect([undefined, 8, 16]).toContain(block);
  expect(await nodeBackend.blockSize("cpu")).toBe(block);
  expect(await nodeBackend.blockSize("webgpu")).toBeUndefined();
});
