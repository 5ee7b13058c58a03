import { describe, expect, it } from "vitest";
import { brentRoot, newtonRoot } from "./roots.ts";

const cases: [string, (x: number) => number, (x: number) => number, number, number, number][] = [
  ["cosine", Math.cos, (x) => -Math.sin(x), 1, 2, Math.PI / 2],
  ["a cubic", (x) => x ** 3 - 2 * x - 5, (x) => 3 * x * x - 2, 2, 3, 2.0945514815423265],
  ["exp - 2, far away", (x) => Math.exp(x) - 2, Math.exp, -50, 50, Math.LN2],
  ["a flat triple root", (x) => (x - 1) ** 3, (x) => 3 * (x - 1) ** 2, 0, 3, 1],
  ["a steep step", (x) => Math.atan(1e6 * (x - 0.3)), (x) => 1e6 / (1 + (1e6 * (x - 0.3)) ** 2), 0, 1, 0.3],
  ["a root of 1e-12", (x) => x - 1e-12, () => 1, -1, 2, 1e-12],
  ["a reversed bracket", (x) => x * x - 2, (x) => 2 * x, 2, 0, Math.SQRT2],
];

describe.each(cases)("%s", (name, f, slope, from, to, root) => {
  const tolerance = name.includes("triple") ? 1e-5 : 1e-15 * Math.max(1, Math.abs(root) * 2);

  it("by Brent's method", () => {
    let evaluations = 0;
    const found = brentRoot(
      (x) => {
        evaluations++;
        return f(x);
      },
      from,
      to,
    );
    expect(Math.abs(found - root)).toBeLessThanOrEqual(tolerance);
    expect(evaluations).toBeLessThan(name.includes("triple") ? 200 : 70);
  });

  it("by Newton's", () => {
    const found = newtonRoot((x) => ({ value: f(x), derivative: slope(x) }), from, to);
    expect(Math.abs(found - root)).toBeLessThanOrEqual(tolerance);
  });
});

describe("root finders", () => {
  it("stop at a tolerance, and at an end that is a root", () => {
    expect(Math.abs(brentRoot((x) => x * x - 2, 0, 2, { tolerance: 1e-3 }) - Math.SQRT2)).toBeLessThan(2e-3);
    expect(brentRoot((x) => x, 0, 1)).toBe(0);
    expect(newtonRoot((x) => ({ value: x - 1, derivative: 1 }), 0, 1)).toBe(1);
  });

  it("say why they cannot", () => {
    const square = (x: number) => ({ value: x * x + 1, derivative: 2 * x });
    expect(() => brentRoot((x) => x * x + 1, -1, 2)).toThrow(
      "no change of sign between -1 and 2: the values are 2 and 5",
    );
    expect(() => newtonRoot(square, -1, 2)).toThrow("no change of sign");
    expect(() => brentRoot(Math.log, -1, 2)).toThrow("the function is not a number at -1");
    expect(() => brentRoot((x) => x, -Infinity, 2)).toThrow("not finite");
    expect(() => brentRoot((x) => x ** 3 - 2, 0, 1e9, { maximumEvaluations: 5 })).toThrow("in 5 evaluations");
    expect(() =>
      newtonRoot((x) => ({ value: x ** 3 - 2, derivative: 3 * x * x }), 0, 1e9, { maximumEvaluations: 5 }),
    ).toThrow("in 5 evaluations");
  });
});
