import { describe, expect, test } from "vitest";
import { type Check, distinct, evaluate, runChecks, uniform } from "../checking.testing.ts";
import { ndarray, toNumbers } from "../ndarray.ts";
import type { Tensor } from "../tensor.ts";
import { grad } from "../transforms/grad.ts";
import * as op from "./index.ts";

const rows = ndarray([2, 0, 2, -1], [2, 2], "int64");
const row = ndarray([1], [], "int64");

describe("indexing", () => {
  test("derivatives, vmap, float32", async () => {
    const x = uniform([3, 4]);
    const squared = (f: (x: Tensor, i: Tensor) => Tensor) => (t: Tensor, i: Tensor) => f(op.mul(t, t), i);
    const checks: Check[] = [
      { name: "take", f: squared((t, i) => op.take(t, i)), inputs: [x, rows] },
      { name: "take inner", f: squared((t, i) => op.take(t, i, 1)), inputs: [x, rows] },
      { name: "take one", f: squared((t, i) => op.take(t, i, -1)), inputs: [x, row] },
      {
        name: "take of int32",
        f: squared((t, i) => op.take(t, i)),
        inputs: [x, ndarray([2, 1, 1], [3], "int32")],
      },
      { name: "take nothing", f: squared((t, i) => op.take(t, i)), inputs: [x, ndarray([], [0], "int64")] },
      {
        name: "take in three axes",
        f: squared((t, i) => op.take(t, i, 1)),
        inputs: [uniform([2, 3, 2]), rows],
      },
      { name: "embedding", f: squared(op.embedding), inputs: [x, ndarray([0, 2, 2, 1], [2, 2], "int64")] },
      {
        name: "takeAlongAxis 0",
        f: squared((t, i) => op.takeAlongAxis(t, i, 0)),
        inputs: [x, ndarray([0, 2, 2, 1, 1, 1, 0, -1], [2, 4], "int64")],
      },
      {
        name: "takeAlongAxis 1",
        f: squared((t, i) => op.takeAlongAxis(t, i)),
        inputs: [x, ndarray([3, 0, 1, 1, 2, 2], [3, 2], "int64")],
      },
      {
        name: "takeAlongAxis broadcast",
        f: squared((t, i) => op.takeAlongAxis(t, i, 1)),
        inputs: [x, ndarray([3, 0], [1, 2], "int32")],
      },
      {
        name: "scatterAdd",
        f: (t, i, u) => op.scatterAdd(op.mul(t, t), i, op.mul(u, u), 0),
        inputs: [x, ndarray([0, 2, 2, 1, 0, 1, 2, 2], [2, 4], "int64"), uniform([2, 4], -2, 2, 9)],
      },
      {
        name: "scatterAdd inner",
        f: (t, i, u) => op.scatterAdd(t, i, op.mul(u, t.slice([], [0, 2])), -1),
        inputs: [x, ndarray([3, 3, 1, 1, 2, 2], [3, 2], "int64"), uniform([3, 2], -2, 2, 9)],
      },
      { name: "topK", f: (t) => op.topK(op.mul(t, op.exp(t)), 2, { axis: 0 }), inputs: [distinct([3, 4])] },
      {
        name: "topK smallest",
        f: (t) => op.topK(op.exp(t), 3, { largest: false }),
        inputs: [distinct([3, 4])],
      },
      { name: "topK of none", f: (t) => op.topK(t, 0), inputs: [distinct([3, 4])] },
      { name: "sort", f: (t) => op.sort(op.exp(t)), inputs: [distinct([3, 4])] },
      {
        name: "sort descending",
        f: (t) => op.sort(op.exp(t), { axis: 0, descending: true }),
        inputs: [distinct([3, 4])],
      },
      { name: "argsort", f: (t) => op.argsort(t, { axis: 0 }), inputs: [distinct([3, 4])] },
      {
        name: "oneHot",
        f: (i) => op.oneHot(i, 3, "float64"),
        inputs: [ndarray([2, 0, 1, 5], [2, 2], "int64")],
      },
      {
        name: "oneHot of int32 as bool",
        f: (i) => op.oneHot(i, 3, "bool"),
        inputs: [ndarray([2, 0], [2], "int32")],
      },
    ];
    await runChecks(checks);
  });

  test("values, also of other dtypes", async () => {
    const found = await evaluate(() => {
      const x = op.constant(
        [
          [1, 5, 2],
          [7, 7, 0],
        ],
        "int32",
      );
      const scores = op.constant(
        [
          [1, 5, 2],
          [7, 7, 0],
        ],
        "float64",
      );
      const at = op.constant([[2, 2, 0]], "int64");
      return [
        op.take(x, op.constant([1, -2], "int64")),
        op.takeAlongAxis(x, op.constant([[0], [2]], "int64"), 1),
        op.scatterAdd(
          x,
          op.constant(
            [
              [0, 0],
              [1, 2],
            ],
            "int64",
          ),
          op.constant(
            [
              [10, 20],
              [30, 40],
            ],
            "int32",
          ),
          1,
        ),
        ...op.topK(scores, 2),
        op.argsort(scores),
        op.argsort(scores, { descending: true }),
        op.sort(x),
        op.oneHot(op.constant([1, -1, 3], "int64"), 3),
        op.scatterAdd(op.zeros([3, 3]), at, op.ones([1, 3])),
        op.take(op.constant([1, 0, 1], "bool"), op.constant([2, 1], "int64")),
        op.take(op.constant([1, 200], "uint8"), op.constant([1], "int64")),
        op.take(op.constant([1, 2, 3], "float64"), -1),
      ];
    });
    expect(found.map(toNumbers)).toEqual([
      [7, 7, 0, 1, 5, 2],
      [1, 0],
      [31, 5, 2, 7, 37, 40],
      [5, 2, 7, 7],
      [1, 2, 0, 1],
      [0, 2, 1, 2, 0, 1],
      [1, 2, 0, 0, 1, 2],
      [1, 2, 5, 0, 7, 7],
      [0, 1, 0, 0, 0, 0, 0, 0, 0],
      [0, 0, 1, 0, 0, 0, 1, 1, 0],
      [1, 0],
      [200],
      [3],
    ]);
  });

  test("at ties sorting keeps the order, and so does its derivative", async () => {
    const found = await evaluate(() => {
      const x = op.constant([2, 1, 2, 1], "float64");
      const weights = op.constant([1, 10, 100, 1000], "float64");
      return [op.argsort(x), grad((t: Tensor) => op.sum(op.mul(op.sort(t), weights)))(x)];
    });
    expect(found.map(toNumbers)).toEqual([
      [1, 3, 0, 2],
      [100, 1, 1000, 10],
    ]);
  });

  test("errors", () => {
    const x = op.zeros([3, 4]);
    const i = op.zeros([2, 4], "int64");
    expect(() => op.take(x, op.zeros([2]))).toThrow(
      /take: indices must be int32 or int64, got float32\[2\] \(at .*indexing\.test\.ts/,
    );
    expect(() => op.take(x, i, 2)).toThrow(/take: axis 2/);
    expect(() => op.embedding(op.zeros([3]), i)).toThrow(/the table must be \[entries, width\]/);
    expect(() => op.takeAlongAxis(x, op.zeros([2, 3], "int64"), 0)).toThrow(/differ outside axis 0/);
    expect(() => op.takeAlongAxis(x, op.zeros([2], "int64"), 0)).toThrow(/different numbers of axes/);
    expect(() => op.scatterAdd(x, i, op.zeros([2, 3]))).toThrow(/do not fit/);
    expect(() => op.scatterAdd(x, op.zeros([2, 5], "int64"), op.zeros([2, 5]))).toThrow(/do not fit/);
    expect(() => op.scatterAdd(x, i, op.zeros([2, 4], "float64"))).toThrow(
      /float32\[3,4\] and float64\[2,4\]/,
    );
    expect(() => op.topK(x, 5)).toThrow(/k = 5 is not between 0 and the 4 elements/);
    expect(() => op.oneHot(x, 3)).toThrow(/indices must be/);
  });

  test("scatterAdd gives back only what its indices reach", async () => {
    for (const rows of [1, 2]) {
      const x = op.constant(
        [
          [1, 2],
          [3, 4],
          [5, 6],
        ],
        "float64",
      );
      const indices = op.zeros([rows, 2], "int64");
      const loss = (updates: Tensor): Tensor => op.sum(op.square(op.scatterAdd(x, indices, updates, 1)));
      const found = await evaluate(() => grad(loss)(op.ones([rows, 2], "float64")));
      expect(found.shape).toEqual([rows, 2]);
      expect(toNumbers(found)).toEqual([6, 6, 10, 10].slice(0, 2 * rows));
    }
  });
});
