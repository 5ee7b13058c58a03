import { type NDArray, ndarray } from "../ndarray.ts";
import { applyOne, type Op, type Tensor } from "../tensor.ts";
import { constant } from "./constants.ts";
import { add, mul } from "./elementwise.ts";
import { matmul } from "./linear.ts";
import { moveAxis, only, reshape, transpose } from "./shape.ts";
import { flip, pad, sliceAxis } from "./slicing.ts";

/**
 * The discrete Fourier transform along one axis of a complex tensor (trailing axis: real, imaginary), without
 * normalisation.
 *
 * The runtime's DFT is accurate for powers of two; for other lengths its chirp-z transform loses digits as the length
 * grows (float32, length 1000: 1e-4 of the norm). So the length decides. Short transforms are one matrix product,
 * powers of two the runtime's DFT, products of short lengths the four-step algorithm (D. H. Bailey, "FFTs in external
 * or hierarchical memory", Journal of Supercomputing 4, 1990), and what is left (primes) a chirp-z transform
 * (L. I. Bluestein, 1970) whose chirps are worked out here, in exact integer arithmetic modulo the period.
 */
export interface DftAttributes {
  /** The axis, among all of the tensor's (the trailing one included). */
  readonly axis: number;
  /** The sign of the exponent: -1 forwards, 1 for the inverse. */
  readonly sign: 1 | -1;
}

/** Up to this length a transform is a product with its matrix, which is faster than the runtime's DFT. */
const longestProduct = 64;

export const dftOp: Op<DftAttributes> = {
  name: "dft",
  outputs: ([x]) => [{ shape: x?.shape ?? [], dtype: x?.dtype ?? "float32" }],
  // The matrix is symmetric, so that its conjugate transpose is the transform of the other sign.
  gradient: ({ attributes: { axis, sign }, cotangents: [ct] }) => [
    ct && applyOne(dftOp, [ct], { axis, sign: sign === 1 ? -1 : 1 }),
  ],
  batch: ({ inputs, attributes: { axis, sign } }) => [applyOne(dftOp, inputs, { axis: axis + 1, sign })],
  lower: (inputs, { axis, sign }) => {
    const x = only(inputs);
    const length = x.shape[axis] ?? 1;
    if (length > longestProduct && isPowerOfTwo(length)) return undefined;
    const last = x.rank - 2;
    const rows = reshape(moveAxis(x, axis, last), [x.size / (2 * length), length, 2]);
    const moved = x.shape.filter((_, i) => i !== axis);
    const shape = [...moved.slice(0, -1), length, 2];
    return [moveAxis(reshape(transformRows(rows, sign), shape), last, axis)];
  },
  emit: (emitter, [x = ""], node, { axis, sign }) => {
    const [y = ""] = emitter.node("DFT", [x, "", emitter.scalar(axis, "int64")], {
      inverse: Number(sign === 1),
    });
    if (sign === -1) return [y];
    // The runtime's inverse divides by the length.
    const output = node.outputs[0];
    return emitter.node("Mul", [y, emitter.scalar(output?.shape[axis] ?? 1, output?.dtype ?? "float32")]);
  },
  flops: (node, { axis }) => 5 * (node.inputs[0]?.size ?? 0) * Math.log2(node.inputs[0]?.shape[axis] ?? 1),
};

function isPowerOfTwo(n: number): boolean {
  return Number.isInteger(Math.log2(n));
}

/** The transform along axis 1 of x [rows, n, 2]. */
function transformRows(x: Tensor, sign: 1 | -1): Tensor {
  const [rows = 0, length = 1] = x.shape;
  if (length === 1) return x;
  if (length <= longestProduct)
    return reshape(matmul(reshape(x, [rows, 2 * length]), transformMatrix(length, sign, x.dtype)), x.shape);
  if (isPowerOfTwo(length)) return applyOne(dftOp, [x], { axis: 1, sign });
  for (let factor = longestProduct; factor > 1; factor--)
    if (length % factor === 0) return fourSteps(x, factor, sign);
  return chirpTransform(x, sign);
}

/** exp(sign 2 pi i numerator / denominator), its angle reduced before it is rounded. */
function rootOfUnity(numerator: number, denominator: number, sign: 1 | -1): readonly [number, number] {
  const angle = (2 * Math.PI * (numerator % denominator)) / denominator;
  return [Math.cos(angle), sign * Math.sin(angle)];
}

/** The transform as a real matrix [2n, 2n] that acts on interleaved real and imaginary parts from the right. */
function transformMatrix(n: number, sign: 1 | -1, dtype: NDArray["dtype"]): Tensor {
  const matrix = new Float64Array(4 * n * n);
  for (let from = 0; from < n; from++)
    for (let to = 0; to < n; to++) {
      const [real, imaginary] = rootOfUnity(from * to, n, sign);
      const corner = 4 * n * from + 2 * to;
      matrix[corner] = real;
      matrix[corner + 1] = imaginary;
      matrix[corner + 2 * n] = -imaginary;
      matrix[corner + 2 * n + 1] = real;
    }
  return constant(ndarray(matrix, [2 * n, 2 * n], dtype));
}

/** Products of complex numbers with constants [..., 2]: (a + bi)(c + di) = (a + bi) c + (b + ai)(-d, d). */
function scaleBy(
  x: Tensor,
  factors: readonly (readonly [number, number])[],
  shape: readonly number[],
): Tensor {
  const spread = (parts: (factor: readonly [number, number]) => number[]): Tensor =>
    constant(ndarray(factors.flatMap(parts), [...shape, 2], x.dtype));
  const straight = spread(([real]) => [real, real]);
  const crossed = spread(([, imaginary]) => [-imaginary, imaginary]);
  return add(mul(x, straight), mul(flip(x, -1), crossed));
}

/**
 * Length a b: transforms of length a over the index's slow part, twiddle factors, transforms of length b over the fast
 * part, and a transpose.
 */
function fourSteps(x: Tensor, a: number, sign: 1 | -1): Tensor {
  const [rows = 0, length = 1] = x.shape;
  const b = length / a;
  const slow = transpose(reshape(x, [rows, a, b, 2]), [0, 2, 1, 3]);
  const outer = reshape(transformRows(reshape(slow, [rows * b, a, 2]), sign), [rows, b, a, 2]);
  const twiddles = Array.from({ length }, (_, i) => rootOfUnity(Math.floor(i / a) * (i % a), length, sign));
  const turned = transpose(scaleBy(outer, twiddles, [b, a]), [0, 2, 1, 3]);
  const inner = reshape(transformRows(reshape(turned, [rows * a, b, 2]), sign), [rows, a, b, 2]);
  return reshape(transpose(inner, [0, 2, 1, 3]), x.shape);
}

/**
 * The chirp-z transform: j k = (j^2 + k^2 - (k - j)^2) / 2 turns the transform into a convolution with a chirp, which
 * transforms of a power of two carry out.
 */
function chirpTransform(x: Tensor, sign: 1 | -1): Tensor {
  const [, length = 1] = x.shape;
  const padded = 2 ** Math.ceil(Math.log2(2 * length - 1));
  // j^2 modulo 2 length, without squaring beyond 2^53.
  const chirp = Array.from({ length }, (_, j) =>
    rootOfUnity(Number((BigInt(j) * BigInt(j)) % BigInt(2 * length)), 2 * length, sign),
  );
  const kernel = Array.from({ length: padded }, (_, j): readonly [number, number] => {
    const [real, imaginary] = chirp[Math.min(j, padded - j)] ?? [0, 0];
    return [real, -imaginary];
  });
  const spectrum = transformHost(kernel).map(([real, imaginary]): readonly [number, number] => [
    real / padded,
    imaginary / padded,
  ]);
  const modulated = pad(scaleBy(x, chirp, [length]), [
    [0, 0],
    [0, padded - length],
    [0, 0],
  ]);
  const filtered = transformRows(scaleBy(transformRows(modulated, -1), spectrum, [padded]), 1);
  return scaleBy(sliceAxis(filtered, 1, 0, length), chirp, [length]);
}

/** The forward transform of a power of two of numbers, in double precision. */
function transformHost(values: readonly (readonly [number, number])[]): (readonly [number, number])[] {
  const n = values.length;
  if (n === 1) return [...values];
  const even = transformHost(values.filter((_, i) => i % 2 === 0));
  const odd = transformHost(values.filter((_, i) => i % 2 === 1));
  return values.map((_, k) => {
    const [c, d] = rootOfUnity(k, n, -1);
    const [a, b] = odd[k % (n / 2)] ?? [0, 0];
    const [real, imaginary] = even[k % (n / 2)] ?? [0, 0];
    return [real + a * c - b * d, imaginary + a * d + b * c];
  });
}
