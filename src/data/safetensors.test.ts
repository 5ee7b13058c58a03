import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { castArray, type NDArray, ndarray } from "../engine/ndarray.ts";
import { arrayFile, writtenArrays } from "./array-files.testing.ts";
import { failure, temporaryFiles } from "./binary-files.testing.ts";
import { parseSafetensors, readSafetensors, toSafetensors } from "./safetensors.ts";

const write = temporaryFiles();

/** A file with this header and so many bytes of data. */
function file(header: unknown, data = 0, length?: bigint): Uint8Array {
  const json = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + data);
  new DataView(bytes.buffer).setBigUint64(0, length ?? BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}

const floats = (start: number, end: number, shape = [(end - start) / 4], dtype = "F32") => ({
  dtype,
  shape,
  data_offsets: [start, end],
});

describe("readSafetensors", () => {
  it("reads what the format's own library wrote", async () => {
    expect(await readSafetensors(arrayFile("reference.safetensors"))).toEqual(writtenArrays);
  });

  it("reads float16 and bfloat16 as float32, exactly", async () => {
    const { half, brain } = await readSafetensors(arrayFile("half.safetensors"));
    expect(half?.dtype).toBe("float32");
    expect(Array.from(half?.data ?? [], Number)).toEqual([0.5, -Infinity, 2 ** -24, 65504, 1365 / 4096, 0]);
    expect(Array.from(brain?.data ?? [], Number)).toEqual([0.5, -Infinity, 2 ** -24, 65536, 171 / 512, 0]);
  });

  it.each([
    ["no bytes", new Uint8Array(0), "offset 0: expected 8 bytes of header length, found 0"],
    [
      "a header beyond the end",
      file({}, 0, 1000n),
      "offset 0: expected the length of a safetensors header, from 2 to 2, found 1000",
    ],
    ["a gigantic header", file({}, 0, 2n ** 63n), "from 2 to 2, found 9223372036854775808"],
    ["a header that is no JSON", file("[1,", 0), "expected a JSON header of 3 bytes, found other bytes"],
    ["a header that is no object", file("[1]", 0), "expected a JSON object, found [1]"],
    [
      "an entry that is none",
      file({ a: 3 }),
      'tensor "a": expected an object with dtype, shape and data_offsets',
    ],
    [
      "an unknown dtype",
      file({ a: floats(0, 4, [1], "C64") }, 4),
      'tensor "a": expected a dtype of F64, F32, F16, BF16, I64, I32, I16, I8, U32, U16, U8, BOOL, found "C64"',
    ],
    ["a negative size", file({ a: floats(0, 4, [-1]) }, 4), "expected a shape of whole numbers, found [-1]"],
    [
      "a size that does not fit",
      file({ a: floats(0, 8, [3]) }, 8),
      'tensor "a": expected 12 bytes for F32 [3], found "8 bytes"',
    ],
    [
      "a size beyond counting",
      file({ a: floats(0, 8, [2 ** 40, 2 ** 40]) }, 8),
      "bytes for F32 [1099511627776, 1099511627776]",
    ],
    [
      "offsets beyond the end",
      file({ a: floats(0, 8) }, 4),
      "data_offsets within the 4 bytes of data, found [0,8]",
    ],
    ["offsets that turn back", file({ a: floats(8, 4, [1]) }, 8), "found [8,4]"],
    [
      "a gap",
      file({ a: floats(0, 4), b: floats(8, 12) }, 12),
      'tensor "b": expected to begin at byte 4 of the data',
    ],
    [
      "an overlap",
      file({ a: floats(0, 8), b: floats(4, 12) }, 12),
      'tensor "b": expected to begin at byte 8',
    ],
    [
      "a name twice",
      file(
        '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
        4,
      ),
      "expected each tensor once, found 2 names for 1 tensors",
    ],
    [
      "bytes after the end",
      file({ a: floats(0, 4) }, 6),
      "expected 4 bytes of data, as the header says, found 6",
    ],
  ])("says what is wrong with %s", async (_, bytes, message) => {
    const path = write(bytes);
    const found = await failure(readSafetensors(path));
    expect(found).toContain(`InputError: ${path}: `);
    expect(found).toContain(message);
  });

  it("refuses bytes other than 0 and 1 for booleans", async () => {
    const bytes = file({ a: floats(0, 1, [1], "BOOL") }, 1);
    bytes[bytes.length - 1] = 2;
    expect(await failure(parseSafetensors(bytes, "here"))).toContain(
      "expected bytes 0 and 1 for BOOL, found 2",
    );
  });

  it("says of a file that is not there, and of a folder", async () => {
    expect(await failure(readSafetensors("/nowhere.safetensors"))).toContain(
      "InputError: /nowhere.safetensors:",
    );
    expect(await failure(readSafetensors(new URL(".", import.meta.url).pathname))).toContain("is not a file");
  });

  it("reads whole numbers of other sizes as those that hold them", async () => {
    const bytes = file(
      {
        a: floats(0, 2, [2], "I8"),
        b: floats(2, 6, [2], "I16"),
        c: floats(6, 10, [2], "U16"),
        d: floats(10, 18, [2], "U32"),
      },
      18,
    );
    bytes.fill(0xff, bytes.length - 18);
    bytes[bytes.length - 18] = 3;
    expect(await parseSafetensors(bytes, "bytes")).toEqual({
      a: ndarray([3, -1], [2], "int32"),
      b: ndarray([-1, -1], [2], "int32"),
      c: ndarray([65535, 65535], [2], "int32"),
      d: ndarray([2 ** 32 - 1, 2 ** 32 - 1], [2], "int64"),
    });
  });

  it("gives an error for any cut", async () => {
    const whole = new Uint8Array(readFileSync(arrayFile("reference.safetensors")));
    for (let length = 0; length < whole.length; length++)
      expect(await failure(parseSafetensors(whole.subarray(0, length), "cut"))).toContain("InputError");
  });
});

describe("toSafetensors", () => {
  it("writes the bytes that the format's own library writes", () => {
    const bytes = toSafetensors(writtenArrays, { format: "np", note: '"quoted" é' });
    // That library keeps metadata in a hash map, whose order is its own.
    const swapped = toSafetensors(writtenArrays, { note: '"quoted" é', format: "np" });
    const expected = readFileSync(arrayFile("reference.safetensors"));
    expect([Buffer.from(bytes), Buffer.from(swapped)]).toContainEqual(expected);
  });

  it("keeps any arrays", async () => {
    const arrays = fc.dictionary(
      fc.string(),
      fc
        .record({
          dtype: fc.constantFrom("float32", "float64", "int32", "int64", "uint8", "bool"),
          shape: fc.array(fc.nat(3), { maxLength: 3 }),
        })
        .map(({ dtype, shape }): NDArray => {
          const size = shape.reduce((a, b) => a * b, 1);
          return castArray(
            ndarray(
              Float64Array.from({ length: size }, (_, i) => i % 2),
              shape,
              "float64",
            ),
            dtype,
          );
        }),
    );
    await fc.assert(
      fc.asyncProperty(arrays, async (given) => {
        fc.pre(!Object.hasOwn(given, "__metadata__"));
        const read = await parseSafetensors(toSafetensors(given), "bytes");
        expect(Object.entries(read).sort()).toEqual(Object.entries(given).sort());
      }),
      { seed: 4, numRuns: 100 },
    );
    expect(() => toSafetensors({ __metadata__: ndarray([1]) })).toThrow(RangeError);
  });

  it("writes a view of a larger buffer", async () => {
    const view = ndarray(new Float64Array([1, 2, 3, 4]).subarray(1, 3));
    const { view: read } = await parseSafetensors(toSafetensors({ view }), "bytes");
    expect(read?.data).toEqual(new Float64Array([2, 3]));
  });
});
