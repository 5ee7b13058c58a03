import { describe, expect, test } from "vitest";
import { evaluate } from "./checking.testing.ts";
import { toNumbers } from "./ndarray.ts";
import * as op from "./ops/index.ts";
import type { Tensor } from "./tensor.ts";
import { cond, whileLoop } from "./transforms/control.ts";
import { scan } from "./transforms/scan.ts";
import * as tree from "./trees.ts";

describe("trees", () => {
  const value = { w: 1, layers: [{ b: 2 }, 3], none: {} };

  test("leaves and paths in the order they are written in, map keeps the structure", () => {
    expect(tree.leaves(value)).toEqual([1, 2, 3]);
    expect(tree.paths(value)).toEqual(["w", "layers.0.b", "layers.1"]);
    expect(tree.paths(5)).toEqual([""]);
    expect(tree.map((x: number) => -x, value)).toEqual({ w: -1, layers: [{ b: -2 }, -3], none: {} });
    expect(tree.zip({ a: 1, b: 2 }, { b: 20, a: 10 })).toEqual({ a: [1, 10], b: [2, 20] });
    expect(tree.unflatten(value, ["x", "y", "z"])).toEqual({ w: "x", layers: [{ b: "y" }, "z"], none: {} });
    expect(tree.leaves(op.zeros([2]))).toHaveLength(1);
  });

  test("no two leaves have one path", () => {
    const colliding = { "a.b": 1, a: { b: 2, "": 3 }, "a\\": { b: 4 }, "": { a: 5 } };
    expect(tree.paths(colliding)).toEqual(["a\\.b", "a.b", "a.", "a\\\\.b", ".a"]);
  });

  test("leavesLike matches keys by name", () => {
    expect(tree.leavesLike({ a: 0, b: [0, 0] }, { b: [2, 3], a: 1 })).toEqual([1, 2, 3]);
  });

  test("other structures are errors that name the place", () => {
    expect(() => tree.map(() => 0, { a: { b: 1 } }, { a: { c: 1 } })).toThrow(
      /differ at a: keys b against keys c/,
    );
    expect(() => tree.map(() => 0, { a: 1 }, { a: [1] })).toThrow(/differ at a: a leaf against a branch/);
    expect(() => tree.leavesLike([1, 2], [1])).toThrow(/differ at the root: keys 0, 1 against keys 0/);
    expect(() => tree.leavesLike({ a: [1] }, { a: { 0: 1 } })).toThrow(/differ at a/);
    expect(() => tree.unflatten([1, 2], [1])).toThrow(/1 leaves for a tree that has 2/);
  });
});

test("carries of loops and results of branches are matched by key, not by the order they are written in", async () => {
  const found = await evaluate(() => {
    const start = { a: op.constant(1, "float64"), b: op.constant(10, "float64") };
    const [carry] = scan(
      ({ a, b }: typeof start, x: Tensor) => [{ b: op.add(b, x), a: op.mul(a, 2) }, x],
      start,
      op.ones([3], "float64"),
    );
    const looped = whileLoop(
      ({ a }: typeof start) => op.less(a, 5),
      ({ a, b }) => ({ b: op.sub(b, 1), a: op.add(a, 2) }),
      start,
    );
    const chosen = cond(
      op.constant(0, "bool"),
      (s: typeof start) => ({ a: s.a, b: s.b }),
      (s) => ({ b: op.neg(s.b), a: op.neg(s.a) }),
      start,
    );
    return [carry.a, carry.b, looped.a, looped.b, chosen.a, chosen.b];
  });
  expect(found.map(toNumbers)).toEqual([[8], [13], [5], [8], [-1], [-10]]);
});
