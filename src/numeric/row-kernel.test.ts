import { describe, expect, it } from "vitest";
import { randomStream } from "./random.ts";
import { createRowKernel, plainRowKernel, type RowKernel, simdRowKernel } from "./row-kernel.ts";

/** A kernel whose first rows, vectors and weights are random, by one seed for all kernels. */
function filled(kernel: RowKernel, rows: number): RowKernel {
  const n = kernel.v.length;
  const stream = randomStream([rows, n]);
  for (let row = 0; row < rows; row++) kernel.matrix.set(stream.normal(n), row * kernel.stride);
  kernel.v.set(stream.normal(n));
  kernel.w.set(stream.normal(n));
  kernel.weights.set(stream.normal(rows));
  return kernel;
}

const close = (ours: Float64Array, theirs: Float64Array): void => {
  expect(ours.length).toBe(theirs.length);
  for (const [i, value] of theirs.entries()) expect(ours[i]).toBeCloseTo(value, 10);
};

describe("simdRowKernel", () => {
  for (const [rows, n] of [
    [1, 1],
    [3, 5],
    [4, 16],
    [9, 255],
    [6, 257],
    [10, 1030],
  ] as const) {
    it(`agrees with the plain loops for ${rows} x ${n}`, () => {
      const simd = filled(simdRowKernel(rows, n), rows);
      const plain = filled(plainRowKernel(rows, n), rows);
      for (const operation of ["products", "productsOfTwo", "add"] as const) {
        simd[operation](0, rows);
        plain[operation](0, rows);
        for (const part of ["v", "alongV", "alongW"] as const) close(simd[part], plain[part]);
      }
      simd.addThenProducts(0, rows, 0.7);
      plain.addThenProducts(0, rows, 0.7);
      close(simd.v, plain.v);
      close(simd.alongV, plain.alongV);
    });

    it(`starts at any group of rows for ${rows} x ${n}`, () => {
      const simd = simdRowKernel(8 + rows, n);
      const plain = plainRowKernel(rows, n);
      filled(plain, rows);
      simd.matrix.set(plain.matrix, 8 * simd.stride);
      simd.v.set(plain.v);
      simd.products(8, rows);
      plain.products(0, rows);
      close(simd.alongV.subarray(0, rows), plain.alongV.subarray(0, rows));
    });
  }

  it("leaves the padding at zero", () => {
    const kernel = filled(simdRowKernel(3, 5), 3);
    kernel.add(0, 3);
    kernel.addThenProducts(0, 3, 2);
    const padding = Array.from({ length: 4 }, (_, row) => [
      ...kernel.matrix.subarray(row * 8 + 5, row * 8 + 8),
    ]);
    expect(padding.flat()).toEqual(new Array(12).fill(0));
    expect(kernel.alongV[3]).toBe(0);
  });
});

describe("createRowKernel", () => {
  it("keeps kernels apart", () => {
    const [a, b] = [createRowKernel(2, 3), createRowKernel(2, 3)];
    a.v.fill(1);
    expect(Array.from(b.v)).toEqual([0, 0, 0]);
  });
});
