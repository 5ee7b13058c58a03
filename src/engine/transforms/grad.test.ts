import { describe, expect, test } from "vitest";
import { evaluate, uniform } from "../checking.testing.ts";
import { expectNumbers } from "../expectations.testing.ts";
import { toNumbers } from "../ndarray.ts";
import * as op from "../ops/index.ts";
import { compile, spec } from "../runtime/compile.ts";
import type { Tensor } from "../tensor.ts";
import * as tree from "../trees.ts";
import { grad, valueAndGrad, vjp } from "./grad.ts";

const scalar = (value: number): Tensor => op.constant(value, "float64");
const numbers = (found: readonly Parameters<typeof toNumbers>[0][]): number[][] => found.map(toNumbers);

describe("grad", () => {
  test("of any order: x^5 at 2", async () => {
    const f = (x: Tensor): Tensor => op.pow(x, 5);
    const found = await evaluate(() => {
      const x = scalar(2);
      return [
        f(x),
        grad(f)(x),
        grad(grad(f))(x),
        grad(grad(grad(f)))(x),
        grad(grad(grad(grad(grad(grad(f))))))(x),
      ];
    });
    expect(numbers(found)).toEqual([[32], [80], [160], [240], [0]]);
  });

  test("of the arguments that argnums names, and of all leaves of a tree", async () => {
    type Parameters = { readonly w: Tensor; readonly layers: readonly { readonly b: Tensor }[] };
    const f = (p: Parameters, x: Tensor, scale: Tensor): Tensor =>
      op.sum(op.mul(op.add(op.mul(p.w, x), p.layers[0]?.b ?? 0), scale));
    const found = await evaluate(() => {
      const p = { w: op.constant([1, 2], "float64"), layers: [{ b: op.constant([3, 4], "float64") }] };
      const [x, scale] = [op.constant([5, 6], "float64"), scalar(10)];
      const first = grad(f)(p, x, scale);
      const second = grad(f, { argnums: 1 })(p, x, scale);
      const [treeOf, third] = grad(f, { argnums: [0, 2] })(p, x, scale);
      return [first.w, first.layers[0]?.b as Tensor, second, treeOf.w, third];
    });
    expect(numbers(found)).toEqual([[50, 60], [10, 10], [10, 20], [50, 60], [24]]);
  });

  test("valueAndGrad and hasAux", async () => {
    const found = await evaluate(() => {
      const x = op.constant([1, 2], "float64");
      const [value, slope] = valueAndGrad((t: Tensor) => op.sum(op.square(t)))(x);
      const withExtra = (t: Tensor) =>
        [op.sum(op.square(t)), { twice: op.mul(t, 2), count: op.constant(2, "int64") }] as const;
      const [again, extra] = grad(withExtra, { hasAux: true })(x);
      const [[loss, { count }]] = valueAndGrad(withExtra, { hasAux: true as const })(x) as unknown as [
        [Tensor, { count: Tensor }],
      ];
      return [value, slope, again, extra.twice, extra.count, loss, count];
    });
    expect(numbers(found)).toEqual([[5], [2, 4], [2, 4], [2, 4], [2], [5], [2]]);
  });

  test("is zero for what the function does not depend on", async () => {
    const found = await evaluate(() => {
      const x = op.constant([1, 2], "float64");
      return [
        grad((_: Tensor) => scalar(3))(x),
        grad((_: Tensor, y: Tensor) => op.sum(y))(x, x),
        grad((t: Tensor) => op.sum(op.cast(op.cast(t, "int32"), "float64")))(x),
        grad((t: Tensor) => op.sum(op.mul(op.stopGradient(t), t)))(x),
        grad((t: Tensor) => op.sum(op.where(op.greater(t, 1.5), 1, t)))(x),
        grad((p: { a: Tensor; b: Tensor }) => op.sum(p.a))({ a: x, b: x }).b,
        grad((t: Tensor) => op.cast(op.argmax(t), "float64"))(x),
        grad((_: Tensor) => op.sum(x))(x),
      ];
    });
    expect(numbers(found)).toEqual([
      [0, 0],
      [0, 0],
      [0, 0],
      [1, 2],
      [1, 0],
      [0, 0],
      [0, 0],
      [0, 0],
    ]);
  });

  test("perturbations of nested derivatives are not confused", async () => {
    const found = await evaluate(() => {
      const [x, y] = [scalar(3), scalar(2)];
      return [
        // d/dx (x d/dy (x + y)) = 1 (Siskind and Pearlmutter 2005)
        grad((a: Tensor) => op.mul(a, grad((b: Tensor) => op.add(a, b))(y)))(x),
        // d/dx (x d/dy (x y^2) at y = x) = d/dx (2 x^3)
        grad((a: Tensor) => op.mul(a, grad((b: Tensor) => op.mul(a, op.square(b)))(a)))(x),
        // The inner function closes over the tensor that it is differentiated at.
        grad((a: Tensor) => grad((b: Tensor) => op.mul(op.mul(a, b), a))(a))(x),
        // Two derivatives at one tensor.
        grad((a: Tensor, b: Tensor) => op.mul(op.square(a), b), { argnums: 1 })(x, x),
      ];
    });
    expect(numbers(found)).toEqual([[1], [54], [6], [9]]);
  });

  test("adds up what arrives by several ways", async () => {
    const found = await evaluate(() => {
      const x = op.constant([1, 2, 3], "float64");
      return [
        grad((t: Tensor) => op.sum(op.mul(op.concat([t, t, op.flip(t)]), op.arange(0, 9, 1, "float64"))))(x),
      ];
    });
    expect(numbers(found)).toEqual([[0 + 3 + 8, 1 + 4 + 7, 2 + 5 + 6]]);
  });

  test("errors", () => {
    const x = op.zeros([2]);
    expect(() => grad((t: Tensor) => t)(x)).toThrow(
      /grad: the function must return a scalar float, got float32\[2\] \(at .*grad\.test\.ts/,
    );
    expect(() => grad((t: Tensor) => op.argmax(t))(x)).toThrow(/scalar float, got int64\[\]/);
    expect(() => grad((t: Tensor) => op.sum(t))(op.zeros([2], "int32"))).toThrow(
      /cannot differentiate with respect to int32\[2\]: only floats/,
    );
    expect(() => grad((p: { a: Tensor }) => op.sum(p.a))({ a: op.zeros([2], "bool") })).toThrow(
      /bool\[2\] \(a\)/,
    );
    expect(() => grad((t: Tensor) => op.sum(t), { argnums: 1 })(x)).toThrow(/argument 1 of 1 does not exist/);
    expect(() => grad((_: Tensor) => 3 as unknown as Tensor)(x)).toThrow(/must return a scalar tensor/);
    expect(() => grad((t: Tensor) => op.sum(t))("x" as unknown as Tensor)).toThrow(
      /expected a tensor, got string/,
    );
  });

  test("a tensor kept from another trace is an error that says so", async () => {
    let kept: Tensor | undefined;
    const first = await compile(
      (x) => {
        kept = op.mul(x, 2);
        return kept;
      },
      [spec([2])],
    );
    await first.dispose();
    const leaked = kept as Tensor;
    await expect(compile((x) => op.add(x, leaked), [spec([2])])).rejects.toThrow(
      /belongs to another trace \(input\.0\); it was kept outside the function that made it/,
    );
  });
});

describe("vjp", () => {
  test("pulls cotangents of a tree of outputs back, whatever the order of their keys", async () => {
    const found = await evaluate(() => {
      const [x, y] = [op.constant([1, 2], "float64"), op.constant([3, 4], "float64")];
      const [out, pull] = vjp((a: Tensor, b: Tensor) => ({ product: op.mul(a, b), sum: op.add(a, b) }), x, y);
      const one = op.constant([1, 1], "float64");
      const zero = op.zerosLike(one);
      const [a, b] = pull({ sum: zero, product: one });
      return [out.product, a, b];
    });
    expect(numbers(found)).toEqual([
      [3, 8],
      [3, 4],
      [1, 2],
    ]);
  });

  test("errors", () => {
    const x = op.zeros([2]);
    const [, pull] = vjp((t: Tensor) => op.exp(t), x);
    expect(() => pull(op.zeros([3]))).toThrow(/vjp: cotangent float32\[3\] for an output float32\[2\]/);
    expect(() => pull(op.zeros([2], "float64"))).toThrow(/cotangent float64\[2\]/);
    expect(() => vjp((t: Tensor) => t, op.zeros([2], "int64"))).toThrow(/vjp: cannot differentiate/);
  });
});

describe("tree.ravel", () => {
  test("is one vector and back, and differentiates", async () => {
    const w = uniform([2, 2]);
    const found = await evaluate(() => {
      const parameters = { w: op.constant(w), b: [op.constant([5, 6], "float64"), scalar(7)] };
      const [vector, unravel] = tree.ravel(parameters);
      const back = unravel(op.mul(vector, 2));
      const slope = grad((v: Tensor) => op.sum(op.square(unravel(v).w)))(vector);
      return [vector, back.w, back.b[0] as Tensor, back.b[1] as Tensor, slope];
    });
    const flat = [...w.data, 5, 6, 7];
    expect(numbers(found)).toEqual([
      flat,
      [...w.data].map((v) => 2 * v),
      [10, 12],
      [14],
      [...w.data].map((v) => 2 * v).concat([0, 0, 0]),
    ]);
    expect(found.map(({ shape }) => shape)).toEqual([[7], [2, 2], [2], [], [7]]);
  });

  test("errors, and a tree without leaves", () => {
    expect(() => tree.ravel([op.zeros([2]), op.zeros([2], "float64")])).toThrow(
      /ravel: the dtypes differ: float32\[2\] and float64\[2\]/,
    );
    expect(() => tree.ravel([op.zeros([2])])[1](op.zeros([3]))).toThrow(
      /ravel: needs a vector of 2 elements, got float32\[3\]/,
    );
    expect(tree.ravel({})[0].shape).toEqual([0]);
  });
});

test("a long chain is differentiated without recursion", async () => {
  const steps = 1500;
  const executable = await compile(
    (x) =>
      grad((t: Tensor) => {
        let y = t;
        for (let i = 0; i < steps; i++) y = op.mul(op.sin(y), 1.0001);
        return y;
      })(x),
    [spec([], "float64")],
    { optimize: "none" },
  );
  const found = await executable.run(0.5);
  await executable.dispose();
  let [y, slope] = [0.5, 1];
  for (let i = 0; i < steps; i++) {
    slope *= Math.cos(y) * 1.0001;
    y = Math.sin(y) * 1.0001;
  }
  expectNumbers(found, [slope], 1e-12, "slope");
});
