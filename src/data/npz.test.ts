import { readFileSync } from "node:fs";
import { parseNpz as parseByLibrary } from "numpy-ts";
import { describe, expect, it } from "vitest";
import { dtypes } from "../engine/dtype.ts";
import { castArray, ndarray, zerosArray } from "../engine/ndarray.ts";
import { arrayFile, writtenArrays } from "./array-files.testing.ts";
import { failure, temporaryFiles } from "./binary-files.testing.ts";
import { parseNpy, readNpy, toNpy } from "./npy.ts";
import { parseNpz, readNpz, toNpz } from "./npz.ts";

const write = temporaryFiles();

describe("readNpz", () => {
  it("reads what numpy.savez and numpy.savez_compressed wrote", async () => {
    expect(await readNpz(arrayFile("stored.npz"))).toEqual(writtenArrays);
    const zeros = zerosArray([1000], "float64");
    expect(await readNpz(arrayFile("deflated.npz"))).toEqual({ ...writtenArrays, zeros });
  });

  it("reads other dtypes and orders", async () => {
    expect(await readNpz(arrayFile("others.npz"))).toEqual({
      half: ndarray([0.5, -Infinity, 2 ** -24, 65504], [4], "float32"),
      big_endian: ndarray([1, 2, 3, 4], [2, 2], "float64"),
      fortran: ndarray([0, 1, 2, 3, 4, 5], [2, 3], "float32"),
      small: ndarray([-128, 127], [2], "int32"),
      unsigned: ndarray([2 ** 32 - 1], [1], "int64"),
    });
  });

  it("names the file and the array of damage", async () => {
    const bytes = new Uint8Array(readFileSync(arrayFile("stored.npz")));
    const path = write(bytes.subarray(0, 500));
    expect(await failure(readNpz(path))).toBe(
      `InputError: ${path}: expected a ZIP archive, which ends with a directory, found none in 500 bytes`,
    );
    const changed = Uint8Array.from(bytes);
    const place = Buffer.from(bytes).indexOf("NUMPY") + 130;
    changed[place] = (changed[place] ?? 0) ^ 1;
    expect(await failure(parseNpz(changed, "here"))).toContain(
      'here: array "0.weight": expected the checksum',
    );
    expect(await failure(readNpz("/nowhere.npz"))).toContain("InputError: /nowhere.npz:");
  });

  it("refuses an entry that claims to unpack to more than it can", async () => {
    const bytes = new Uint8Array(readFileSync(arrayFile("deflated.npz")));
    const directory = Buffer.from(bytes).indexOf(Uint8Array.of(0x50, 0x4b, 1, 2));
    new DataView(bytes.buffer).setUint32(directory + 24, 0xfffffff0, true);
    expect(await failure(parseNpz(bytes, "here"))).toMatch(/here: "0.weight.npy": \d+ bytes cannot unpack/);
  });

  it("gives an error for any cut", async () => {
    for (const name of ["stored.npz", "deflated.npz"]) {
      const whole = new Uint8Array(readFileSync(arrayFile(name)));
      for (let length = 0; length < whole.length; length += 7)
        expect(await failure(parseNpz(whole.subarray(0, length), "cut"))).toContain("InputError");
    }
  });
});

describe("toNpz", () => {
  it("writes what it reads, and numpy-ts too", async () => {
    const bytes = await toNpz(writtenArrays);
    expect(await parseNpz(bytes, "bytes")).toEqual(writtenArrays);
    expect([...(await parseByLibrary(bytes)).arrays.keys()]).toEqual(Object.keys(writtenArrays));
    expect(await parseNpz(await toNpz({}), "bytes")).toEqual({});
  });
});

describe("readNpy", () => {
  it.each(dtypes)("reads what toNpy writes of %s", async (dtype) => {
    for (const shape of [[2, 3], [], [0, 2]]) {
      const size = shape.reduce((a, b) => a * b, 1);
      const array = castArray(
        ndarray(
          Float64Array.from({ length: size }, (_, i) => i % 2),
          shape,
          "float64",
        ),
        dtype,
      );
      expect(await readNpy(write(await toNpy(array)))).toEqual(array);
    }
  });

  it("says what is wrong", async () => {
    const bytes = await toNpy(ndarray([1, 2, 3], [3], "float64"));
    expect(await failure(parseNpy(bytes.subarray(0, bytes.length - 1), "here"))).toMatch(
      /here: offset \d+: expected 24 bytes for <f8 \[3\], found 23/,
    );
    expect(await failure(parseNpy(new Uint8Array([1, 2, 3]), "here"))).toContain(
      "here: offset 0: expected a NumPy .npy file",
    );
    const text = Buffer.from(bytes).toString("latin1");
    const complex = Buffer.from(text.replace("<f8'", "<c8'"), "latin1");
    expect(await failure(parseNpy(complex, "here"))).toContain("found complex64");
    const negative = Buffer.from(text.replace("(3,)", "(-3,)").replace(",  ", ", "), "latin1");
    expect(await failure(parseNpy(negative, "here"))).toContain("InputError: here: ");
  });
});
