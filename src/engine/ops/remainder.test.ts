import { expect, test } from "vitest";
import { ndarray, toNumbers } from "../ndarray.ts";
import { compile, spec } from "../runtime/compile.ts";
import type { Tensor } from "../tensor.ts";
import { grad } from "../transforms/grad.ts";
import { vmap } from "../transforms/vmap.ts";
import { sum } from "./broadcast.ts";
import { remainder } from "./remainder.ts";

const a = ndarray([5.3, -5.3, 5.3, 1e6, 7], [5], "float64");
const b = ndarray([0.1, 0.1, -0.1, 0.3, Number.POSITIVE_INFINITY], [5], "float64");
const wanted = toNumbers(a).map((value, i) => value % (toNumbers(b)[i] ?? 1));

test("is C's fmod, exactly", async () => {
  const run = await compile(remainder, [spec([5], "float64"), spec([5], "float64")]);
  expect(toNumbers(await run.run(a, b))).toEqual(wanted);
});

test("is 1 in a, minus the whole quotient in b; also for each of a batch, with a shared divisor", async () => {
  const total = (x: Tensor, y: Tensor): Tensor => sum(remainder(x, y));
  const x = ndarray([5.3, -5.3, 0.2], [3], "float64");
  const y = ndarray([2, 2, 0.15], [3], "float64");
  const both = await compile(grad(total, { argnums: [0, 1] }), [spec([3], "float64"), spec([3], "float64")]);
  const [inX, inY] = await both.run(x, y);
  expect(toNumbers(inX)).toEqual([1, 1, 1]);
  expect(toNumbers(inY)).toEqual([-2, 2, -1]);
  const shared = ndarray([2, 3], [2], "float64");
  const each = await compile(
    vmap((one: Tensor, divisors: Tensor) => remainder(one, divisors), [0, null]),
    [spec([3], "float64"), spec([2], "float64")],
  );
  const found = toNumbers(await each.run(x, shared));
  expect(found).toEqual([5.3 % 2, 5.3 % 3, -5.3 % 2, -5.3 % 3, 0.2, 0.2]);
});
