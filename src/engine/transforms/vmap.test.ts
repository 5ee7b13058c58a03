import { describe, expect, test } from "vitest";
import { evaluate, integers, uniform } from "../checking.testing.ts";
import { expectClose } from "../expectations.testing.ts";
import { type NDArray, toNumbers } from "../ndarray.ts";
import * as op from "../ops/index.ts";
import type { Tensor } from "../tensor.ts";
import * as tree from "../trees.ts";
import { grad } from "./grad.ts";
import { hessian, jacobian, jvp } from "./jvp.ts";
import { vmap } from "./vmap.ts";

interface Parameters {
  readonly w: Tensor;
  readonly b: Tensor;
}

const loss = (p: Parameters, x: Tensor, y: Tensor): Tensor =>
  op.softmaxCrossEntropy(op.tanh(op.matmul(x, p.w).add(p.b)), y);

/** Two parameters, four examples. */
function problem() {
  const p: Parameters = { w: op.constant(uniform([3, 2])), b: op.constant(uniform([2], -1, 1, 2)) };
  return { p, x: op.constant(uniform([4, 3], -1, 1, 3)), y: op.constant(integers([4], 0, 2, "int64")) };
}

async function expectEqual(pairs: () => readonly (readonly [Tensor, Tensor])[]): Promise<void> {
  const found = (await evaluate(() => pairs().map(([a, b]) => ({ a, b })))) as unknown as {
    a: NDArray;
    b: NDArray;
  }[];
  for (const [i, { a, b }] of found.entries()) expectClose(a, b, 1e-13, `pair ${i}`);
}

describe("vmap", () => {
  test("per-sample gradients are the gradients of the samples", async () => {
    await expectEqual(() => {
      const { p, x, y } = problem();
      const all = vmap(grad(loss), [null, 0, 0])(p, x, y);
      const loop = [0, 1, 2, 3].map((i) => grad(loss)(p, op.at(x, i), op.at(y, i)));
      return [
        [all.w, op.stack(loop.map(({ w }) => w))],
        [all.b, op.stack(loop.map(({ b }) => b))],
      ];
    });
  });

  test("grad of vmap is the sum of per-sample gradients", async () => {
    await expectEqual(() => {
      const { p, x, y } = problem();
      const total = grad((q: Parameters) => op.sum(vmap(loss, [null, 0, 0])(q, x, y)))(p);
      const each = vmap(grad(loss), [null, 0, 0])(p, x, y);
      return [
        [total.w, op.sum(each.w, { axes: 0 })],
        [total.b, op.sum(each.b, { axes: 0 })],
      ];
    });
  });

  test("of vmap: every parameter set with every example", async () => {
    await expectEqual(() => {
      const { p, x, y } = problem();
      const many = tree.map((t: Tensor) => op.stack([t, op.mul(t, 2)]), p);
      const table = vmap(vmap(loss, [null, 0, 0]), [0, null, null])(many, x, y);
      const turned = vmap(vmap(loss, [0, null, null]), [null, 0, 0])(many, x, y);
      const loop = [0, 1].map((k) =>
        op.stack(
          [0, 1, 2, 3].map((i) =>
            loss({ w: op.at(many.w, k), b: op.at(many.b, k) }, op.at(x, i), op.at(y, i)),
          ),
        ),
      );
      return [
        [table, op.stack(loop)],
        [turned, op.transpose(op.stack(loop))],
      ];
    });
  });

  test("of hessian, jacobian and jvp", async () => {
    await expectEqual(() => {
      const x = op.constant(uniform([3, 2]));
      const v = op.constant(uniform([3, 2], -1, 1, 5));
      const f = (t: Tensor) => op.sum(op.mul(op.exp(t), op.square(op.sum(t))));
      const g = (t: Tensor) => op.concat([op.exp(t), op.cumsum(t), op.reshape(op.sum(t), [1])]);
      const each = (h: (i: number) => Tensor): Tensor => op.stack([0, 1, 2].map(h));
      return [
        [vmap(hessian(f))(x), each((i) => hessian(f)(op.at(x, i)))],
        [vmap(jacobian(g))(x), each((i) => jacobian(g)(op.at(x, i)))],
        [
          vmap((t: Tensor, u: Tensor) => jvp(g, [t], [u])[1])(x, v),
          each((i) => jvp(g, [op.at(x, i)], [op.at(v, i)])[1]),
        ],
        [
          hessian((t: Tensor) => op.sum(vmap(f)(t)))(x),
          hessian((t: Tensor) => op.sum(op.stack([0, 1, 2].map((i) => f(op.at(t, i))))))(x),
        ],
      ];
    });
  });

  test("maps any axis in, for trees too, and puts it anywhere out", async () => {
    await expectEqual(() => {
      const a = op.constant(uniform([2, 3, 4]));
      const b = op.constant(uniform([4], -1, 1, 2));
      const f = (p: { a: Tensor; b: Tensor }) => op.mul(p.a, p.b);
      const expected = op.mul(a, b);
      return [
        [vmap(f, [{ a: 2, b: 0 }], -1)({ a, b }), expected],
        [vmap(f, [{ a: -1, b: 0 }], 1)({ a, b }), op.moveAxis(expected, 2, 1)],
        [vmap(f, [{ a: 1, b: null }])({ a, b }), op.moveAxis(expected, 1, 0)],
        [
          vmap((t: Tensor) => ({ t, twice: op.mul(t, 2) }), [1], { t: 0, twice: 1 })(a).twice,
          op.moveAxis(op.mul(a, 2), 1, 1),
        ],
        [vmap((_: Tensor) => b, [0])(a), op.stack([b, b])],
        [vmap((t: Tensor) => t, [1])(a), op.moveAxis(a, 1, 0)],
      ];
    });
  });

  test("of one example, and of none", async () => {
    const found = await evaluate(() => {
      const { p } = problem();
      const f = grad(loss);
      const one = vmap(f, [null, 0, 0])(p, op.zeros([1, 3], "float64"), op.zeros([1], "int64"));
      const none = vmap(f, [null, 0, 0])(p, op.zeros([0, 3], "float64"), op.zeros([0], "int64"));
      const conv = vmap((x: Tensor, w: Tensor) => op.conv(x, w))(
        op.zeros([0, 1, 1, 4]),
        op.zeros([0, 2, 1, 3]),
      );
      const pooled = vmap((x: Tensor) => op.maxPool(x, { kernel: 3, stride: 1 }))(op.zeros([0, 1, 1, 4]));
      return [one.w, none.w, none.b, conv, pooled];
    });
    expect(found.map(({ shape }) => shape)).toEqual([
      [1, 3, 2],
      [0, 3, 2],
      [0, 2],
      [0, 1, 2, 2],
      [0, 1, 1, 2],
    ]);
    expect(toNumbers(found[0] as NDArray).every(Number.isFinite)).toBe(true);
  });

  test("errors", () => {
    const x = op.zeros([2, 3]);
    const f = (a: Tensor, b: Tensor) => op.add(a, b);
    expect(() => vmap(f, [null, null])(x, x)).toThrow(
      /vmap: no argument is mapped over: every axis is null \(at .*vmap\.test\.ts/,
    );
    expect(() => vmap(f)(x, op.zeros([3, 3]))).toThrow(
      /argument 1 has 3 examples in float32\[3,3\], those before it 2/,
    );
    expect(() => vmap(f, [2, 0])(x, x)).toThrow(/axis 2 is outside float32\[2,3\] \(argument 0\)/);
    expect(() => vmap(f, [0, 0, 0])(x, x)).toThrow(/3 axes for a function of 2 arguments/);
    expect(() => vmap(f, [0, 0], null)(x, x)).toThrow(/axis cannot be null/);
    expect(() => vmap((p: { a: Tensor }) => p.a, [[0]])({ a: op.zeros([]) })).toThrow(
      /axis 0 is outside float32\[\]/,
    );
  });
});
