import { describe, expect, test } from "vitest";
import { evaluate, uniform } from "../checking.testing.ts";
import { expectClose, expectNumbers } from "../expectations.testing.ts";
import { type NDArray, toNumbers } from "../ndarray.ts";
import * as op from "../ops/index.ts";
import type { Tensor } from "../tensor.ts";
import { grad, vjp } from "./grad.ts";
import { hessian, hvp, jacobian, jvp, linearize } from "./jvp.ts";

const vector = (...values: number[]): Tensor => op.constant(values, "float64");

/** (1 - x)^2 + 100 (y - x^2)^2 and its derivatives in closed form. */
const rosenbrock = (p: Tensor): Tensor => {
  const [x, y] = [op.at(p, 0), op.at(p, 1)];
  return op.add(op.square(op.sub(1, x)), op.mul(op.square(op.sub(y, op.square(x))), 100));
};
const rosenbrockHessian = (x: number, y: number): number[] => [
  2 - 400 * (y - 3 * x * x),
  -400 * x,
  -400 * x,
  200,
];

describe("jvp", () => {
  test("value and derivative in a direction, for trees of arguments and results", async () => {
    const found = await evaluate(() => {
      const f = (p: { a: Tensor; b: Tensor }, x: Tensor) =>
        [op.mul(op.mul(p.a, p.b), x), op.argmax(x)] as const;
      const p = { a: vector(2, 3), b: vector(5, 7) };
      const x = vector(1, 2);
      // Keys of the tangents in another order.
      const [[value], [derivative, ofIndex]] = jvp(
        f,
        [p, x],
        [{ b: vector(0, 1), a: vector(1, 0) }, vector(0, 1)],
      );
      return [value, derivative, ofIndex];
    });
    expect(found.map(toNumbers)).toEqual([[10, 42], [5, 6 + 21], [0]]);
  });

  test("linearize applies one linearisation to many directions", async () => {
    const found = await evaluate(() => {
      const [value, push] = linearize((x: Tensor) => op.square(x), vector(3, 4));
      return [value, push(vector(1, 0)), push(vector(0, 1)), push(vector(2, 2))];
    });
    expect(found.map(toNumbers)).toEqual([
      [9, 16],
      [6, 0],
      [0, 8],
      [12, 16],
    ]);
  });

  test("of grad, grad of jvp, jvp of jvp: all the second derivative", async () => {
    const point = [0.7, -1.2];
    const found = await evaluate(() => {
      const x = vector(...point);
      const v = vector(1, 2);
      const [, ofGrad] = jvp(grad(rosenbrock), [x], [v]);
      const gradOf = grad((t: Tensor) => jvp(rosenbrock, [t], [v])[1])(x);
      const [, twice] = jvp((t: Tensor) => jvp(rosenbrock, [t], [v])[1], [x], [v]);
      const gradGrad = grad((t: Tensor) => op.dot(grad(rosenbrock)(t), v))(x);
      return [ofGrad, gradOf, gradGrad, twice];
    });
    const [a = 0, b = 0, c = 0, d = 0] = rosenbrockHessian(0.7, -1.2);
    const product = [a + 2 * b, c + 2 * d];
    for (const result of found.slice(0, 3)) expectNumbers(result, product, 1e-14, "Hessian product");
    expectNumbers(found[3], [(product[0] ?? 0) + 2 * (product[1] ?? 0)], 1e-14, "quadratic form");
  });

  test("is zero where nothing depends on the argument", async () => {
    const found = await evaluate(
      () => jvp((x: Tensor) => [op.ones([2], "float64"), op.floor(x)], [vector(1)], [vector(1)])[1],
    );
    expect(found.map(toNumbers)).toEqual([[0, 0], [0]]);
  });

  test("errors", () => {
    const f = (x: Tensor) => op.exp(x);
    expect(() => jvp(f, [vector(1)], [vector(1, 2)])).toThrow(
      /jvp: tangent float64\[2\] for an argument float64\[1\] \(at .*jvp\.test\.ts/,
    );
    expect(() => jvp(f, [op.zeros([1], "int32")], [op.zeros([1], "int32")])).toThrow(/cannot differentiate/);
  });
});

describe("Hessians and Jacobians", () => {
  test("of a quadratic form: A + A^T", async () => {
    const a = uniform([3, 3]);
    const [found, expected, product, direct] = await evaluate(() => {
      const matrix = op.constant(a);
      const form = (x: Tensor) => op.dot(x, op.matmul(matrix, x));
      const [x, v] = [vector(1, -2, 3), vector(0.5, 1, 2)];
      const h = hessian(form)(x);
      return [h, op.add(matrix, op.transpose(matrix)), hvp(form)(x, v), op.matmul(h, v)];
    });
    expectClose(found, expected as NDArray, 1e-14, "Hessian");
    expectClose(product, direct as NDArray, 1e-14, "product");
  });

  test("of Rosenbrock's function", async () => {
    const found = await evaluate(() => hessian(rosenbrock)(vector(0.7, -1.2)));
    expectNumbers(found, rosenbrockHessian(0.7, -1.2), 1e-14, "Hessian");
  });

  test("hvp of a tree", async () => {
    const found = await evaluate(() => {
      const f = (p: { a: Tensor; b: Tensor }) => op.sum(op.mul(op.square(p.a), p.b));
      return hvp(f)({ a: vector(2), b: vector(3) }, { a: vector(1), b: vector(10) });
    });
    expect(toNumbers(found.a)).toEqual([6 + 40]);
    expect(toNumbers(found.b)).toEqual([4]);
  });

  test("Jacobians by rows and by columns agree and have the shape [...output, ...input]", async () => {
    const x = uniform([2, 2]);
    const found = await evaluate(() => {
      const point = op.constant(x);
      const wide = (t: Tensor) => op.exp(op.concat([t, op.mul(t, t), op.transpose(t)])); // 12 outputs of 4 inputs: columns
      const narrow = (t: Tensor) => op.sum(wide(t), { axes: 0 }); // 2 outputs: rows
      const [, pull] = vjp(wide, point);
      const row = pull(op.reshape(op.at(op.eye(12, 12, "float64"), 5), [6, 2]))[0];
      const whole = jacobian(wide)(point);
      return {
        whole,
        narrow: jacobian(narrow)(point),
        summed: op.sum(whole, { axes: 0 }),
        row,
        place: op.at(op.at(whole, 2), 1),
      };
    });
    expect(found.whole.shape).toEqual([6, 2, 2, 2]);
    expect(found.narrow.shape).toEqual([2, 2, 2]);
    expectClose(found.narrow, found.summed, 1e-13, "rows against columns");
    expectClose(found.place, found.row, 1e-13, "a row");
  });

  test("the Hessian of a scalar is a scalar, of a matrix has four axes", async () => {
    const [scalar, matrix] = await evaluate(() => [
      hessian((x: Tensor) => op.pow(x, 3))(op.constant(2, "float64")),
      hessian((x: Tensor) => op.sum(op.pow(x, 3)))(op.constant([[1, 2]], "float64")),
    ]);
    expect(toNumbers(scalar)).toEqual([12]);
    expect(matrix.shape).toEqual([1, 2, 1, 2]);
    expect(toNumbers(matrix)).toEqual([6, 0, 0, 12]);
  });
});
