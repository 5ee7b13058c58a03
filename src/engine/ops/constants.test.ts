import { describe, expect, test } from "vitest";
import { evaluate } from "../checking.testing.ts";
import { fromNested, ndarray, toNumbers } from "../ndarray.ts";
import { compile } from "../runtime/compile.ts";
import * as op from "./index.ts";

describe("constants", () => {
  test("values, shapes and dtypes", async () => {
    const found = await evaluate(() => [
      op.zeros([2]),
      op.ones([2, 1], "int64"),
      op.full([2], 7, "uint8"),
      op.eye(2, 3, "float64"),
      op.arange(0, 3),
      op.arange(5, 0, -2, "int32"),
      op.arange(0, 1, 0.25, "float64"),
      op.arange(3, 0),
      op.linspace(0, 1, 5, "float64"),
      op.linspace(2, 3, 1),
      op.constant(
        [
          [1, 2],
          [3, 4],
        ],
        "float64",
      ),
      op.constant(ndarray([1, 0], [2], "bool")),
      op.constant(3),
      op.zeros([0, 2]),
      op.full([], Number.NaN),
      op.zerosLike(op.ones([2], "int32")),
      op.onesLike(op.zeros([2], "bool")),
      op.linspace(0, 1, 0),
    ]);
    expect(found.map(({ dtype, shape }) => [dtype, ...shape])).toEqual([
      ["float32", 2],
      ["int64", 2, 1],
      ["uint8", 2],
      ["float64", 2, 3],
      ["int64", 3],
      ["int32", 3],
      ["float64", 4],
      ["int64", 0],
      ["float64", 5],
      ["float32", 1],
      ["float64", 2, 2],
      ["bool", 2],
      ["float32"],
      ["float32", 0, 2],
      ["float32"],
      ["int32", 2],
      ["bool", 2],
      ["float32", 0],
    ]);
    expect(found.map(toNumbers)).toEqual([
      [0, 0],
      [1, 1],
      [7, 7],
      [1, 0, 0, 0, 1, 0],
      [0, 1, 2],
      [5, 3, 1],
      [0, 0.25, 0.5, 0.75],
      [],
      [0, 0.25, 0.5, 0.75, 1],
      [2],
      [1, 2, 3, 4],
      [1, 0],
      [3],
      [],
      [NaN],
      [0, 0],
      [1, 1],
      [],
    ]);
  });

  test("numbers and arrays take part in operations", async () => {
    const executable = await compile(
      () => [op.add(ndarray([1, 2], [2], "int64"), 1), op.mul(2, 3), op.sum(fromNested([[1, 2]], "float64"))],
      [],
    );
    const found = await executable.run();
    await executable.dispose();
    expect(found.map(({ dtype }) => dtype)).toEqual(["int64", "float32", "float64"]);
    expect(found.map(toNumbers)).toEqual([[2, 3], [6], [3]]);
  });

  test("errors", () => {
    expect(() => op.zeros([-1])).toThrow(/dimension that is not a size/);
    expect(() => op.zeros([1.5])).toThrow(/dimension that is not a size/);
    expect(() => op.arange(0, 3, 0)).toThrow(/the step is 0/);
    expect(() => op.arange(0, 1, 0.5)).toThrow(/arange: 0.5 is not a number of int64/);
    expect(() => op.linspace(0, 1, 3, "int32")).toThrow(/dtype int32 is not float32 or float64/);
    expect(() => op.linspace(0, 1, 2.5)).toThrow(/count 2.5/);
    expect(() => op.full([1], 0.5, "int64")).toThrow(/full: 0.5 is not a number of int64/);
    expect(() => fromNested([[1, 2], [3]])).toThrow(/rows of different lengths/);
    expect(() => op.constant(0.5, "int32")).toThrow(/element 0, 0.5, is not a number of int32/);
    expect(() => ndarray([1, 256], [2], "uint8")).toThrow(/element 1, 256, is not a number of uint8/);
    expect(() => ndarray([Number.NaN], [1], "int64")).toThrow(/element 0, NaN, is not a number of int64/);
    expect(() => ndarray([1, 2, 3], [2])).toThrow(/3 elements do not fill shape \[2\]/);
  });
});
