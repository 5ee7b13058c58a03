// Array files that are well formed on the outside and lie within: every reader gives the arrays that the file's bytes
// hold, or an InputError of one line, and takes no more memory than the file can be worth.
import { deflateRawSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { NDArray } from "../engine/ndarray.ts";
import { readArrayHeaders } from "./array-headers.ts";
import { failure, temporaryFiles } from "./binary-files.testing.ts";
import { crc32 } from "./crc32.ts";
import { InputError } from "./input-error.ts";
import { readNpy } from "./npy.ts";
import { readNpz } from "./npz.ts";
import { readSafetensors } from "./safetensors.ts";

const write = temporaryFiles();

type Arrays = Readonly<Record<string, NDArray>>;

/** What a reader makes of bytes: arrays whose headers were told rightly, or undefined for an error of one line. */
async function outcome(
  format: "npy" | "npz" | "safetensors",
  bytes: Uint8Array,
): Promise<Arrays | undefined> {
  const path = write(bytes);
  const read = async (): Promise<Arrays> => {
    if (format === "npy") return { "": await readNpy(path) };
    return format === "npz" ? readNpz(path) : readSafetensors(path);
  };
  const settle = <T>(promise: Promise<T>): Promise<T | undefined> =>
    promise.catch((error: unknown) => {
      expect(error).toBeInstanceOf(InputError);
      expect((error as Error).message).not.toContain("\n");
      expect((error as Error).message).toContain(path);
      return undefined;
    });
  const arrays = await settle(read());
  const headers = await settle(readArrayHeaders(path, format));
  if (arrays === undefined || (format === "npz" && Object.keys(arrays).length === 0)) return arrays;
  expect(new Map(headers?.map(({ name, shape }) => [name, shape]))).toEqual(
    new Map(Object.entries(arrays).map(([name, { shape }]) => [name, shape])),
  );
  for (const { shape, data } of Object.values(arrays)) {
    expect(data.length).toBe(shape.reduce((a, b) => a * b, 1));
    expect(data.byteLength).toBeLessThanOrEqual(4 * 1032 * bytes.length);
  }
  return arrays;
}

const hostileNumbers = fc.constantFrom(
  0,
  1,
  2,
  3,
  -1,
  0.5,
  65_536,
  2 ** 31,
  2 ** 32,
  2 ** 40,
  2 ** 53 - 1,
  2 ** 53,
  1e300,
);
const data = fc.uint8Array({ maxLength: 40 });

/** Reads numbers one by one: what the readers' results are held against. */
const readers: Readonly<
  Record<string, readonly [width: number, read: (view: DataView, at: number) => number]>
> = {
  F64: [8, (view, at) => view.getFloat64(at, true)],
  F32: [4, (view, at) => view.getFloat32(at, true)],
  I64: [8, (view, at) => Number(view.getBigInt64(at, true))],
  I32: [4, (view, at) => view.getInt32(at, true)],
  I16: [2, (view, at) => view.getInt16(at, true)],
  I8: [1, (view, at) => view.getInt8(at)],
  U32: [4, (view, at) => view.getUint32(at, true)],
  U16: [2, (view, at) => view.getUint16(at, true)],
  U8: [1, (view, at) => view.getUint8(at)],
  BOOL: [1, (view, at) => view.getUint8(at)],
};

function numbersIn(bytes: Uint8Array, code: string): number[] {
  const [width, read] = readers[code] ?? [1, () => Number.NaN];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.length / width }, (_, i) => read(view, i * width));
}

describe("safetensors", () => {
  const fileOf = (header: string, content: Uint8Array, length = Buffer.byteLength(header)): Buffer => {
    const head = Buffer.alloc(8);
    head.writeBigUInt64LE(BigInt(length));
    return Buffer.concat([head, Buffer.from(header), content]);
  };
  const codes = fc.constantFrom(...Object.keys(readers), "F16", "F8_E4M3", "C64", "", "__proto__");
  const names = fc.constantFrom("a", "b", "", "__proto__", "constructor", "__metadata__", "0");

  it("of hostile sizes and places", async () => {
    const entry = fc.record(
      {
        dtype: codes,
        shape: fc.array(hostileNumbers, { maxLength: 4 }),
        data_offsets: fc.array(hostileNumbers, { minLength: 1, maxLength: 3 }),
      },
      { requiredKeys: [] },
    );
    const entries = fc.array(fc.tuple(names, entry), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(entries, data, async (list, content) => {
        const text = list.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`);
        await outcome("safetensors", fileOf(`{${text.join(",")}}`, content));
      }),
      { seed: 21, numRuns: 400 },
    );
  });

  it("of any JSON for a header, and any length for it", async () => {
    await fc.assert(
      fc.asyncProperty(fc.json(), data, fc.option(hostileNumbers), async (header, content, length) => {
        const isLength = length !== null && Number.isSafeInteger(length) && length >= 0;
        await outcome("safetensors", fileOf(header, content, isLength ? length : undefined));
      }),
      { seed: 22, numRuns: 300 },
    );
  });

  it("of any bytes of data: the numbers are theirs", async () => {
    const tensor = fc.tuple(fc.constantFrom(...Object.keys(readers)), fc.uint8Array({ maxLength: 5 }));
    await fc.assert(
      fc.asyncProperty(fc.array(tensor, { maxLength: 4 }), async (tensors) => {
        let start = 0;
        const contents: Uint8Array[] = [];
        const entries = tensors.map(([dtype, seeds], i): [string, unknown] => {
          const [width] = readers[dtype] ?? [1];
          const content = Uint8Array.from({ length: seeds.length * width }, (_, k) =>
            dtype === "BOOL" ? (seeds[k] ?? 0) % 2 : ((seeds[k % seeds.length] ?? 0) * (k + 1)) % 256,
          );
          contents.push(content);
          start += content.length;
          return [`t${i}`, { dtype, shape: [seeds.length], data_offsets: [start - content.length, start] }];
        });
        const header = JSON.stringify(Object.fromEntries(entries));
        const arrays = await outcome("safetensors", fileOf(header, Buffer.concat(contents)));
        for (const [i, [dtype]] of tensors.entries())
          expect(Array.from(arrays?.[`t${i}`]?.data ?? [], Number)).toEqual(
            numbersIn(contents[i] ?? new Uint8Array(0), dtype),
          );
      }),
      { seed: 23, numRuns: 150 },
    );
  });
});

/** NumPy's letters for the codes above. */
const letters: Readonly<Record<string, string>> = {
  f8: "F64",
  f4: "F32",
  i8: "I64",
  i4: "I32",
  i2: "I16",
  i1: "I8",
  u4: "U32",
  u2: "U16",
  u1: "U8",
  b1: "BOOL",
};

function npy(
  dictionary: string,
  content: Uint8Array,
  { version = 1, length = dictionary.length } = {},
): Buffer {
  const head = Buffer.alloc(version === 1 ? 10 : 12);
  head.write("\x93NUMPY", "latin1");
  head[6] = version;
  if (version === 1) head.writeUInt16LE(length % 65_536, 8);
  else head.writeUInt32LE(length % 2 ** 32, 8);
  return Buffer.concat([head, Buffer.from(dictionary, "latin1"), content]);
}

const header = (descr: string, shape: readonly number[], order = "False"): string =>
  `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': (${shape.map((size) => `${size},`).join(" ")}), }\n`;

describe("NPY", () => {
  it("of hostile dtypes, shapes, versions and lengths", async () => {
    const descr = fc.constantFrom(
      ...Object.keys(letters).map((letter) => `<${letter}`),
      ">f8",
      "|O",
      "<c8",
      "<U3",
      "|S2",
      "<f16",
      "<f-8",
      "<i9999999999",
      "<M8[D]",
      "",
      "__proto__",
    );
    const shape = fc.array(hostileNumbers, { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(
        descr,
        shape,
        fc.constantFrom("True", "False", "Maybe"),
        fc.constantFrom(0, 1, 2, 3, 4, 255),
        fc.option(hostileNumbers),
        data,
        async (type, sizes, order, version, length, content) => {
          const options = length === null || length < 0 ? {} : { length: Math.floor(length) };
          await outcome("npy", npy(header(type, sizes, order), content, { version, ...options }));
        },
      ),
      { seed: 24, numRuns: 600 },
    );
  });

  it.each([
    ["a shape twice", `{'descr': '<f8', 'fortran_order': False, 'shape': (1,), 'shape': (0,), }`],
    ["a negative size", header("<f8", [-1])],
    ["sizes beyond counting", header("<f8", [2 ** 40, 2 ** 40])],
    ["no dtype", "{'fortran_order': False, 'shape': (1,), }"],
    ["a size that is no number", header("<f8", [1]).replace("(1,", "(x,")],
    ["nothing", ""],
    ["another language", '{"descr": "<f8", "shape": [1]}'],
    ["objects, which only Python reads", header("|O", [1])],
  ])("with %s is refused", async (_, text) => {
    expect(await failure(readNpy(write(npy(text, new Uint8Array(8)))))).toMatch(/^InputError: .*expected/);
  });

  it("of any bytes of data: the numbers are theirs, in either order of bytes and of axes", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...Object.keys(letters)),
        fc.tuple(fc.nat(3), fc.nat(3)),
        fc.boolean(),
        fc.boolean(),
        fc.infiniteStream(fc.nat(255)),
        async (letter, [rows, columns], isBig, isFortran, stream) => {
          const code = letters[letter] ?? "";
          const [width] = readers[code] ?? [1];
          const content = Uint8Array.from({ length: rows * columns * width }, () =>
            letter === "b1" ? stream.next().value % 2 : stream.next().value,
          );
          const written = Buffer.from(content);
          if (isBig)
            for (let at = 0; at < written.length; at += width) written.subarray(at, at + width).reverse();
          const text = header(`${isBig ? ">" : "<"}${letter}`, [rows, columns], isFortran ? "True" : "False");
          const arrays = await outcome("npy", npy(text, written));
          const numbers = numbersIn(content, code);
          const expected = isFortran
            ? numbers.map((_, i) => numbers[Math.floor(i / columns) + (i % columns) * rows])
            : numbers;
          expect(Array.from(arrays?.[""]?.data ?? [], Number)).toEqual(expected);
        },
      ),
      { seed: 25, numRuns: 200 },
    );
  });
});

interface Member {
  readonly name: string;
  readonly content: Uint8Array;
  readonly isDeflated: boolean;
}
/** Fields of the directory, by their places in an entry. */
const fields = { method: 10, checksum: 16, packed: 20, size: 24, nameLength: 28, offset: 42 } as const;
type Lie = readonly [field: keyof typeof fields, value: number];

function zip(members: readonly Member[], lie?: Lie): Buffer {
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, content, isDeflated } of members) {
    const packed = isDeflated ? deflateRawSync(content) : Buffer.from(content);
    const title = Buffer.from(name);
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50);
    local.writeUInt16LE(title.length, 26);
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(0x02014b50);
    entry.writeUInt16LE(isDeflated ? 8 : 0, fields.method);
    entry.writeUInt32LE(crc32(content), fields.checksum);
    entry.writeUInt32LE(packed.length, fields.packed);
    entry.writeUInt32LE(content.length, fields.size);
    entry.writeUInt16LE(title.length, fields.nameLength);
    entry.writeUInt32LE(offset, fields.offset);
    if (lie !== undefined) {
      const [field, value] = lie;
      if (field === "method" || field === "nameLength") entry.writeUInt16LE(value % 65_536, fields[field]);
      else entry.writeUInt32LE(value % 2 ** 32, fields[field]);
    }
    locals.push(local, title, packed);
    directory.push(entry, title);
    offset += 30 + title.length + packed.length;
  }
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50);
  end.writeUInt16LE(members.length, 10);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, ...directory, end]);
}

const doubles = (length: number): Buffer => npy(header("<f8", [length]), new Uint8Array(8 * length));

describe("NPZ", () => {
  const member = fc.record({
    name: fc.constantFrom("a.npy", "b.npy", ".npy", "__proto__.npy", "../../a.npy", "c", "dir/"),
    content: fc.oneof(
      fc
        .tuple(fc.array(hostileNumbers, { maxLength: 3 }), data)
        .map(([shape, bytes]) => npy(header("<f8", shape), bytes)),
      fc.nat(4).map(doubles),
      data,
    ),
    isDeflated: fc.boolean(),
  });

  it("of hostile members and lies about them", async () => {
    const lies = fc.tuple(
      fc.constantFrom(...(Object.keys(fields) as (keyof typeof fields)[])),
      hostileNumbers.map((value) => Math.max(0, Math.floor(value))),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(member, { maxLength: 4 }), fc.option(lies), async (members, lie) => {
        await outcome("npz", zip(members, lie ?? undefined));
      }),
      { seed: 26, numRuns: 500 },
    );
  });

  it("of honest members: the arrays are theirs", async () => {
    const honest = fc.uniqueArray(
      fc.record({
        name: fc.string({ maxLength: 8 }).map((name) => `${name}.npy`),
        content: fc.nat(9).map(doubles),
        isDeflated: fc.boolean(),
      }),
      { selector: ({ name }) => name, maxLength: 5 },
    );
    await fc.assert(
      fc.asyncProperty(honest, async (members) => {
        const arrays = await outcome("npz", zip(members));
        expect(Object.keys(arrays ?? {}).sort()).toEqual(members.map(({ name }) => name.slice(0, -4)).sort());
      }),
      { seed: 27, numRuns: 100 },
    );
  });

  it("that unpack to far more than they say are refused without the memory", async () => {
    const bomb = npy(header("<f8", [4]), new Uint8Array(60_000_000));
    const small = zip([{ name: "a.npy", content: bomb, isDeflated: true }], ["size", doubles(4).length]);
    const path = write(small);
    expect(small.length).toBeLessThan(100_000);
    const before = process.memoryUsage().rss;
    expect(await failure(readNpz(path))).toContain('array "a": expected deflated data of');
    expect(process.memoryUsage().rss - before).toBeLessThan(40_000_000);
  });

  it.each<[string, Buffer, string]>([
    [
      "that share their bytes",
      zip(
        [0, 1, 2].map((i) => ({ name: `${i}.npy`, content: doubles(99), isDeflated: false })),
        ["offset", 0],
      ),
      "expected members one behind the other",
    ],
    [
      "of one name",
      zip(["a.npy", "a.npy"].map((name) => ({ name, content: doubles(1), isDeflated: false }))),
      "is in it twice",
    ],
    [
      "that are no arrays",
      zip([{ name: "data.json", content: Buffer.from("{}"), isDeflated: false }]),
      'expected an NPZ file, whose members are NPY files, found "data.json"',
    ],
  ])("with members %s is refused", async (_, bytes, message) => {
    expect(await failure(readNpz(write(bytes)))).toContain(message);
  });
});
