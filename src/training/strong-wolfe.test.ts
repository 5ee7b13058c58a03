import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type LineSearchOptions, strongWolfe } from "./strong-wolfe.ts";

type Line = (t: number) => [value: number, slope: number];

/** A search along the first axis from 0, the gradient in one buffer that every call overwrites. */
function search(line: Line, step = 1, options: LineSearchOptions = {}) {
  const gradient = new Float64Array(1);
  const [value, slope] = line(0);
  const evaluate = async (t: number) => {
    const [at, slopeAt] = line(t);
    gradient[0] = slopeAt;
    return { value: at, gradient };
  };
  const start = { value, gradient: Float64Array.of(slope), direction: Float64Array.of(1), slope, step };
  return strongWolfe(evaluate, start, options);
}

const parabola: Line = (t) => [(t - 3) ** 2, 2 * (t - 3)];

describe("strongWolfe", () => {
  it("takes the first trial when it satisfies both conditions", async () => {
    const found = await search(parabola, 2.5);
    expect(found).toMatchObject({ status: "wolfe", step: 2.5, value: 0.25, evaluations: 1 });
  });

  it("satisfies both conditions on lines with many minima, from any first step", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.double({ min: 1e-3, max: 50, noNaN: true }),
        fc.double({ min: 0.1, max: 3, noNaN: true }),
        fc.double({ min: 0, max: 2, noNaN: true }),
        async (step, frequency, height) => {
          const line: Line = (t) => [
            0.1 * (t - 4) ** 2 + height * Math.cos(frequency * t),
            0.2 * (t - 4) - height * frequency * Math.sin(frequency * t),
          ];
          const found = await search(line, step, { toleranceChange: 0 });
          const [value, slope] = line(0);
          const [valueThere, slopeThere] = line(found.step);
          expect(found.status).toBe("wolfe");
          expect(found.value).toBe(valueThere);
          expect(found.gradient[0]).toBe(slopeThere);
          expect(valueThere).toBeLessThanOrEqual(value + 1e-4 * found.step * slope);
          expect(Math.abs(slopeThere)).toBeLessThanOrEqual(0.9 * Math.abs(slope));
        },
      ),
      { seed: 1, numRuns: 300 },
    );
  });

  it("returns the best point so far when the trials run out", async () => {
    const found = await search((t) => [-t, -1], 1, { maxTrials: 3 });
    expect(found.status).toBe("bracket");
    expect(found.evaluations).toBe(4);
    expect(found.value).toBe(-found.step);
  });

  it("returns the start when nothing is better", async () => {
    const found = await search((t) => [t === 0 ? 0 : 1, -1], 1, { maxTrials: 4 });
    expect(found).toMatchObject({ status: "bracket", step: 0, value: 0, evaluations: 5 });
    expect(found.gradient[0]).toBe(-1);
  });

  it("stops at a value or a slope that is not finite", async () => {
    expect((await search((t) => [t === 0 ? 0 : Number.NaN, -1])).status).toBe("non-finite");
    expect((await search((t) => [-t, t > 5 ? Number.POSITIVE_INFINITY : -1])).status).toBe("non-finite");
  });

  it("keeps every gradient apart though the objective reuses one buffer", async () => {
    // The third trial is the worse end of the bracket; the gradient returned must be the better end's.
    const found = await search(parabola, 0.01, { curvature: 0.01 });
    expect(found.gradient[0]).toBe(2 * (found.step - 3));
  });
});
