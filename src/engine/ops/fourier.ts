import { fail } from "../errors.ts";
import { formatShape, normalizeAxis } from "../shape.ts";
import { applyOne, type Tensor } from "../tensor.ts";
import { describe, requireFloat } from "./check.ts";
import { zerosLike } from "./constants.ts";
import { dftOp } from "./dft.ts";
import { mul, neg } from "./elementwise.ts";
import { at, concat, flip, sliceAxis, stack } from "./slicing.ts";

/**
 * Fourier transforms with NumPy's conventions. A complex tensor has a trailing axis of 2 (real, imaginary), which
 * `axes` do not count: axis -1 of a complex tensor [4, 8, 2] is the one of size 8.
 */

export interface FourierOptions {
  /** The axis or axes transformed; the last by default. */
  readonly axes?: number | readonly number[];
  /** Where the factor 1/n goes: to the inverse (`backward`, default), half to each (`ortho`), to the `forward` transform. */
  readonly norm?: "backward" | "ortho" | "forward";
}

/** The axes, counted from the front, in the order given; of a complex tensor they leave out the trailing one. */
function resolveAxes(operation: string, x: Tensor, axes: number | readonly number[], rank: number): number[] {
  const list = (typeof axes === "number" ? [axes] : axes).map((axis) => normalizeAxis(axis, rank, operation));
  if (new Set(list).size !== list.length) fail(operation, `an axis is given twice in ${formatShape(list)}`);
  for (const axis of list)
    if ((x.shape[axis] ?? 0) === 0) fail(operation, `axis ${axis} of ${describe(x)} has no elements`);
  return list;
}

function requireComplex(operation: string, x: Tensor): void {
  requireFloat(operation, x);
  if (x.rank < 2 || x.shape.at(-1) !== 2)
    fail(operation, `needs a complex tensor [..., n, 2], got ${describe(x)}`);
}

function transform(x: Tensor, axes: readonly number[], sign: 1 | -1): Tensor {
  return axes.reduce((y, axis) => applyOne(dftOp, [y], { axis, sign }), x);
}

/** What `norm` makes of a transform over `count` elements. */
function scale(x: Tensor, count: number, sign: 1 | -1, norm: FourierOptions["norm"]): Tensor {
  if (norm === "ortho") return mul(x, 1 / Math.sqrt(count));
  return (norm === "forward") === (sign === -1) ? mul(x, 1 / count) : x;
}

function countAlong(shape: readonly number[], axes: readonly number[]): number {
  return axes.reduce((product, axis) => product * (shape[axis] ?? 1), 1);
}

/**
 * The discrete Fourier transform of a complex tensor [..., 2] along one or several axes, of any length.
 *
 * @throws GraphError when x is not complex or an axis is empty
 * @example fft(z); fft(z, { axes: [-2, -1] })
 */
export function fft(x: Tensor, { axes = -1, norm = "backward" }: FourierOptions = {}): Tensor {
  requireComplex("fft", x);
  const list = resolveAxes("fft", x, axes, x.rank - 1);
  return scale(transform(x, list, -1), countAlong(x.shape, list), -1, norm);
}

/** The inverse of {@link fft}. */
export function ifft(x: Tensor, { axes = -1, norm = "backward" }: FourierOptions = {}): Tensor {
  requireComplex("ifft", x);
  const list = resolveAxes("ifft", x, axes, x.rank - 1);
  return scale(transform(x, list, 1), countAlong(x.shape, list), 1, norm);
}

/**
 * The transform of a real tensor: of the last of `axes` only the n/2 + 1 (rounded down) frequencies that are not
 * conjugates of others.
 *
 * @returns complex [..., n/2 + 1, 2]
 */
export function rfft(x: Tensor, { axes = -1, norm = "backward" }: FourierOptions = {}): Tensor {
  requireFloat("rfft", x);
  const list = resolveAxes("rfft", x, axes, x.rank);
  const last = list.at(-1);
  if (last === undefined) return fail("rfft", "needs at least one axis");
  const complex = stack([x, zerosLike(x)], x.rank);
  const half = sliceAxis(transform(complex, [last], -1), last, 0, Math.floor((x.shape[last] ?? 0) / 2) + 1);
  return scale(transform(half, list.slice(0, -1), -1), countAlong(x.shape, list), -1, norm);
}

export interface InverseRealOptions extends FourierOptions {
  /** Sizes of the result on `axes`: the last one decides between 2 (m - 1), the default, and 2 (m - 1) + 1. */
  readonly sizes?: number | readonly number[];
}

/**
 * The inverse of {@link rfft}: a real tensor from the frequencies [..., m, 2] that are not conjugates of others. The
 * imaginary parts of the frequencies 0 and (for an even size) n/2 have no effect.
 *
 * @throws GraphError when `sizes` do not fit the axes
 */
export function irfft(x: Tensor, { axes = -1, norm = "backward", sizes }: InverseRealOptions = {}): Tensor {
  requireComplex("irfft", x);
  const list = resolveAxes("irfft", x, axes, x.rank - 1);
  const last = list.at(-1);
  if (last === undefined) return fail("irfft", "needs at least one axis");
  const half = x.shape[last] ?? 0;
  const expected = list.map((axis) => (axis === last ? 2 * (half - 1) : (x.shape[axis] ?? 0)));
  const given = sizes === undefined ? expected : typeof sizes === "number" ? [sizes] : sizes;
  const size = given.at(-1) ?? 0;
  const fits =
    given.length === list.length &&
    given.slice(0, -1).every((other, i) => other === expected[i]) &&
    size > 0 &&
    Math.floor(size / 2) + 1 === half;
  if (!fits)
    fail("irfft", `sizes ${formatShape(given)} on axes ${formatShape(list)} do not come from ${describe(x)}`);
  const whole = transform(x, list.slice(0, -1), 1);
  // The other half: conjugates in reverse order, without frequency 0 and, for an even size, n/2.
  const mirrored = flip(sliceAxis(whole, last, 1, size - half + 1), last);
  const conjugate = concat([sliceAxis(mirrored, -1, 0, 1), neg(sliceAxis(mirrored, -1, 1, 2))], -1);
  const full = size - half === 0 ? whole : concat([whole, conjugate], last);
  const real = at(transform(full, [last], 1), 0, { axis: -1 });
  return scale(real, countAlong(full.shape, list), 1, norm);
}

export interface ShiftOptions {
  /** The axis or axes shifted; all by default. */
  readonly axes?: number | readonly number[];
  /** Whether the trailing axis holds real and imaginary parts (default): it is not counted and not shifted. */
  readonly complex?: boolean;
}

function rolled(
  operation: string,
  x: Tensor,
  { axes, complex = true }: ShiftOptions,
  inverse: 0 | 1,
): Tensor {
  const rank = complex ? x.rank - 1 : x.rank;
  if (complex && x.shape.at(-1) !== 2)
    fail(
      operation,
      `needs a complex tensor [..., 2], got ${describe(x)}; \`complex: false\` shifts a real one`,
    );
  const all = x.shape.slice(0, rank).map((_, axis) => axis);
  const list = (axes === undefined ? all : typeof axes === "number" ? [axes] : axes).map((axis) =>
    normalizeAxis(axis, rank, operation),
  );
  return list.reduce((y, axis) => {
    const size = y.shape[axis] ?? 0;
    const middle = Math.floor((size + 1 - inverse) / 2);
    if (middle === 0 || middle === size) return y;
    return concat([sliceAxis(y, axis, middle, size), sliceAxis(y, axis, 0, middle)], axis);
  }, x);
}

/** With frequency 0 moved to the middle of each axis, as NumPy's `fftshift`. */
export function fftShift(x: Tensor, options: ShiftOptions = {}): Tensor {
  return rolled("fftShift", x, options, 0);
}

/** The inverse of {@link fftShift}; they differ for odd sizes. */
export function ifftShift(x: Tensor, options: ShiftOptions = {}): Tensor {
  return rolled("ifftShift", x, options, 1);
}
