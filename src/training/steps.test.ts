import { describe, expect, it } from "vitest";
import { selectSteps } from "./steps.ts";

function stepsOf(...[selection, total, stepsPerEpoch]: [Parameters<typeof selectSteps>[0], number, number?]) {
  const selected = selectSteps(selection, { total, stepsPerEpoch });
  const steps = Array.from({ length: total + 1 }, (_, step) => step).filter(selected.has);
  expect(selected.count).toBe(steps.length);
  // One after the other they are the same.
  const found: number[] = [];
  for (let step = selected.after(-1); step <= total; step = selected.after(step)) found.push(step);
  expect(found).toEqual(steps);
  return steps;
}

describe("selected steps", () => {
  it("are those asked for", () => {
    expect(stepsOf("none", 9)).toEqual([]);
    expect(stepsOf("all", 3)).toEqual([0, 1, 2, 3]);
    expect(stepsOf("sqrt", 10)).toEqual([0, 3, 6, 9]);
    expect(stepsOf({ every: 4 }, 9)).toEqual([0, 4, 8]);
    expect(stepsOf({ every: 20 }, 9)).toEqual([0]);
    expect(stepsOf({ lastEpochs: 2 }, 10, 3)).toEqual([4, 5, 6, 7, 8, 9, 10]);
    expect(stepsOf({ lastEpochs: 9 }, 4, 3)).toEqual([0, 1, 2, 3, 4]);
    expect(stepsOf([5, 0, 5], 6)).toEqual([0, 5]);
  });

  it("halve what is left with log: few, each span no longer than the one before", () => {
    expect(stepsOf("log", 16)).toEqual([0, 8, 12, 14, 15]);
    for (const total of [1, 2, 3, 28, 1000, 1023]) {
      const steps = stepsOf("log", total);
      expect(steps.length).toBeLessThanOrEqual(2 + Math.log2(total));
      const spans = [...steps.slice(1), total].map((step, i) => step - (steps[i] ?? 0));
      expect(spans).toEqual([...spans].sort((a, b) => b - a));
      expect(spans.at(-1)).toBe(1);
    }
  });

  it("have to be there", () => {
    for (const bad of [[7], [-1], [0.5]])
      expect(() => selectSteps(bad, { total: 6 })).toThrow(`steps: ${bad[0]} is not a step of 0 to 6`);
    expect(() => selectSteps({ every: 0 }, { total: 6 })).toThrow(/every 0/);
    expect(() => selectSteps({ lastEpochs: 0 }, { total: 6, stepsPerEpoch: 2 })).toThrow(/lastEpochs 0/);
    expect(() => selectSteps({ lastEpochs: 1 }, { total: 6 })).toThrow(/a sampler with epochs/);
  });
});
