import { describe, expect, it } from "vitest";
import { randomStream } from "../numeric/random.ts";
import { dot } from "../numeric/rows.ts";
import { createMemory, quasiNewtonDirection } from "./lbfgs-memory.ts";

/** The two-loop recursion as the textbook has it (Nocedal and Wright, algorithm 7.4). */
function twoLoop(pairs: { s: Float64Array; y: Float64Array }[], gradient: Float64Array): Float64Array {
  const q = gradient.map((value) => -value);
  const add = (target: Float64Array, factor: number, v: Float64Array): void => {
    for (let i = 0; i < v.length; i++) target[i] = (target[i] ?? 0) + factor * (v[i] ?? 0);
  };
  const coefficients = pairs.toReversed().map(({ s, y }) => {
    const a = dot(s, q) / dot(s, y);
    add(q, -a, y);
    return a;
  });
  const newest = pairs.at(-1);
  const scale = newest === undefined ? 1 : dot(newest.s, newest.y) / dot(newest.y, newest.y);
  for (let i = 0; i < q.length; i++) q[i] = (q[i] ?? 0) * scale;
  for (const [i, { s, y }] of pairs.entries())
    add(q, (coefficients[pairs.length - 1 - i] ?? 0) - dot(y, q) / dot(s, y), s);
  return q;
}

describe("quasiNewtonDirection", () => {
  it.each([1, 3, 4, 9])(
    "equals the two-loop recursion while a memory of %i fills and turns over",
    (capacity) => {
      const stream = randomStream(capacity);
      const n = 37;
      const memory = createMemory(n, capacity);
      const direction = new Float64Array(n);
      const kept: { s: Float64Array; y: Float64Array }[] = [];
      for (let iteration = 0; iteration < 25; iteration++) {
        const s = stream.normal(n);
        const noise = stream.normal(n);
        // Every sixth pair has negative curvature and must not be taken in.
        const sign = iteration % 6 === 5 ? -1 : 1;
        const y = s.map((value, i) => sign * (value * (1 + (i % 5)) + 0.1 * (noise[i] ?? 0)));
        const gradient = stream.normal(n);
        quasiNewtonDirection(memory, s, y, gradient, direction);
        if (sign > 0) kept.push({ s, y });
        const expected = twoLoop(kept.slice(-capacity), gradient);
        expect(memory.count).toBe(Math.min(kept.length, capacity));
        const largest = Math.max(...expected.map(Math.abs));
        for (const [i, value] of expected.entries())
          expect(Math.abs((direction[i] ?? 0) - value)).toBeLessThan(1e-11 * largest);
      }
    },
  );

  it("is the negative gradient while the memory is empty", () => {
    const memory = createMemory(3, 2);
    const direction = new Float64Array(3);
    const zero = new Float64Array(3);
    quasiNewtonDirection(memory, zero, zero, Float64Array.of(1, -2, 3), direction);
    expect(Array.from(direction)).toEqual([-1, 2, -3]);
  });
});
