import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { erf, erfc, erfcx } from "./error-function.ts";
import { digamma, gamma, logGamma, stirlingError } from "./gamma.ts";
import {
  incompleteBeta,
  inverseIncompleteBeta,
  studentDistribution,
  studentQuantile,
} from "./incomplete-beta.ts";
import { chiSquareTail, incompleteGamma } from "./incomplete-gamma.ts";
import {
  inverseErf,
  inverseErfc,
  logNormalDistribution,
  normalDensity,
  normalDistribution,
  normalQuantile,
} from "./normal.ts";
import { owensT } from "./owens-t.ts";
import { hurwitzZeta, zeta } from "./zeta.ts";

const path = new URL("../../../test/vectors/numeric/special.json", import.meta.url);
const vectors = JSON.parse(readFileSync(path, "utf8")) as Record<string, number[][]>;

interface Case {
  readonly name: string;
  readonly f: (...arguments_: number[]) => number;
  /** The largest relative error that is allowed, for results above `from` (elsewhere it is absolute, times `from`). */
  readonly tolerance: number;
  readonly from?: number;
}

const cases: readonly Case[] = [
  { name: "erf", f: erf, tolerance: 1e-15 },
  { name: "erfc", f: erfc, tolerance: 2e-15 },
  { name: "erfcx", f: erfcx, tolerance: 2e-15 },
  { name: "inverseErf", f: inverseErf, tolerance: 1e-14 },
  { name: "inverseErfc", f: inverseErfc, tolerance: 1e-14 },
  { name: "normalDistribution", f: normalDistribution, tolerance: 2e-15 },
  { name: "normalDensity", f: normalDensity, tolerance: 2e-15 },
  { name: "logNormalDistribution", f: logNormalDistribution, tolerance: 1e-14 },
  { name: "logGamma", f: logGamma, tolerance: 1e-14 },
  { name: "gamma", f: gamma, tolerance: 1e-13 },
  { name: "digamma", f: digamma, tolerance: 1e-14, from: 1 },
  { name: "lowerGamma", f: (a, x) => incompleteGamma(a as number, x as number).lower, tolerance: 2e-13 },
  { name: "upperGamma", f: (a, x) => incompleteGamma(a as number, x as number).upper, tolerance: 2e-13 },
  {
    name: "incompleteBeta",
    f: (a, b, x) => incompleteBeta(a as number, b as number, x as number).lower,
    tolerance: 1e-13,
  },
  { name: "studentDistribution", f: studentDistribution as Case["f"], tolerance: 1e-13 },
  { name: "zeta", f: zeta, tolerance: 1e-14 },
  { name: "hurwitzZeta", f: hurwitzZeta as Case["f"], tolerance: 1e-14 },
  { name: "owensT", f: owensT as Case["f"], tolerance: 1e-13 },
];

describe("special functions against mpmath", () => {
  it.each(cases)("$name", ({ name, f, tolerance, from = 0 }) => {
    const rows = vectors[name] ?? [];
    expect(rows.length).toBeGreaterThan(10);
    let worst = { error: 0, at: "" };
    for (const row of rows) {
      const expected = row[row.length - 1] as number;
      const given = row.slice(0, -1);
      const value = f(...given);
      const error = value === expected ? 0 : Math.abs(value - expected) / Math.max(Math.abs(expected), from);
      if (!(error <= worst.error))
        worst = { error, at: `${name}(${given.join(", ")}) = ${value}, not ${expected}` };
    }
    expect(worst.error, worst.at).toBeLessThanOrEqual(tolerance);
  });
});

describe("special functions in closed form", () => {
  it("ends where the functions end", () => {
    expect([erf(Infinity), erf(-Infinity), erfc(-Infinity), erfc(Infinity)]).toEqual([1, -1, 2, 0]);
    expect([normalQuantile(0), normalQuantile(0.5), normalQuantile(1)]).toEqual([-Infinity, 0, Infinity]);
    expect([inverseErf(1), inverseErf(-1), inverseErfc(2)]).toEqual([Infinity, -Infinity, -Infinity]);
    expect(logGamma(0)).toBe(Infinity);
    expect([gamma(172), gamma(-184.5), gamma(5), gamma(23)]).toEqual([
      Infinity,
      0,
      24,
      1.1240007277776077e21,
    ]);
    expect([logGamma(1), logGamma(2)].map(Math.abs)).toEqual([0, 0]);
    expect(incompleteGamma(2, Infinity)).toEqual({ lower: 1, upper: 0 });
    expect(incompleteBeta(2, 3, 1)).toEqual({ lower: 1, upper: 0 });
    expect(owensT(1, Infinity)).toBeCloseTo(0.5 * normalDistribution(-1), 16);
    expect(owensT(-0.7, -0.3)).toBe(-owensT(0.7, 0.3));
  });

  it("inverts itself", () => {
    for (const p of [1e-300, 1e-20, 1e-5, 0.02, 0.2499, 0.25, 0.4, 0.6, 0.9, 0.999])
      expect(normalDistribution(normalQuantile(p)) / p).toBeCloseTo(1, 11);
    for (const a of [0.3, 2, 50])
      for (const b of [0.7, 9])
        for (const p of [1e-12, 0.03, 0.5, 0.999])
          expect(incompleteBeta(a, b, inverseIncompleteBeta(a, b, p)).lower / p).toBeCloseTo(1, 10);
    for (const degrees of [1, 3.5, 1000])
      for (const p of [1e-9, 0.025, 0.5, 0.7]) {
        const t = studentQuantile(p, degrees);
        expect(studentDistribution(t, degrees) / p).toBeCloseTo(1, 11);
      }
    expect(studentQuantile(0.75, 1)).toBeCloseTo(1, 14);
  });

  it("meets Stirling's formula and the chi-square law", () => {
    for (const x of [0.3, 1, 7.5, 9.99, 10, 1e5])
      expect(stirlingError(x)).toBeCloseTo(
        logGamma(x) - ((x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI)),
        x > 100 ? 9 : 13,
      );
    for (const x of [0.1, 3, 60]) {
      expect(chiSquareTail(x, 2) / Math.exp(-x / 2)).toBeCloseTo(1, 13);
      expect(chiSquareTail(x, 1) / erfc(Math.sqrt(x / 2))).toBeCloseTo(1, 12);
    }
  });

  it("adds up: lower and upper parts of large shapes", () => {
    for (const a of [1e5, 1e7]) {
      const { lower, upper } = incompleteGamma(a, a);
      expect(lower + upper).toBe(1);
      // P(a, a) = 1/2 + 1/(3 sqrt(2 pi a)) + O(a^-3/2), DLMF 8.11.12.
      expect(lower).toBeCloseTo(0.5 + 1 / (3 * Math.sqrt(2 * Math.PI * a)), 8);
    }
  });

  it("names what lies outside a domain", () => {
    expect(() => erf(Number.NaN)).toThrow("erf: x NaN is not a number");
    expect(() => gamma(-2)).toThrow("gamma: x -2 is not in the domain: the function has a pole there");
    expect(() => digamma(0)).toThrow("pole");
    expect(() => zeta(1)).toThrow("zeta: s 1 is not");
    expect(() => normalQuantile(1.1)).toThrow("normalQuantile: p 1.1 is not in [0, 1]");
    expect(() => incompleteGamma(0, 1)).toThrow("a 0 is not above 0");
    expect(() => incompleteBeta(1, 1, -0.1)).toThrow("x -0.1 is not in [0, 1]");
    expect(() => studentQuantile(0, 3)).toThrow("p 0 is not in (0, 1)");
    expect(() => hurwitzZeta(2, 0)).toThrow("q 0 is not a number above 0");
  });
});
