import { expect } from "vitest";
import { type NDArray, toNumbers } from "./ndarray.ts";

/** How near arrays have to be to what is expected. */

/** Throws where two arrays differ in shape, dtype or by more than a part of the largest number. */
export function expectClose(
  found: NDArray | undefined,
  expected: NDArray,
  tolerance: number,
  what: string,
): void {
  expect(found?.shape, `${what}: shape`).toEqual(expected.shape);
  expect(found?.dtype, `${what}: dtype`).toBe(expected.dtype);
  expectNumbers(found, toNumbers(expected), tolerance, what);
}

/** Throws where two arrays differ in shape, or an element by more than a part of itself. */
export function expectEachClose(found: NDArray, expected: NDArray, tolerance: number, what: string): void {
  expect(found.shape, `${what}: shape`).toEqual(expected.shape);
  const numbers = toNumbers(found);
  for (const [i, value] of toNumbers(expected).entries()) {
    const other = numbers[i] ?? Number.NaN;
    if (Object.is(other, value) || other === value) continue;
    if (!(Math.abs(other - value) <= tolerance * Math.abs(value)))
      expect.fail(`${what}: element ${i} is ${other}, expected ${value}`);
  }
}

/** NaN and infinities have to be where they are expected; the rest is close. */
export function expectNumbers(
  found: NDArray | undefined,
  expected: readonly number[],
  tolerance = 1e-12,
  what = "the result",
): void {
  const numbers = found === undefined ? [] : toNumbers(found);
  expect(numbers.length, `${what}: number of elements`).toBe(expected.length);
  const scale = expected.reduce(
    (largest, value) => (Number.isFinite(value) ? Math.max(largest, Math.abs(value)) : largest),
    1,
  );
  for (const [i, value] of expected.entries()) {
    const other = numbers[i] ?? Number.NaN;
    if (Object.is(other, value) || other === value) continue;
    if (!(Math.abs(other - value) <= tolerance * scale))
      expect.fail(
        `${what}: element ${i} is ${other}, expected ${value} (scale ${scale}): ${numbers} against ${expected}`.slice(
          0,
          900,
        ),
      );
  }
}
