import { parseNpy } from "numpy-ts";
import { describe, expect, it } from "vitest";
import { dtypes } from "../engine/dtype.ts";
import { ndarray } from "../engine/ndarray.ts";
import { toNpy } from "./npy.ts";

describe("toNpy", () => {
  it.each(dtypes)("keeps the dtype, shape and elements of %s", async (dtype) => {
    const bytes = await toNpy(ndarray([0, 1, 1, 0, 1, 1], [2, 3], dtype));
    const header = Buffer.from(bytes).toString("latin1", 0, 128);
    expect(header.startsWith("\x93NUMPY\x03\x00")).toBe(true);
    expect(header).toContain("(2, 3)");
    const read = parseNpy(bytes);
    expect(read.dtype).toBe(dtype);
    expect(read.shape).toEqual([2, 3]);
    expect(Array.from(read.data as ArrayLike<number | bigint>, Number)).toEqual([0, 1, 1, 0, 1, 1]);
  });

  it("writes a scalar, an empty array and a view into a larger buffer", async () => {
    expect(parseNpy(await toNpy(ndarray([2.5], [], "float64"))).shape).toEqual([]);
    expect(parseNpy(await toNpy(ndarray([], [0, 3], "float32"))).shape).toEqual([0, 3]);
    const view = new Float64Array([1, 2, 3, 4]).subarray(1, 3);
    expect(Array.from(parseNpy(await toNpy(ndarray(view))).data as Float64Array)).toEqual([2, 3]);
  });
});
