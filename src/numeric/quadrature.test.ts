import { describe, expect, it } from "vitest";
import { integrate } from "./quadrature.ts";

describe("integrate", () => {
  it.each<[string, (x: number) => number, number, number, number]>([
    ["exp", Math.exp, 0, 1, Math.E - 1],
    ["a polynomial", (x) => x ** 30, -1, 2, (2 ** 31 + 1) / 31],
    ["a root's singular slope", Math.sqrt, 0, 1, 2 / 3],
    ["a logarithm at its pole", Math.log, 0, 1, -1],
    ["an inverse root at its pole", (x) => 1 / Math.sqrt(x), 0, 1, 2],
    ["oscillation", (x) => Math.sin(50 * x), 0, 3, (1 - Math.cos(150)) / 50],
    ["a narrow peak", (x) => 1e-4 / (1e-8 + (x - 0.3) ** 2), 0, 1, Math.atan(0.7e4) + Math.atan(0.3e4)],
    ["a kink", (x) => Math.abs(x - 1 / 3), 0, 1, 5 / 18],
    ["a Gaussian over the line", (x) => Math.exp(-x * x), -Infinity, Infinity, Math.sqrt(Math.PI)],
    ["a half line", (x) => Math.exp(-x), 2, Infinity, Math.exp(-2)],
    ["the other half line", (x) => 1 / (1 + x * x), -Infinity, -1, Math.PI / 4],
    ["backwards", (x) => x, 2, 0, -2],
    ["nothing", (x) => 1 / x, 1, 1, 0],
  ])("%s", (_, f, from, to, expected) => {
    const { value, error } = integrate(f, from, to);
    const actual = Math.abs(value - expected);
    expect(actual).toBeLessThanOrEqual(Math.max(1e-12, 1e-10 * Math.abs(expected)));
    expect(actual).toBeLessThanOrEqual(error + 1e-15 * Math.abs(expected));
  });

  it("finds a peak that breakpoints show, with fewer evaluations", () => {
    const f = (x: number): number => Math.exp(-1e8 * (x - 0.123456) ** 2);
    const { value, evaluations } = integrate(f, 0, 1, { breakpoints: [0.123, 0.124] });
    expect(value).toBeCloseTo(Math.sqrt(Math.PI) * 1e-4, 12);
    expect(evaluations).toBeLessThan(1500);
  });

  it("says where it cannot", () => {
    expect(() => integrate((x) => 1 / x, 0, 1)).toThrow("the hardest is from 0 to");
    expect(() => integrate((x) => Math.log(x), -1, 1)).toThrow("the integrand is NaN at -0.99");
    expect(() => integrate(Math.exp, 0, Number.NaN)).toThrow("the range 0 to NaN is not one");
    expect(() => integrate(Math.exp, 0, 1, { breakpoints: [2] })).toThrow("breakpoint 2 is not in 0 to 1");
    expect(() => integrate(Math.cos, 0, 1e6, { maximumIntervals: 10 })).toThrow("with 10 subintervals");
  });
});
