import { describe, expect, it } from "vitest";
import { type GaussRule, gaussHermite, gaussJacobi, gaussLegendre } from "./gauss-rules.ts";
import { gamma } from "./special/gamma.ts";

function moment({ nodes, weights }: GaussRule, power: number): number {
  return nodes.reduce((sum, x, i) => sum + (weights[i] as number) * x ** power, 0);
}

describe("Gauss rules", () => {
  it("has the nodes and weights of the tables", () => {
    const { nodes, weights } = gaussLegendre(3);
    expect(nodes[2]).toBeCloseTo(Math.sqrt(0.6), 15);
    expect(nodes[1]).toBeCloseTo(0, 15);
    expect(weights[0]).toBeCloseTo(5 / 9, 15);
    expect(weights[1]).toBeCloseTo(8 / 9, 15);
    const hermite = gaussHermite(2);
    expect(hermite.nodes[1]).toBeCloseTo(Math.SQRT1_2, 15);
    expect(hermite.weights[1]).toBeCloseTo(Math.sqrt(Math.PI) / 2, 15);
    expect(Array.from(gaussLegendre(1).weights)).toEqual([2]);
  });

  it("integrates polynomials of degree below 2n exactly", () => {
    for (const n of [1, 2, 5, 10, 24]) {
      const legendre = gaussLegendre(n);
      const hermite = gaussHermite(n);
      const jacobi = gaussJacobi(n, 0.5, -0.3);
      for (let power = 0; power < 2 * n; power++) {
        expect(moment(legendre, power)).toBeCloseTo(power % 2 === 0 ? 2 / (power + 1) : 0, 14);
        const expected = power % 2 === 0 ? gamma((power + 1) / 2) : 0;
        expect(moment(hermite, power) / gamma((power + 2) / 2)).toBeCloseTo(
          expected / gamma((power + 2) / 2),
          12,
        );
      }
      // The moments of (1 + x): B(a + 1, b + 1 + k) 2^(a + b + 1 + k).
      for (let power = 0; power < 2 * n; power++) {
        const value = jacobi.nodes.reduce(
          (sum, x, i) => sum + (jacobi.weights[i] as number) * (1 + x) ** power,
          0,
        );
        const expected = (2 ** (1.2 + power) * gamma(1.5) * gamma(0.7 + power)) / gamma(2.2 + power);
        expect(value / expected).toBeCloseTo(1, 12);
      }
    }
  });

  it("keeps its digits with hundreds of nodes", () => {
    const legendre = gaussLegendre(300);
    expect(moment(legendre, 0)).toBeCloseTo(2, 13);
    expect(
      legendre.nodes.reduce((sum, x, i) => sum + (legendre.weights[i] as number) * Math.exp(x), 0),
    ).toBeCloseTo(Math.E - 1 / Math.E, 13);
    const hermite = gaussHermite(400);
    expect(moment(hermite, 0)).toBeCloseTo(Math.sqrt(Math.PI), 13);
    expect(hermite.weights.every((weight) => weight >= 0)).toBe(true);
    // The largest root of H(400), NIST DLMF 18.16.16's expansion to its accuracy.
    expect(hermite.nodes[399]).toBeCloseTo(Math.sqrt(801) - 1.85575708149 * 801 ** (-1 / 6), 1);
  });

  it("refuses what is no rule", () => {
    expect(() => gaussLegendre(0)).toThrow("gaussLegendre: 0 is not a number of nodes from 1 up");
    expect(() => gaussJacobi(3, -1, 0)).toThrow("alpha -1 is not above -1");
  });
});
