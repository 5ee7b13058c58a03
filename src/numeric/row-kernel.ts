// A matrix with the buffers to multiply its rows with vectors, in the two products and two sums that L-BFGS
// takes per iteration. The matrix may be several times larger than the nearest caches and is read each time, so
// these loops run in WebAssembly SIMD (assembly/row-kernel.ts), measured 3 times as fast as the plain ones here;
// results differ by rounding.

import { rowKernelModule } from "./row-kernel.wasm.ts";
import { addRows, rowProducts, rowProductsOfTwo } from "./rows.ts";
import { hasWebAssembly, instantiate } from "./web-assembly.ts";

/**
 * Operations take `count` rows from row `first` on, a multiple of 4; they read, and count as zero rows, up to
 * three rows more, so that the rows a caller leaves free at the end of a group of 4 must be zero.
 */
export interface RowKernel {
  /** Row-major, `stride` elements a row, of which those past the vectors' length are zero. */
  readonly matrix: Float64Array;
  readonly stride: number;
  /** The vectors: set before a product, changed by a sum. */
  readonly v: Float64Array;
  readonly w: Float64Array;
  /** One number a row: the products of the rows with v and with w, and the weights of a sum. */
  readonly alongV: Float64Array;
  readonly alongW: Float64Array;
  readonly weights: Float64Array;
  /** alongV[i] = row i . v */
  products(first: number, count: number): void;
  /** alongV[i] = row i . v and alongW[i] = row i . w, in one pass. */
  productsOfTwo(first: number, count: number): void;
  /** v += sum of weights[i] row i; weights from `count` on must be zero. */
  add(first: number, count: number): void;
  /** v = scale (v + sum of weights[i] row i), then alongV[i] = row i . v; weights from `count` on must be zero. */
  addThenProducts(first: number, count: number, scale: number): void;
}

/** `count` rounded up to a whole number of groups of 4. */
export function wholeGroups(count: number): number {
  return Math.ceil(count / 4) * 4;
}

/**
 * A zero matrix of `rows` rows for vectors of `length` elements, in WebAssembly where that is there and can
 * hold it (4 GiB), in plain arrays otherwise.
 */
export function createRowKernel(rows: number, length: number): RowKernel {
  const bytes = layoutOf(rows, length).end;
  return hasWebAssembly() && bytes < 2 ** 32 ? simdRowKernel(rows, length) : plainRowKernel(rows, length);
}

/** {@link createRowKernel} in plain arrays. */
export function plainRowKernel(rows: number, length: number): RowKernel {
  const stride = wholeGroups(length);
  const padded = wholeGroups(rows);
  const matrix = new Float64Array(padded * stride);
  const [v, w] = [new Float64Array(stride), new Float64Array(stride)];
  const alongV = new Float64Array(padded);
  const alongW = new Float64Array(padded);
  const weights = new Float64Array(padded);
  const rowsFrom = (first: number): Float64Array => matrix.subarray(first * stride);
  return {
    matrix,
    stride,
    v: v.subarray(0, length),
    w: w.subarray(0, length),
    alongV,
    alongW,
    weights,
    products: (first, count) => rowProducts(rowsFrom(first), count, v, alongV),
    productsOfTwo: (first, count) => rowProductsOfTwo(rowsFrom(first), count, v, w, alongV, alongW),
    add: (first, count) => addRows(rowsFrom(first), count, weights, v),
    addThenProducts(first, count, scale) {
      addRows(rowsFrom(first), count, weights, v);
      for (let i = 0; i < length; i++) v[i] = (v[i] as number) * scale;
      rowProducts(rowsFrom(first), count, v, alongV);
    },
  };
}

interface WasmLoops {
  rowProducts(matrix: number, rows: number, stride: number, v: number, along: number): void;
  rowProductsOfTwo(
    matrix: number,
    rows: number,
    stride: number,
    v: number,
    w: number,
    alongV: number,
    alongW: number,
  ): void;
  addRows(matrix: number, rows: number, stride: number, weights: number, v: number): void;
  addRowsThenProducts(
    matrix: number,
    rows: number,
    stride: number,
    weights: number,
    scale: number,
    v: number,
    along: number,
  ): void;
}

/**
 * {@link createRowKernel} in WebAssembly SIMD, with a memory of its own.
 *
 * @throws Error where there is no WebAssembly
 */
export function simdRowKernel(rows: number, length: number): RowKernel {
  const { stride, at, end } = layoutOf(rows, length);
  const { exports: loops, buffer } = instantiate<WasmLoops>(rowKernelModule, end);
  const view = (offset: number, size: number) => new Float64Array(buffer, offset, size);
  const from = (first: number): number => at.matrix + first * stride * 8;
  return {
    matrix: view(at.matrix, wholeGroups(rows) * stride),
    stride,
    v: view(at.v, length),
    w: view(at.w, length),
    alongV: view(at.alongV, wholeGroups(rows)),
    alongW: view(at.alongW, wholeGroups(rows)),
    weights: view(at.weights, wholeGroups(rows)),
    products: (first, count) => loops.rowProducts(from(first), wholeGroups(count), stride, at.v, at.alongV),
    productsOfTwo: (first, count) =>
      loops.rowProductsOfTwo(from(first), wholeGroups(count), stride, at.v, at.w, at.alongV, at.alongW),
    add: (first, count) => loops.addRows(from(first), wholeGroups(count), stride, at.weights, at.v),
    addThenProducts: (first, count, scale) =>
      loops.addRowsThenProducts(from(first), wholeGroups(count), stride, at.weights, scale, at.v, at.alongV),
  };
}

/** Byte offsets of the buffers in one memory. */
function layoutOf(rows: number, length: number) {
  const stride = wholeGroups(length);
  const padded = wholeGroups(rows);
  const matrix = 0;
  const v = matrix + padded * stride * 8;
  const w = v + stride * 8;
  const alongV = w + stride * 8;
  const alongW = alongV + padded * 8;
  const weights = alongW + padded * 8;
  return { stride, at: { matrix, v, w, alongV, alongW, weights }, end: weights + padded * 8 };
}
