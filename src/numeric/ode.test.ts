import { describe, expect, it } from "vitest";
import { solveOde } from "./ode.ts";

const oscillator = (_: number, y: Float64Array, out: Float64Array): void => {
  out[0] = y[1] as number;
  out[1] = -(y[0] as number);
};

/** The planar two-body problem: an ellipse of eccentricity 0.6 in 2 pi. */
const kepler = (_: number, y: Float64Array, out: Float64Array): void => {
  const cube = Math.hypot(y[0] as number, y[1] as number) ** 3;
  out[0] = y[2] as number;
  out[1] = y[3] as number;
  out[2] = -(y[0] as number) / cube;
  out[3] = -(y[1] as number) / cube;
};

describe("solveOde", () => {
  it("follows the oscillator, forwards, backwards and between the steps", () => {
    const options = { relativeTolerance: 1e-10, absoluteTolerance: 1e-12 };
    for (const end of [20, -20]) {
      const solution = solveOde(oscillator, Float64Array.of(0, 1), 0, end, options);
      expect(solution.times[solution.times.length - 1]).toBe(end);
      for (let i = 0; i <= 97; i++) {
        const time = (end * i) / 97;
        const [y0, y1] = solution.at(time) as unknown as [number, number];
        expect(Math.abs(y0 - Math.sin(time))).toBeLessThan(3e-9);
        expect(Math.abs(y1 - Math.cos(time))).toBeLessThan(3e-9);
      }
    }
  });

  it("brings a planet back, with an error that follows the tolerance", () => {
    const start = Float64Array.of(0.4, 0, 0, 2);
    const errors = [1e-4, 1e-7, 1e-10].map((tolerance) => {
      const { states, evaluations, rejected } = solveOde(kepler, start, 0, 2 * Math.PI, {
        relativeTolerance: tolerance,
        absoluteTolerance: tolerance,
      });
      expect(evaluations).toBeLessThan(6 * (states.length + rejected) + 3);
      return Math.max(
        ...(states.at(-1) as Float64Array).map((value, i) => Math.abs(value - (start[i] as number))),
      );
    });
    expect(errors[0]).toBeLessThan(1);
    expect(errors[1]).toBeLessThan(1e-4);
    expect(errors[2]).toBeLessThan(1e-7);
  });

  it("has order 5 with fixed steps, and order 4 between them", () => {
    const errorsAt = (steps: number): [number, number] => {
      const h = 1 / steps;
      const loose = { firstStep: h, maximumStep: h, relativeTolerance: 1e3, absoluteTolerance: 1e3 };
      const solution = solveOde(
        (t, y, out) => {
          out[0] = Math.cos(t) * (y[0] as number);
        },
        Float64Array.of(1),
        0,
        1,
        loose,
      );
      const exact = (t: number): number => Math.exp(Math.sin(t));
      const between = (0.7 + Math.floor(steps / 2)) * h;
      return [
        Math.abs((solution.at(1)[0] as number) - exact(1)),
        Math.abs((solution.at(between)[0] as number) - exact(between)),
      ];
    };
    const [end8, between8] = errorsAt(8);
    const [end16, between16] = errorsAt(16);
    expect(Math.log2(end8 / end16)).toBeGreaterThan(4.6);
    expect(Math.log2(between8 / between16)).toBeGreaterThan(3.7);
  });

  it("takes tolerances for each component, and nothing to do for an empty range", () => {
    const each = solveOde(oscillator, Float64Array.of(0, 1), 0, 1, {
      absoluteTolerance: Float64Array.of(1e-8, 1e-8),
    });
    expect(each.at(1)[0]).toBeCloseTo(Math.sin(1), 6);
    const none = solveOde(oscillator, Float64Array.of(3, 4), 2, 2);
    expect(Array.from(none.at(2))).toEqual([3, 4]);
  });

  it("stops with the time where the solution ends", () => {
    const explosion = (_: number, y: Float64Array, out: Float64Array): void => {
      out[0] = (y[0] as number) ** 2;
    };
    expect(() => solveOde(explosion, Float64Array.of(1), 0, 2)).toThrow(
      /at time 0\.99999|after time 0\.99999|after time 1\b|at time 1\b/,
    );
    const rooted = (_: number, y: Float64Array, out: Float64Array): void => {
      out[0] = -1 / Math.sqrt(1 - (y[0] as number));
    };
    expect(() => solveOde(rooted, Float64Array.of(1), 0.5, 1)).toThrow(
      "the derivative is not finite at time 0.5",
    );
    expect(() =>
      solveOde(
        (time, _, out) => {
          out[0] = time > 0.5 ? Number.NaN : 1;
        },
        Float64Array.of(0),
        0,
        1,
      ),
    ).toThrow(/the solution is not finite after time 0\.(5|4999)/);
  });

  it("says which input is wrong", () => {
    const one = Float64Array.of(1);
    const still = (_: number, __: Float64Array, out: Float64Array): void => {
      out[0] = 0;
    };
    expect(() => solveOde(still, Float64Array.of(Number.NaN), 0, 1)).toThrow(
      "component 0 of the initial state is NaN",
    );
    expect(() => solveOde(still, one, 0, Infinity)).toThrow("the range 0 to Infinity is not finite");
    expect(() => solveOde(still, one, 0, 1, { absoluteTolerance: -1 })).toThrow("tolerances");
    expect(() => solveOde(still, one, 0, 1, { maximumStep: 0 })).toThrow("maximumStep 0 is not above 0");
    expect(() => solveOde(oscillator, Float64Array.of(0, 1), 0, 1e3, { maximumSteps: 10 })).toThrow(
      "10 steps only reached",
    );
    expect(() => solveOde(still, one, 0, 1).at(2)).toThrow("time 2 is not in the solved range 0 to 1");
  });
});
