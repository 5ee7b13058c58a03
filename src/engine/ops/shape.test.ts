import { describe, expect, test } from "vitest";
import { type Check, evaluate, integers, runChecks, uniform } from "../checking.testing.ts";
import { toNumbers } from "../ndarray.ts";
import type { Tensor } from "../tensor.ts";
import * as op from "./index.ts";

type Unary = (x: Tensor) => Tensor | readonly Tensor[];

const cases: readonly (readonly [name: string, shape: readonly number[], f: Unary])[] = [
  ["reshape", [2, 6], (x) => op.reshape(x, [3, 4])],
  ["reshape with -1", [2, 6], (x) => op.reshape(x, [-1, 3])],
  ["reshape to a scalar", [1, 1], (x) => op.reshape(x, [])],
  ["reshape of nothing", [0, 3], (x) => op.reshape(x, [3, 0, 2])],
  ["flatten", [2, 1, 2], op.flatten],
  ["squeeze", [1, 2, 1], (x) => op.squeeze(x)],
  ["squeeze one", [1, 2, 1], (x) => op.squeeze(x, -1)],
  ["unsqueeze", [2, 3], (x) => op.unsqueeze(x, [0, -1])],
  ["transpose", [2, 3], (x) => op.transpose(x)],
  ["permute", [2, 3, 4], (x) => op.permute(x, [2, 0, 1])],
  ["permute size 1", [2, 1, 3], (x) => op.permute(x, [1, 0, 2])],
  ["matrixTranspose", [2, 3, 2], op.matrixTranspose],
  ["moveAxis", [2, 3, 4], (x) => op.moveAxis(x, 0, -1)],
  ["expand", [2, 1], (x) => op.expand(x, [3, 2, 2])],
  ["expand a scalar", [], (x) => op.expand(x, [2, 2])],
  ["expand nothing", [0, 1], (x) => op.expand(x, [0, 2])],
  ["tile", [2, 3], (x) => op.tile(x, [2, 1, 2])],
  ["tile fewer repeats", [2, 3], (x) => op.tile(x, [2])],
  ["sumToShape", [2, 3, 2], (x) => op.sumToShape(x, [3, 1])],
  ["diagonal", [2, 3, 4], (x) => op.diagonal(x)],
  ["diagonal above", [3, 4], (x) => op.diagonal(x, { offset: 2 })],
  ["diagonal below", [4, 3], (x) => op.diagonal(x, { offset: -1 })],
  ["diagonal outside", [2, 2], (x) => op.diagonal(x, { offset: 3 })],
  ["tril", [2, 3, 3], (x) => op.tril(x)],
  ["tril offset", [3, 4], (x) => op.tril(x, { offset: -1 })],
  ["triu", [2, 3, 3], (x) => op.triu(x)],
  ["triu offset", [4, 3], (x) => op.triu(x, { offset: 1 })],
  ["stack of transposes", [2, 3], (x) => op.transpose(op.transpose(op.mul(x, x)))],
];

describe("shapes", () => {
  test("derivatives, vmap, float32", async () => {
    await runChecks(
      // Squares give every case a second derivative.
      cases.map(([name, shape, f]): Check => ({ name, f: (x) => f(op.mul(x, x)), inputs: [uniform(shape)] })),
    );
  });

  test("all dtypes keep their elements", async () => {
    await runChecks(
      (["int32", "int64", "uint8", "bool"] as const).flatMap((dtype) =>
        cases
          .filter(([name]) => name !== "sumToShape" && name !== "stack of transposes")
          .map(
            ([name, shape, f]): Check => ({
              name: `${name} of ${dtype}`,
              f,
              inputs: [integers(shape, 0, 2, dtype)],
            }),
          ),
      ),
    );
  });

  test("values", async () => {
    const found = await evaluate(() => {
      const x = op.constant(
        [
          [1, 2, 3],
          [4, 5, 6],
        ],
        "float64",
      );
      return [
        op.transpose(x),
        op.tril(x),
        op.triu(x, { offset: 1 }),
        op.diagonal(x, { offset: 1 }),
        op.diagonal(x, { offset: -1 }),
        op.tile(x, [1, 2]),
        op.expand(op.constant([7], "float64"), [2, 2]),
        op.moveAxis(op.reshape(x, [1, 2, 3]), 2, 0),
      ];
    });
    expect(found.map(toNumbers)).toEqual([
      [1, 4, 2, 5, 3, 6],
      [1, 0, 0, 4, 5, 0],
      [0, 2, 3, 0, 0, 6],
      [2, 6],
      [4],
      [1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6],
      [7, 7, 7, 7],
      [1, 4, 2, 5, 3, 6],
    ]);
  });

  test("errors", () => {
    const x = op.zeros([2, 3]);
    expect(() => op.reshape(x, [4])).toThrow(
      /reshape: float32\[2,3\] does not have the number of elements of \[4\] \(at .*shape\.test\.ts/,
    );
    expect(() => op.reshape(x, [-1, 4])).toThrow(/reshape/);
    expect(() => op.reshape(x, [-1, -1])).toThrow(/reshape/);
    expect(() => op.squeeze(x, 0)).toThrow(/squeeze: axis 0 of float32\[2,3\] does not have size 1/);
    expect(() => op.transpose(x, [0, 0])).toThrow(/transpose: \[0,0\] is not an order/);
    expect(() => op.transpose(x, [0])).toThrow(/is not an order/);
    expect(() => op.moveAxis(x, 2, 0)).toThrow(/axis 2 is outside/);
    expect(() => op.expand(x, [2, 4])).toThrow(/expand: float32\[2,3\] does not broadcast to \[2,4\]/);
    expect(() => op.expand(x, [3])).toThrow(/does not broadcast/);
    expect(() => op.tile(x, [1.5])).toThrow(/tile/);
    expect(() => op.tril(op.zeros([3]))).toThrow(/tril: needs two axes, got float32\[3\]/);
    expect(() => op.diagonal(x, { offset: 0.5 })).toThrow(/offset 0.5 is not an integer/);
  });
});
