import { describe, expect, it } from "vitest";
import { createPacing } from "./pacing.ts";

describe("createPacing", () => {
  it("lengthens calls of fast steps once a compilation pays", () => {
    const pacing = createPacing();
    expect(pacing.longest(1e6)).toBe(1);
    pacing.measured(1, 0.03);
    pacing.measured(1, 0.0004);
    expect(pacing.longest(500)).toBe(1);
    expect(pacing.pick(64, 700)).toBe(64);
    expect(pacing.pick(63, 700)).toBe(8);
    // Once the graphs are there, the last steps use them too.
    expect(pacing.pick(20, 20)).toBe(8);
    expect(pacing.pick(7, 7)).toBe(1);
  });

  it("keeps calls within a quarter of a second, and slow steps alone", () => {
    const middling = createPacing();
    for (const seconds of [0.01, 0.005, 0.006]) middling.measured(1, seconds);
    expect(middling.longest(1e6)).toBe(8);
    const slow = createPacing();
    for (const seconds of [0.5, 0.05]) slow.measured(1, seconds);
    expect(slow.longest(1e9)).toBe(1);
  });

  it("takes a fixed length as it is", () => {
    expect(createPacing(7).pick(100, 100)).toBe(7);
    expect(createPacing(20).pick(19, 100)).toBe(8);
    expect(createPacing(Number.POSITIVE_INFINITY).pick(123, 123)).toBe(123);
    expect(() => createPacing(1.5)).toThrow(/stepsPerCall 1.5/);
  });
});
