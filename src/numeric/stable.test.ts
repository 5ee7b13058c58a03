import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { integrate } from "./quadrature.ts";
import { randomStream } from "./random.ts";
import { normalDensity, normalDistribution } from "./special/normal.ts";
import { zeta } from "./special/zeta.ts";
import {
  levyConstant,
  type StableLaw,
  stableAbsoluteMoment,
  stableDraws,
  stableLogMoments,
  standardVariable,
} from "./stable.ts";
import { stableDensity, stableDistribution } from "./stable-density.ts";

const path = new URL("../../test/vectors/numeric/stable.json", import.meta.url);
const { density } = JSON.parse(readFileSync(path, "utf8")) as { density: [number, number, number, number][] };

const root = fileURLToPath(new URL("../..", import.meta.url));
const shared = `${process.env.FALLLINE_SHARED ?? `${root}/../shared`}/vectors/exit-times`;

function expectNear(value: number, expected: number, tolerance: number): void {
  expect(Math.abs(value - expected)).toBeLessThanOrEqual(tolerance * Math.abs(expected));
}

describe("stable densities", () => {
  it("are the Fourier inversions of their characteristic functions, for skewed laws", () => {
    for (const [tailIndex, skewness, x, expected] of density)
      expect(
        Math.abs(stableDensity(x, { tailIndex, skewness }) - expected),
        `${tailIndex} ${skewness} ${x}`,
      ).toBeLessThan(1e-10);
  });

  it("are normal, Cauchy and Levy where there are closed forms, tails included", () => {
    for (const x of [-300, -5, -0.3, 0, 1e-9, 0.7, 20, 1e8]) {
      expectNear(stableDensity(x, { tailIndex: 2 }), normalDensity(x / Math.SQRT2) / Math.SQRT2, 1e-13);
      expectNear(stableDensity(x, { tailIndex: 1 }), 1 / (Math.PI * (1 + x * x)), 1e-14);
      expectNear(stableDistribution(x, { tailIndex: 2 }).lower, normalDistribution(x / Math.SQRT2), 1e-13);
    }
    const levy = { tailIndex: 0.5, skewness: 1 };
    for (const x of [0.003, 0.01, 0.1, 1, 30, 1e9]) {
      expectNear(stableDensity(x, levy), Math.exp(-1 / (2 * x)) / Math.sqrt(2 * Math.PI * x ** 3), 1e-9);
      expectNear(stableDistribution(x, levy).lower, 2 * normalDistribution(-1 / Math.sqrt(x)), 1e-9);
      expect(stableDensity(-x, levy)).toBe(0);
      expect(stableDistribution(-x, levy).lower).toBe(0);
    }
    expectNear(stableDistribution(1e10, { tailIndex: 1 }).upper, 1e-10 / Math.PI, 1e-9);
  });

  it("have the tails of the Levy measure", () => {
    for (const tailIndex of [0.6, 1.2, 1.5, 1.9]) {
      const x = 1e7;
      const tail = (levyConstant(tailIndex) / tailIndex) * x ** -tailIndex;
      expectNear(stableDistribution(x, { tailIndex }).upper, tail, 1e-3);
      expectNear(stableDensity(x, { tailIndex }), levyConstant(tailIndex) * x ** (-1 - tailIndex), 1e-3);
    }
  });

  it("are the slope of the distribution, mirror with the skewness, and scale", () => {
    const law: StableLaw = { tailIndex: 1.4, skewness: -0.6, scale: 2, location: 3 };
    const mass = integrate((x) => stableDensity(x, law), -4, 9, { relativeTolerance: 1e-8 }).value;
    expectNear(mass, stableDistribution(9, law).lower - stableDistribution(-4, law).lower, 1e-8);
    for (const x of [-7, 0.1, 2]) {
      const mirrored = { tailIndex: 1.4, skewness: 0.6, scale: 2, location: -3 };
      expect(stableDensity(-x, mirrored)).toBe(stableDensity(x, law));
      expect(stableDistribution(-x, mirrored).upper).toBe(stableDistribution(x, law).lower);
      expectNear(
        stableDensity(x, law),
        stableDensity((x - 3) / 2, { tailIndex: 1.4, skewness: -0.6 }) / 2,
        1e-12,
      );
    }
  });

  it("refuse what is no law", () => {
    expect(() => stableDensity(0, { tailIndex: 2.1 })).toThrow("tailIndex 2.1 is not above 0 and at most 2");
    expect(() => stableDensity(0, { tailIndex: 1.5, skewness: 2 })).toThrow("skewness 2 is not in [-1, 1]");
    expect(() => stableDensity(Number.NaN, { tailIndex: 1.5 })).toThrow("x is not a number");
    expect(() => stableDraws(1, { tailIndex: 1 + 1e-10, skewness: 0.1 }, randomStream(0))).toThrow(
      "too near to 1",
    );
    expect(() => stableDraws(1, { tailIndex: 1, scale: 0 }, randomStream(0))).toThrow("scale 0 is not");
  });
});

describe("stable draws", () => {
  it.each<StableLaw>([
    { tailIndex: 0.7 },
    { tailIndex: 1 },
    { tailIndex: 1.5 },
    { tailIndex: 2 },
    { tailIndex: 0.8, skewness: 1 },
    { tailIndex: 1, skewness: -0.5, scale: 3, location: 1 },
    { tailIndex: 1.6, skewness: 0.7, scale: 0.2, location: -5 },
  ])("have the distribution of $tailIndex, $skewness (Kolmogorov-Smirnov)", (law) => {
    const n = 1500;
    const draws = stableDraws(n, law, randomStream(11)).sort();
    let distance = 0;
    for (let i = 0; i < n; i += 5) {
      const { lower } = stableDistribution(draws[i] as number, law);
      distance = Math.max(distance, Math.abs(lower - (i + 0.5) / n));
    }
    // Exceeded by one sample in 1000.
    expect(distance * Math.sqrt(n)).toBeLessThan(1.95);
  });

  it("are the closed forms at tail indices 1 and 2, and continuous in between", () => {
    const [angle, exponential] = [0.7, 1.3];
    expect(standardVariable(1, 0)(angle, exponential)).toBe(Math.tan(angle));
    expectNear(
      standardVariable(2, 0)(angle, exponential),
      2 * Math.sqrt(exponential) * Math.sin(angle),
      1e-15,
    );
    expectNear(standardVariable(1 + 1e-7, 0)(angle, exponential), Math.tan(angle), 1e-6);
    expectNear(
      standardVariable(1.5, 1e-12)(angle, exponential),
      standardVariable(1.5, 0)(angle, exponential),
      1e-10,
    );
  });

  it("come in the same order from the same stream", () => {
    const law = { tailIndex: 1.5 };
    expect(stableDraws(5, law, randomStream(3))).toEqual(stableDraws(5, law, randomStream(3)));
  });
});

describe("constants of symmetric laws", () => {
  it("are those of the normal and the Cauchy law", () => {
    expect(levyConstant(2)).toBe(0);
    expectNear(levyConstant(1), 1 / Math.PI, 1e-15);
    expectNear(stableAbsoluteMoment(2, 2), 2, 1e-14);
    expectNear(stableAbsoluteMoment(2, 1), 2 / Math.sqrt(Math.PI), 1e-14);
    expectNear(stableAbsoluteMoment(1, 0.5), Math.SQRT2, 1e-14);
    expect(stableLogMoments(1)).toEqual({ mean: 0, variance: Math.PI ** 2 / 4 });
    expect(() => stableAbsoluteMoment(1.5, 1.5)).toThrow("the moment is infinite");
  });
});

describe.skipIf(!existsSync(`${shared}/stable.json`))(
  "the vectors of exit-times (absent without ../shared)",
  () => {
    const read = (name: string): unknown => JSON.parse(readFileSync(`${shared}/${name}`, "utf8"));

    it("cms.json", () => {
      const { U, E, cases } = read("cms.json") as {
        U: number[];
        E: number[];
        cases: { alpha: number; x: number[] }[];
      };
      for (const { alpha, x } of cases)
        x.forEach((expected, i) => {
          expectNear(standardVariable(alpha, 0)(U[i] as number, E[i] as number), expected, 1e-12);
        });
    });

    it("stable.json", () => {
      const vectors = read("stable.json") as {
        density: { alpha: number; x: number; pdf: number; cdf: number }[];
        constants: {
          alpha: number;
          E_absX_p: Record<string, number>;
          beta_continuity: number;
          c_alpha?: number;
          E_log_absX?: number;
          Var_log_absX?: number;
        }[];
      };
      for (const { alpha, x, pdf, cdf } of vectors.density) {
        expect(Math.abs(stableDensity(x, { tailIndex: alpha }) - pdf)).toBeLessThan(1e-11);
        expect(Math.abs(stableDistribution(x, { tailIndex: alpha }).lower - cdf)).toBeLessThan(1e-11);
      }
      for (const row of vectors.constants) {
        for (const [power, expected] of Object.entries(row.E_absX_p))
          expectNear(stableAbsoluteMoment(row.alpha, Number(power)), expected, 1e-12);
        // The continuity correction, which puts zeta between 0 and 1/2 to the test.
        const correction = (-zeta(1 - 1 / row.alpha) * stableAbsoluteMoment(row.alpha, 1)) / 2;
        expectNear(correction, row.beta_continuity, 1e-12);
        if (row.c_alpha === undefined || row.E_log_absX === undefined || row.Var_log_absX === undefined)
          continue;
        expectNear(levyConstant(row.alpha), row.c_alpha, 1e-12);
        expectNear(stableLogMoments(row.alpha).mean, row.E_log_absX, 1e-12);
        expectNear(stableLogMoments(row.alpha).variance, row.Var_log_absX, 1e-12);
      }
    });
  },
);
