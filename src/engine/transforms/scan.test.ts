import { describe, expect, test } from "vitest";
import { evaluate, runChecks, uniform } from "../checking.testing.ts";
import { expectClose, expectNumbers } from "../expectations.testing.ts";
import { type NDArray, ndarray, toNumbers } from "../ndarray.ts";
import * as op from "../ops/index.ts";
import { compile, spec } from "../runtime/compile.ts";
import type { Tensor } from "../tensor.ts";
import { grad, valueAndGrad } from "./grad.ts";
import { jvp } from "./jvp.ts";
import { scan } from "./scan.ts";
import { vmap } from "./vmap.ts";

/** A small recurrent network: state' = tanh(w state + x), results the squared norms. */
function recurrent(w: Tensor, start: Tensor, xs: Tensor): readonly [Tensor, Tensor] {
  return scan(
    (state: Tensor, x: Tensor): readonly [Tensor, Tensor] => {
      const next = op.tanh(op.matmul(w, state).add(x));
      return [next, op.sum(op.square(next))];
    },
    start,
    xs,
  );
}

function unrolled(w: Tensor, start: Tensor, xs: Tensor): readonly [Tensor, Tensor] {
  let state = start;
  const results: Tensor[] = [];
  for (let i = 0; i < (xs.shape[0] ?? 0); i++) {
    state = op.tanh(op.matmul(w, state).add(op.at(xs, i)));
    results.push(op.sum(op.square(state)));
  }
  return [state, op.stack(results)];
}

const inputs = [uniform([3, 3], -0.5, 0.5, 1), uniform([3], -1, 1, 2), uniform([5, 3], -1, 1, 3)];

async function expectSame(pairs: readonly (readonly [Tensor, Tensor])[]): Promise<void> {
  const found = await evaluate(() => pairs.map(([a, b]) => ({ a, b })));
  for (const [i, { a, b }] of found.entries()) expectClose(a, b, 1e-12, `pair ${i}`);
}

describe("scan", () => {
  test("has derivatives, tangents and batches of every kind", async () => {
    await runChecks([
      { name: "recurrent", f: recurrent, inputs },
      {
        name: "in reverse",
        f: (start, xs) =>
          scan((c: Tensor, x: Tensor): readonly [Tensor, Tensor] => [c.mul(x), c.add(x)], start, xs, {
            reverse: true,
          }),
        inputs: [uniform([2], 0.5, 1, 4), uniform([4, 2], 0.5, 1, 5)],
      },
      {
        name: "a scan inside a scan",
        f: (rows) =>
          scan(
            (total: Tensor, row: Tensor): readonly [Tensor, Tensor] => {
              const [product] = scan(
                (p: Tensor, x: Tensor): readonly [Tensor, Tensor] => [p.mul(x), p],
                op.onesLike(total),
                row,
              );
              return [total.add(op.sin(product)), product];
            },
            op.zeros([], rows.dtype),
            rows,
          ),
        inputs: [uniform([3, 4], 0.5, 1.5, 6)],
        batched: [0],
      },
    ]);
  });

  test("equals the unrolled loop, with all its derivatives", async () => {
    const [w, start, xs] = inputs.map((input) => op.constant(input));
    if (w === undefined || start === undefined || xs === undefined) throw new Error("three inputs");
    const total = (f: typeof recurrent) => (a: Tensor, b: Tensor, c: Tensor) => {
      const [state, results] = f(a, b, c);
      return op.sum(state).add(op.sum(op.square(results)));
    };
    const every = { argnums: [0, 1, 2] } as const;
    const quantities = (f: typeof recurrent): Tensor[] => [
      ...f(w, start, xs),
      ...grad(total(f), every)(w, start, xs),
      ...jvp((a: Tensor, b: Tensor) => f(a, b, xs), [w, start], [w.mul(2), start.neg()])[1],
      grad((a: Tensor) => op.sum(op.square(grad(total(f))(a, start, xs))))(w),
      jvp(grad(total(f)), [w, start, xs], [w, start, xs])[1],
      vmap(grad(total(f)), [0, null, 0])(op.stack([w, w.mul(0.3)]), start, op.stack([xs, xs.neg()])),
    ];
    const unrolledQuantities = quantities(unrolled);
    await expectSame(quantities(recurrent).map((found, i) => [found, unrolledQuantities[i] ?? found]));
  });

  test("carries trees and integers, and is not confused by what the body captures", async () => {
    const numbers = uniform([6], -1, 1, 7);
    const [last, results] = await evaluate(() => {
      const outside = op.constant(uniform([], 1, 2, 8));
      return scan(
        (carry: { sum: Tensor; count: Tensor }, x: Tensor) =>
          [{ sum: carry.sum.add(x.mul(outside)), count: carry.count.add(1) }, { twice: x.mul(2) }] as const,
        { sum: op.zeros([], "float64"), count: op.zeros([], "int64") },
        op.constant(numbers),
      );
    });
    const factor = Number(uniform([], 1, 2, 8).data[0]);
    expect(toNumbers(last.count)).toEqual([6]);
    expect(toNumbers(last.sum)[0]).toBeCloseTo(factor * toNumbers(numbers).reduce((a, b) => a + b), 12);
    expectClose(
      results.twice,
      ndarray(
        toNumbers(numbers).map((x) => 2 * x),
        [6],
        "float64",
      ),
      1e-15,
      "twice",
    );
  });

  test("many training steps in one call are the steps one by one", async () => {
    const loss = (w: Tensor, x: Tensor, y: Tensor): Tensor => op.mean(op.square(op.matmul(x, w).sub(y)));
    const step = (w: Tensor, [x, y]: readonly [Tensor, Tensor]): readonly [Tensor, Tensor] => {
      const [value, slope] = valueAndGrad(loss)(w, x, y);
      return [w.sub(slope.mul(0.1)), value];
    };
    const [w0, xs, ys] = [uniform([3]), uniform([8, 4, 3]), uniform([8, 4], -1, 1, 9)];
    const together = await compile((w: Tensor, x: Tensor, y: Tensor) => scan(step, w, [x, y] as const), [
      spec([3], "float64"),
      spec([8, 4, 3], "float64"),
      spec([8, 4], "float64"),
    ] as const);
    const alone = await compile((w: Tensor, x: Tensor, y: Tensor) => step(w, [x, y]), [
      spec([3], "float64"),
      spec([4, 3], "float64"),
      spec([4], "float64"),
    ] as const);
    const [end, losses] = await together.run(w0, xs, ys);
    let w: NDArray = w0;
    for (let i = 0; i < 8; i++) {
      const [next, value] = await alone.run(
        w,
        ndarray(xs.data.slice(12 * i, 12 * (i + 1)), [4, 3], "float64"),
        ndarray(ys.data.slice(4 * i, 4 * (i + 1)), [4], "float64"),
      );
      expect(Number(value.data[0])).toBeCloseTo(Number(losses.data[i]), 13);
      w = next;
    }
    expectClose(end, w, 1e-13, "parameters");
  });

  test("of no steps leaves the carry as it is, of one step is the body", async () => {
    const f = (x: Tensor, xs: Tensor): Tensor =>
      op.sum(scan((c: Tensor, v: Tensor): readonly [Tensor, Tensor] => [c.mul(v), c], x, xs)[0]);
    for (const [steps, expected] of [
      [0, 3],
      [1, 6],
    ] as const) {
      const [value, slope, batch, stacked] = await evaluate(() => {
        const x = op.constant(ndarray([1, 2], [2], "float64"));
        const xs = op.full([steps, 2], 2, "float64");
        const all = scan((c: Tensor, v: Tensor): readonly [Tensor, Tensor] => [c.mul(v), c], x, xs)[1];
        return [f(x, xs), grad(f)(x, xs), vmap(f, [0, null])(op.stack([x, x.neg()]), xs), all] as const;
      });
      expectNumbers(value, [expected]);
      expectNumbers(slope, [2 ** steps, 2 ** steps]);
      expectNumbers(batch, [expected, -expected]);
      expect(stacked.shape).toEqual([steps, 2]);
    }
  });

  test("names what does not fit", () => {
    const body = (carry: Tensor, x: Tensor): readonly [Tensor, Tensor] => [carry.add(x), x];
    expect(() => scan(body, op.zeros([]), [] as unknown as Tensor)).toThrow(
      /scan: needs at least one sequence/,
    );
    expect(() =>
      scan((c: Tensor, [a]: readonly Tensor[]) => [c, a] as const, op.zeros([]), [
        op.zeros([2]),
        op.zeros([3]),
      ]),
    ).toThrow(/different lengths: float32\[2\] and float32\[3\]/);
    expect(() => scan(body, op.zeros([]), op.zeros([2, 3]))).toThrow(
      /the carry changes from float32\[\] to float32\[3\]/,
    );
  });

  test("a value kept from inside a body is an error that says so", async () => {
    let kept: Tensor | undefined;
    const leak = (xs: Tensor): Tensor => {
      scan(
        (carry: Tensor, x: Tensor): readonly [Tensor, Tensor] => {
          kept = x;
          return [carry.add(x), x];
        },
        op.zeros([], "float64"),
        xs,
      );
      return kept === undefined ? xs : kept.mul(2);
    };
    await expect(compile(leak, [spec([3], "float64")])).rejects.toThrow(
      /belongs to another trace \(the body of a scan\)/,
    );
  });
});
