import { expect, it } from "vitest";
import { randomStream } from "../random.ts";
import { meanInterval } from "./mean-interval.ts";

it("is Student's interval", () => {
  // t(0.975, 4) = 2.7764451051977987; the standard error of 1 ... 5 is sqrt(0.5).
  const { estimate, low, high } = meanInterval([1, 2, 3, 4, 5]);
  expect(estimate).toBe(3);
  expect(low).toBeCloseTo(3 - 2.7764451051977987 * Math.SQRT1_2, 12);
  expect(high).toBeCloseTo(3 + 2.7764451051977987 * Math.SQRT1_2, 12);
});

it("covers the mean of normal samples as often as it says", () => {
  const stream = randomStream(4);
  const trials = 2000;
  let covered = 0;
  for (let trial = 0; trial < trials; trial++) {
    const { low, high } = meanInterval([...stream.normal(4, 1.5, 2)], { level: 0.8 });
    if (low < 1.5 && 1.5 < high) covered++;
  }
  const error = Math.sqrt((0.8 * 0.2) / trials);
  expect(Math.abs(covered / trials - 0.8)).toBeLessThan(4 * error);
});

it("refuses what has no spread", () => {
  expect(() => meanInterval([1])).toThrow(/1 values/);
  expect(() => meanInterval([1, 2], { level: 1 })).toThrow(/level 1/);
});
