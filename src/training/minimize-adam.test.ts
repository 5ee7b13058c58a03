import { describe, expect, it } from "vitest";
import type { Objective } from "./lbfgs.ts";
import { type AdamCheckpoint, minimizeByAdam } from "./minimize-adam.ts";
import { constantRate, stepDecay } from "./schedule.ts";

/** Σ c_i (x_i − t_i)² / 2. */
function bowl(curvatures: readonly number[], target: readonly number[]): Objective {
  const gradient = new Float64Array(target.length);
  return async (x) => {
    let value = 0;
    for (const [i, c] of curvatures.entries()) {
      const away = (x[i] ?? 0) - (target[i] ?? 0);
      value += 0.5 * c * away * away;
      gradient[i] = c * away;
    }
    return { value, gradient };
  };
}

describe("minimizeByAdam", () => {
  it("moves by the learning rate in its first step, whatever the gradient's size", async () => {
    const points: number[][] = [];
    await minimizeByAdam(bowl([1000, 0.001], [5, -5]), Float64Array.of(0, 0), {
      iterations: 2,
      schedule: constantRate(0.1),
      onIteration: ({ x }) => points.push(Array.from(x)),
    });
    expect(points[1]?.[0]).toBeCloseTo(0.1, 6);
    expect(points[1]?.[1]).toBeCloseTo(-0.1, 6);
  });

  it("makes the steps of the paper's algorithm", async () => {
    // By hand for f = x² / 2 from x = 1 with step 0.1: the moments after the first step are 0.1 and 0.001.
    const xs: number[] = [];
    await minimizeByAdam(bowl([1], [0]), Float64Array.of(1), {
      iterations: 3,
      schedule: constantRate(0.1),
      onIteration: ({ x }) => xs.push(x[0] ?? 0),
    });
    const x1 = 1 - 0.1 / (1 + 1e-8);
    const m = 0.9 * 0.1 + 0.1 * x1;
    const v = 0.999 * 0.001 + 0.001 * x1 * x1;
    const x2 = x1 - (0.1 * (m / (1 - 0.81))) / (Math.sqrt(v / (1 - 0.999 ** 2)) + 1e-8);
    expect(xs[1]).toBeCloseTo(x1, 14);
    expect(xs[2]).toBeCloseTo(x2, 14);
  });

  it("takes the step size of each step from its schedule, and tells where the last one ended", async () => {
    const run = (iterations: number) =>
      minimizeByAdam(bowl([1], [0]), Float64Array.of(1), {
        iterations,
        schedule: stepDecay({ initial: 0.1, factor: 0.5, every: 1 }),
      });
    expect((await run(1)).last[0]).toBeCloseTo(1 - 0.1 / (1 + 1e-8), 14);
    const [mean, square] = [(0.09 + 0.1 * 0.9) / 0.19, (0.000999 + 0.001 * 0.81) / 0.001999];
    const second = await run(2);
    expect(second.last[0]).toBeCloseTo(0.9 - (0.05 * mean) / Math.sqrt(square), 8);
    expect(second.x[0]).toBeCloseTo(0.9, 8);
    expect(second.evaluations).toBe(2);
  });

  it("lowers its steps as its schedule says, and reaches a minimum with signs alone", async () => {
    const moves: number[] = [];
    let last = Number.NaN;
    const {
      x,
      value,
      last: end,
    } = await minimizeByAdam(bowl([3, 1e-3], [0.4, 0.7]), Float64Array.of(2, -2), {
      iterations: 800,
      schedule: stepDecay({ initial: 0.1, milestones: [300, 500, 700] }),
      gradient: "sign",
      onIteration: ({ x: at }) => {
        moves.push(Math.abs((at[1] ?? 0) - last));
        last = at[1] ?? 0;
      },
    });
    expect(x[0]).toBeCloseTo(0.4, 3);
    expect(x[1]).toBeCloseTo(0.7, 3);
    expect(value).toBeLessThan(1e-5);
    expect(Math.abs((end[1] ?? 0) - last)).toBeLessThan(1e-3);
    expect(Math.max(...moves.slice(1, 300))).toBeGreaterThan(0.05);
    expect(Math.max(...moves.slice(705))).toBeLessThan(1e-3);
  });

  it("holds the first entries to a box and leaves the others", async () => {
    const { x } = await minimizeByAdam(bowl([1, 1, 1], [3, -3, 3]), new Float64Array(3), {
      iterations: 400,
      schedule: constantRate(0.1),
      box: { low: 0, high: 1, count: 2 },
    });
    expect(Array.from(x.subarray(0, 2))).toEqual([1, 0]);
    expect(x[2]).toBeGreaterThan(2.5);
  });

  it("tells where the value is not finite, with the best point before", async () => {
    let calls = 0;
    const { status, evaluations, value } = await minimizeByAdam(
      async () => ({ value: ++calls < 3 ? 5 - calls : Number.NaN, gradient: Float64Array.of(1) }),
      Float64Array.of(0),
      { iterations: 10, schedule: constantRate(0.1) },
    );
    expect({ status, evaluations, value }).toEqual({ status: "diverged", evaluations: 3, value: 3 });
    const none = { iterations: 0, schedule: constantRate(0.1) };
    await expect(minimizeByAdam(bowl([1], [0]), Float64Array.of(0), none)).rejects.toThrow("iterations 0");
  });

  it("goes on from a checkpoint with the same bits", async () => {
    const run = (options: Partial<Parameters<typeof minimizeByAdam>[2]> = {}) =>
      minimizeByAdam(bowl([3, 0.1, 20], [1, -2, 0.5]), new Float64Array(3), {
        iterations: 40,
        schedule: stepDecay({ initial: 0.3, milestones: [20] }),
        ...options,
      });
    const checkpoints: AdamCheckpoint[] = [];
    const whole = await run({ onCheckpoint: async (state) => void checkpoints.push(structuredClone(state)) });
    expect(checkpoints).toHaveLength(40);
    for (const from of [checkpoints[0], checkpoints[24], checkpoints.at(-1)])
      expect(await run(from && { from })).toEqual(whole);
  });
});
