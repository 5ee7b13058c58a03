import { describe, expect, test } from "vitest";
import { type Check, evaluate, integers, runChecks, uniform } from "../checking.testing.ts";
import { toNumbers } from "../ndarray.ts";
import type { Tensor } from "../tensor.ts";
import * as op from "./index.ts";

type Operation = (a: Tensor, b: Tensor, c: Tensor) => Tensor | readonly Tensor[];

const cases: readonly (readonly [name: string, shapes: readonly (readonly number[])[], f: Operation])[] = [
  ["slice", [[4, 5]], (x) => op.slice(x, [1, 3], [0, -1])],
  ["slice with steps", [[4, 5]], (x) => op.slice(x, [null, null, 2], [1, null, 3])],
  ["slice backwards", [[4, 5]], (x) => op.slice(x, [null, null, -1], [3, 0, -2])],
  ["slice of nothing", [[4, 5]], (x) => op.slice(x, [2, 2], [])],
  ["slice backwards of nothing", [[3]], (x) => op.slice(x, [0, 2, -1])],
  ["slice of an empty axis", [[0, 3]], (x) => op.slice(x, [null, null, -1], [1])],
  ["at", [[3, 4]], (x) => op.at(x, -1)],
  ["at an inner axis", [[3, 4]], (x) => op.at(x, 2, { axis: 1 })],
  ["flip", [[2, 3]], (x) => op.flip(x)],
  ["flip one axis", [[2, 3]], (x) => op.flip(x, -1)],
  [
    "pad",
    [[2, 3]],
    (x) =>
      op.pad(
        x,
        [
          [1, 0],
          [0, 2],
        ],
        { value: 1.5 },
      ),
  ],
  [
    "pad that crops",
    [[3, 4]],
    (x) =>
      op.pad(x, [
        [-1, 1],
        [2, -2],
      ]),
  ],
  [
    "pad between",
    [[3, 2]],
    (x) =>
      op.pad(
        x,
        [
          [1, 1],
          [0, 0],
        ],
        { interior: [2, 1], value: -1 },
      ),
  ],
  ["pad between and crop", [[3]], (x) => op.pad(x, [[-1, -2]], { interior: [2] })],
  [
    "pad of nothing",
    [[0, 2]],
    (x) =>
      op.pad(
        x,
        [
          [1, 1],
          [0, 1],
        ],
        { value: 2 },
      ),
  ],
  ["pad a scalar", [[]], (x) => op.pad(x, [])],
  [
    "reflect",
    [[3, 4]],
    (x) =>
      op.pad(
        x,
        [
          [2, 1],
          [0, 3],
        ],
        { mode: "reflect" },
      ),
  ],
  [
    "concat",
    [
      [2, 3],
      [1, 3],
    ],
    (a, b) => op.concat([a, b]),
  ],
  [
    "concat inner",
    [
      [2, 1],
      [2, 0],
      [2, 2],
    ],
    (a, b, c) => op.concat([a, b, c], -1),
  ],
  ["concat with itself", [[2, 2]], (a) => op.concat([a, a], 1)],
  [
    "stack",
    [
      [2, 3],
      [2, 3],
    ],
    (a, b) => op.stack([a, b], 1),
  ],
  ["stack scalars", [[], []], (a, b) => op.stack([a, b])],
  ["split in sizes", [[2, 5]], (x) => op.split(x, [2, 3], 1)],
  ["split in equals", [[4, 2]], (x) => op.split(x, 2)],
  ["split with an empty part", [[3]], (x) => op.split(x, [0, 3])],
  ["split, one part used", [[2, 4]], (x) => op.split(x, 2, 1)[1] as Tensor],
];

describe("parts of tensors", () => {
  test("derivatives, vmap, float32", async () => {
    await runChecks(
      cases.map(
        ([name, shapes, f]): Check => ({
          name,
          f: (a, b = a, c = a) => f(op.mul(a, a), op.mul(b, b), op.mul(c, c)),
          inputs: shapes.map((shape, i) => uniform(shape, -2, 2, i + 1)),
        }),
      ),
    );
  });

  test("all dtypes keep their elements", async () => {
    await runChecks(
      (["int32", "int64", "uint8", "bool"] as const).flatMap((dtype) =>
        cases
          .filter(([name]) => name !== "pad" && name !== "pad between" && name !== "pad of nothing")
          .map(
            ([name, shapes, f]): Check => ({
              name: `${name} of ${dtype}`,
              f: (a, b = a, c = a) => f(a, b, c),
              inputs: shapes.map((shape, i) => integers(shape, 0, 2, dtype, i + 1)),
            }),
          ),
      ),
    );
  });

  test("values are Python's", async () => {
    const found = await evaluate(() => {
      const x = op.arange(0, 10);
      return [
        op.slice(x, [2, 5]),
        op.slice(x, [-3]),
        op.slice(x, [null, null, -1]),
        op.slice(x, [8, 2, -3]),
        op.slice(x, [-1, -4, -1]),
        op.slice(x, [5, 2]),
        op.slice(x, [2, 100, 4]),
        op.slice(x, [-100, 2]),
        op.slice(x, [20, null, -4]),
        op.slice(x, [null, -8]),
        op.pad(op.slice(x, [1, 4]), [[1, 2]], { value: 9 }),
        op.pad(op.slice(x, [0, 4]), [[3, 2]], { mode: "reflect" }),
        op.pad(op.slice(x, [1, 4]), [[1, 0]], { interior: [1] }),
        op.at(x, -2),
      ];
    });
    expect(found.map(toNumbers)).toEqual([
      [2, 3, 4],
      [7, 8, 9],
      [9, 8, 7, 6, 5, 4, 3, 2, 1, 0],
      [8, 5],
      [9, 8, 7],
      [],
      [2, 6],
      [0, 1],
      [9, 5, 1],
      [0, 1],
      [9, 1, 2, 3, 9, 9],
      [3, 2, 1, 0, 1, 2, 3, 2, 1],
      [0, 1, 0, 2, 0, 3],
      [8],
    ]);
  });

  test("errors", () => {
    const x = op.zeros([2, 3]);
    expect(() => op.slice(x, [], [], [])).toThrow(
      /slice: 3 ranges for float32\[2,3\] \(at .*slicing\.test\.ts/,
    );
    expect(() => op.slice(x, [0, 1, 0])).toThrow(/step 0 is not a nonzero integer/);
    expect(() => op.slice(x, [0.5])).toThrow(/slice: 0.5 is not an integer/);
    expect(() => op.at(x, 2)).toThrow(/at: index 2 is outside axis 0/);
    expect(() => op.pad(x, [[1, 1]])).toThrow(/pad: 1 pairs of widths for float32\[2,3\]/);
    expect(() =>
      op.pad(x, [
        [-2, -1],
        [0, 0],
      ]),
    ).toThrow(/take more away/);
    expect(() =>
      op.pad(
        x,
        [
          [0, 0],
          [3, 0],
        ],
        { mode: "reflect" },
      ),
    ).toThrow(/reflecting 3 and 0 elements/);
    expect(() => op.pad(op.zeros([2], "int32"), [[1, 1]], { value: 0.5 })).toThrow(
      /0.5 is not a number of int32/,
    );
    expect(() => op.concat([])).toThrow(/there are no tensors/);
    expect(() => op.concat([x, op.zeros([2, 4])])).toThrow(
      /shapes \[2,3\] and \[2,4\] differ outside axis 0/,
    );
    expect(() => op.concat([x, op.zeros([2, 3], "float64")])).toThrow(/float32\[2,3\] and float64\[2,3\]/);
    expect(() => op.stack([x, op.zeros([3, 2])])).toThrow(/differ outside/);
    expect(() => op.split(x, 2, 1)).toThrow(/axis 1 of float32\[2,3\] does not split into 2/);
    expect(() => op.split(x, [1, 1], 1)).toThrow(/does not split/);
    expect(() => op.flip(x, 2)).toThrow(/axis 2 is outside/);
  });
});
