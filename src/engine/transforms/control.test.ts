import { describe, expect, test } from "vitest";
import { evaluate, runChecks, uniform } from "../checking.testing.ts";
import { expectNumbers } from "../expectations.testing.ts";
import { ndarray } from "../ndarray.ts";
import * as op from "../ops/index.ts";
import { compile, spec } from "../runtime/compile.ts";
import type { Tensor } from "../tensor.ts";
import { cond, whileLoop } from "./control.ts";
import { grad } from "./grad.ts";
import { vmap } from "./vmap.ts";

const branches = (x: Tensor, y: Tensor): Tensor =>
  cond(
    op.greater(op.sum(x), 0),
    (a: Tensor, b: Tensor) => op.sum(op.square(a)).mul(b),
    (a: Tensor, b: Tensor) => op.sum(op.sin(a)).add(b.mul(b)),
    x,
    y,
  );

describe("cond", () => {
  test("has derivatives, tangents and batches on both sides", async () => {
    await runChecks(
      [-1, 1].map((side) => ({
        name: side < 0 ? "false" : "true",
        f: branches,
        inputs: [uniform([3], 0.1 * side, side, 1), uniform([], 1, 2, 2)],
      })),
    );
  });

  test("chooses for each example of a batch", async () => {
    const f = (x: Tensor): Tensor =>
      cond(
        op.greater(x, 0),
        (a: Tensor) => a.mul(2),
        (a: Tensor) => a.mul(a),
        x,
      );
    const [values, slopes] = await evaluate(() => {
      const xs = op.constant(ndarray([1, -3, 0.5], [3], "float64"));
      return [vmap(f)(xs), vmap(grad(f))(xs)] as const;
    });
    expectNumbers(values, [2, 9, 1]);
    expectNumbers(slopes, [2, -6, 2]);
  });

  test("one predicate for a batch computes one branch", async () => {
    const f = (flag: Tensor, x: Tensor): Tensor =>
      cond(
        flag,
        (a: Tensor) => a.mul(2),
        (a: Tensor) => op.log(a),
        x,
      );
    const executable = await compile((flag: Tensor, xs: Tensor) => vmap(f, [null, 0])(flag, xs), [
      spec([], "bool"),
      spec([2], "float64"),
    ] as const);
    const xs = ndarray([-1, 4], [2], "float64");
    expectNumbers(await executable.run(ndarray([1], [], "bool"), xs), [-2, 8]);
    expect(executable.summary().operations.cond).toBe(1);
  });

  test("names what does not fit", () => {
    const x = op.zeros([2]);
    expect(() =>
      cond(
        x,
        (a: Tensor) => a,
        (a: Tensor) => a,
        x,
      ),
    ).toThrow(/the predicate must be a scalar bool, got float32\[2\]/);
    expect(() =>
      cond(
        op.any(op.greater(x, 0)),
        (a: Tensor) => a,
        (a: Tensor) => op.sum(a),
        x,
      ),
    ).toThrow(/the branches return float32\[2\] and float32\[\]/);
  });
});

describe("whileLoop", () => {
  /** Halves until below 1: how often, and what is left. */
  const halve = (x: Tensor): { readonly value: Tensor; readonly count: Tensor } =>
    whileLoop(
      ({ value }) => op.greaterEqual(value, 1),
      ({ value, count }) => ({ value: value.mul(0.5), count: count.add(1) }),
      { value: x, count: op.zeros([], "int64") },
    );

  test("runs while its condition holds, not at all when it never does", async () => {
    const [far, near] = await evaluate(
      () => [halve(op.full([], 37, "float64")), halve(op.full([], 0.5, "float64"))] as const,
    );
    expectNumbers(far.value, [37 / 64]);
    expectNumbers(far.count, [6]);
    expectNumbers(near.count, [0]);
  });

  test("runs each example of a batch for as long as it needs", async () => {
    const { value, count } = await evaluate(() =>
      vmap(halve)(op.constant(ndarray([8, 0.25, 3], [3], "float64"))),
    );
    expectNumbers(value, [0.5, 0.25, 0.75]);
    expectNumbers(count, [4, 0, 2]);
  });

  test("takes values from outside its body", async () => {
    const found = await evaluate(() => {
      const limit = op.constant(ndarray([50], [], "float64")).add(1);
      return whileLoop(
        (n: Tensor) => op.less(n, limit),
        (n: Tensor) => n.mul(op.sqrt(limit)),
        op.full([], 1, "float64"),
      );
    });
    expectNumbers(found, [51], 1e-14);
  });

  test("has no derivative, and says what to use", () => {
    expect(() => grad((x: Tensor) => halve(x).value)(op.full([], 3, "float64"))).toThrow(
      /a whileLoop has no derivative: .* use scan/,
    );
  });

  test("names what does not fit", () => {
    const x = op.zeros([]);
    expect(() =>
      whileLoop(
        (n: Tensor) => n,
        (n: Tensor) => n,
        x,
      ),
    ).toThrow(/must return a scalar bool, got float32\[\]/);
    expect(() =>
      whileLoop(
        (n: Tensor) => op.less(n, 1),
        (n: Tensor) => op.reshape(n, [1]),
        x,
      ),
    ).toThrow(/the carry changes from float32\[\] to float32\[1\]/);
  });
});
