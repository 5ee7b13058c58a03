import { describe, expect, test } from "vitest";
import { type Check, evaluate, runChecks, uniform } from "../checking.testing.ts";
import { ndarray, toNumbers } from "../ndarray.ts";
import { compile, spec } from "../runtime/compile.ts";
import type { Tensor } from "../tensor.ts";
import { grad } from "../transforms/grad.ts";
import * as op from "./index.ts";

const products: readonly (readonly [a: readonly number[], b: readonly number[]])[] = [
  [
    [2, 3],
    [3, 4],
  ],
  [[3], [3]],
  [[3], [3, 2]],
  [[2, 3], [3]],
  [
    [2, 2, 3],
    [3, 2],
  ],
  [
    [2, 3],
    [2, 3, 2],
  ],
  [
    [2, 1, 2, 3],
    [3, 3, 2],
  ],
  [
    [2, 2, 1],
    [2, 1, 3],
  ],
  [
    [1, 1],
    [1, 1],
  ],
  [
    [0, 3],
    [3, 2],
  ],
  [
    [2, 0],
    [0, 2],
  ],
  [
    [2, 3],
    [3, 0],
  ],
  [[2, 2, 3], [3]],
  [[3], [2, 3, 2]],
];

const equations: readonly (readonly [equation: string, ...shapes: (readonly number[])[]])[] = [
  ["ij,jk->ik", [2, 3], [3, 4]],
  ["ij,jk", [2, 3], [3, 2]],
  ["bij,bkj->bik", [2, 2, 3], [2, 2, 3]],
  ["...ij,...jk->...ik", [2, 2, 3], [3, 2]],
  ["i,ij,j->", [2], [2, 3], [3]],
  ["ii->i", [3, 3]],
  ["ii", [3, 3]],
  ["ijk->ki", [2, 3, 2]],
  ["ij,kl->ijkl", [2, 1], [2, 2]],
  ["ij,ij->ij", [2, 3], [2, 3]],
  ["ij,ij->j", [2, 3], [1, 3]],
  [",i->i", [], [3]],
  ["iij->j", [2, 2, 3]],
  ["b...d,bd->...", [2, 2, 3], [2, 3]],
];

describe("products of matrices", () => {
  test("matmul: derivatives, vmap, float32, over ranks and empty axes", async () => {
    await runChecks(
      products.map(
        ([a, b]): Check => ({
          name: `matmul of ${JSON.stringify([a, b])}`,
          f: op.matmul,
          inputs: [uniform(a, -2, 2, 1), uniform(b, -2, 2, 2)],
        }),
      ),
    );
  });

  test("dot, outer, transposed operands", async () => {
    await runChecks([
      { name: "dot", f: op.dot, inputs: [uniform([3], -2, 2, 1), uniform([3], -2, 2, 2)] },
      { name: "outer", f: op.outer, inputs: [uniform([3], -2, 2, 1), uniform([2], -2, 2, 2)] },
      {
        name: "A^T B^T",
        f: (a, b) => op.matmul(op.transpose(a), op.transpose(b)),
        inputs: [uniform([3, 2], -2, 2, 1), uniform([4, 3], -2, 2, 2)],
      },
      {
        name: "batched with transposes",
        f: (a, b) => op.matmul(op.matrixTranspose(a), b),
        inputs: [uniform([2, 3, 2], -2, 2, 1), uniform([2, 3, 2], -2, 2, 2)],
      },
    ]);
  });

  test("einsum: derivatives, vmap, float32", async () => {
    await runChecks(
      equations.map(
        ([equation, ...shapes]): Check => ({
          name: `einsum ${equation}`,
          f: (...tensors) => op.einsum(equation, ...tensors),
          inputs: shapes.map((shape, i) => uniform(shape, -2, 2, i + 1)),
        }),
      ),
    );
  });

  test("values", async () => {
    const found = await evaluate(() => {
      const a = op.constant(
        [
          [1, 2],
          [3, 4],
        ],
        "float64",
      );
      const b = op.constant([5, 6], "float64");
      return [
        op.matmul(a, b),
        op.matmul(b, a),
        op.matmul(b, b),
        op.dot(b, b),
        op.outer(b, b),
        op.einsum("ij,j", a, b),
        op.einsum("ii", a),
        op.einsum("ji", a),
        op.einsum("ij->", a),
        op.matmul(op.cast(a, "int32"), op.cast(a, "int32")),
        op.matmul(op.cast(a, "int64"), op.cast(b, "int64")),
        op.matmul(op.constant([[20, 20]], "uint8"), op.constant([[10], [3]], "uint8")),
        op.einsum("ij,jk->ik", op.zeros([2, 0], "float64"), op.zeros([0, 2], "float64")),
        op.einsum("bi,bi->b", op.zeros([0, 2]), op.zeros([0, 2])),
      ];
    });
    expect(found.map(toNumbers)).toEqual([
      [17, 39],
      [23, 34],
      [61],
      [61],
      [25, 30, 30, 36],
      [17, 39],
      [5],
      [1, 3, 2, 4],
      [10],
      [7, 10, 15, 22],
      [17, 39],
      [4],
      [0, 0, 0, 0],
      [],
    ]);
  });

  test("the gradient through an empty sum is zero", async () => {
    const found = await evaluate(() =>
      grad((w: Tensor) => op.sum(op.matmul(op.zeros([0, 2], "float64"), w)))(op.ones([2, 3], "float64")),
    );
    expect(toNumbers(found)).toEqual([0, 0, 0, 0, 0, 0]);
  });

  test("errors name shapes and dtypes", () => {
    expect(() => op.matmul(op.zeros([2, 3]), op.zeros([2, 3]))).toThrow(
      /matmul: the shapes do not fit: \[2,3\] times \[2,3\] \(at .*linear\.test\.ts/,
    );
    expect(() => op.matmul(op.zeros([2, 2, 3]), op.zeros([3, 3, 2]))).toThrow(/matmul/);
    expect(() => op.matmul(op.zeros([2, 3]), op.zeros([3, 2], "float64"))).toThrow(
      /float32\[2,3\] and float64\[3,2\]/,
    );
    expect(() => op.matmul(op.zeros([]), op.zeros([3]))).toThrow(/use mul with a scalar/);
    expect(() => op.dot(op.zeros([2]), op.zeros([3]))).toThrow(/dot: needs two vectors of one length/);
    expect(() => op.outer(op.zeros([2, 1]), op.zeros([3]))).toThrow(/outer: needs two vectors/);
    expect(() => op.einsum("ij,jk->ik", op.zeros([2, 3]))).toThrow(/names 2 tensors, 1 are given/);
    expect(() => op.einsum("ij,jk->ik", op.zeros([2, 3]), op.zeros([4, 2]))).toThrow(
      /label j .* sizes 3 and 4/,
    );
    expect(() => op.einsum("ij->k", op.zeros([2, 3]))).toThrow(/output label k/);
    expect(() => op.einsum("ij->ii", op.zeros([2, 3]))).toThrow(/repeated/);
    expect(() => op.einsum("i1->i", op.zeros([2, 3]))).toThrow(/is not an equation/);
    expect(() => op.einsum("i->i", op.zeros([2, 3]))).toThrow(/does not name the axes/);
    expect(() => op.matmul(op.zeros([2, 2], "bool"), op.zeros([2, 2]))).toThrow(
      /matmul: needs numbers, got bool/,
    );
  });

  test.each(["int32", "int64"] as const)("a product of %s with a transpose and an addend", async (dtype) => {
    const executable = await compile(
      (a, b) => op.add(op.matmul(op.transpose(a), b), op.constant([1, 2], dtype)),
      [spec([2, 2], dtype), spec([2, 2], dtype)],
    );
    const x = ndarray([1, 2, 3, 4], [2, 2], dtype);
    expect(toNumbers(await executable.run(x, x))).toEqual([11, 16, 15, 22]);
    await executable.dispose();
  });
});
