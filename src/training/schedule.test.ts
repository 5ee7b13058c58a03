import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  constantRate,
  cosineDecay,
  inverseSquareRoot,
  linearWarmup,
  type Schedule,
  stepDecay,
} from "./schedule.ts";

const { schedules } = JSON.parse(
  readFileSync(new URL("../../test/vectors/training/optimizers.json", import.meta.url), "utf8"),
) as { schedules: Record<string, number[]> };

const ours: Record<string, Schedule> = {
  step: stepDecay({ initial: 0.3, every: 7, factor: 0.5 }),
  milestones: stepDecay({ initial: 0.3, milestones: [3, 11], factor: 0.1 }),
  cosine: cosineDecay({ initial: 0.3, steps: 24, final: 0.01 }),
  warmup: linearWarmup(stepDecay({ initial: 0.3, every: 4, factor: 0.5 }), { steps: 5, from: 0.25 }),
};

describe("schedules against torch.optim.lr_scheduler", () => {
  it.each(Object.entries(schedules))("%s", (name, expected) => {
    for (const [step, rate] of expected.entries())
      expect(Math.abs((ours[name]?.(step) ?? Number.NaN) - rate), `step ${step}`).toBeLessThan(1e-13);
  });
});

describe("schedules", () => {
  it("in closed form", () => {
    expect(constantRate(0.2)(1000)).toBe(0.2);
    expect(inverseSquareRoot({ initial: 0.1 })(99)).toBeCloseTo(0.01, 15);
    expect(inverseSquareRoot({ initial: 0.1, offset: 4 })(0)).toBe(0.1);
    expect(inverseSquareRoot({ initial: 0.1, offset: 4 })(12)).toBeCloseTo(0.05, 15);
    expect(cosineDecay({ initial: 1, steps: 10, final: 0.5 })(25)).toBe(0.5);
    const warm = linearWarmup(constantRate(0.4), { steps: 4 });
    expect([0, 1, 2, 3, 4, 5].map(warm)).toEqual([0, 0.1, 0.2, 0.30000000000000004, 0.4, 0.4]);
  });

  it("refuse numbers out of range", () => {
    expect(() => constantRate(-1)).toThrow(/rate -1/);
    expect(() => stepDecay({ initial: 0.1, every: 0 })).toThrow(/every 0/);
    expect(() => cosineDecay({ initial: 0.1, steps: 1.5 })).toThrow(/steps 1.5/);
    expect(() => inverseSquareRoot({ initial: 0.1, offset: 0 })).toThrow(/offset 0/);
    expect(() => linearWarmup(constantRate(1), { steps: 3, from: 2 })).toThrow(/from 2/);
  });
});
