import { isFloat } from "../dtype.ts";
import { fail } from "../errors.ts";
import { broadcastShapes, formatShape, sizeOf } from "../shape.ts";
import { applyOne, type Op, type Tensor } from "../tensor.ts";
import { sum, sumToShape } from "./broadcast.ts";
import { describe, requireNumeric, requireSameDType } from "./check.ts";
import { cast, mul } from "./elementwise.ts";
import { alignAll, both, isMatrixTranspose, matrixTranspose, reshape } from "./shape.ts";

/** Products of matrices. */

export const matmulOp: Op<Record<never, never>> = {
  name: "matmul",
  outputs: (inputs) => {
    const [a, b] = inputs;
    if (a === undefined || b === undefined) return fail("matmul", "needs two tensors");
    const batch = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2));
    const [rows = 0, inner] = a.shape.slice(-2);
    const [innerToo, columns = 0] = b.shape.slice(-2);
    if (batch === undefined || inner !== innerToo)
      return fail("matmul", `the shapes do not fit: ${formatShape(a.shape)} times ${formatShape(b.shape)}`);
    return [{ shape: [...batch, rows, columns], dtype: requireSameDType("matmul", [a, b]) }];
  },
  gradient: ({ inputs, cotangents: [ct], wanted }) => {
    const [a, b] = both(inputs);
    return [
      ct && wanted[0] ? sumToShape(matmul(ct, matrixTranspose(b)), a.shape) : undefined,
      ct && wanted[1] ? sumToShape(matmul(matrixTranspose(a), ct), b.shape) : undefined,
    ];
  },
  batch: (args) => {
    const [a, b] = both(alignAll(args));
    return [matmul(a, b)];
  },
  lower: (inputs) => {
    const [a, b] = both(inputs);
    // uint8 has no kernel; int32 wraps to the same.
    if (a.dtype === "uint8") return [cast(matmul(cast(a, "int32"), cast(b, "int32")), "uint8")];
    // One term a sum: the outer product, which is an elementwise product without a kernel launch for each matrix.
    return a.shape.at(-1) === 1 && a.rank > 2 ? [mul(a, b)] : undefined;
  },
  emit: (emitter, inputs) => emitter.node("MatMul", inputs),
  flops: (node) => 2 * sizeOf(node.outputs[0]?.shape ?? []) * (node.inputs[0]?.shape.at(-1) ?? 0),
};

/**
 * The matrix product, as NumPy's `matmul`: batch axes broadcast, a vector is a row on the left and a column on the
 * right.
 *
 * @throws GraphError when the inner sizes or the batch axes do not fit
 */
export function matmul(a: Tensor, b: Tensor): Tensor {
  requireNumeric("matmul", a, b);
  requireSameDType("matmul", [a, b]);
  if (a.rank === 0 || b.rank === 0)
    fail("matmul", `${describe(a)} times ${describe(b)}: use mul with a scalar`);
  if (a.rank === 1) {
    const y = matmul(reshape(a, [1, a.size]), b);
    return reshape(y, [...y.shape.slice(0, -2), ...y.shape.slice(-1)].slice(b.rank === 1 ? 1 : 0));
  }
  if (b.rank === 1) {
    const y = matmul(a, reshape(b, [b.size, 1]));
    return reshape(y, y.shape.slice(0, -1));
  }
  // Against one matrix the batch axes are rows: one product instead of many, forwards and in the derivatives.
  if (a.rank > 2 && b.rank === 2 && a.shape.at(-1) === b.shape[0]) {
    const [inner = 0, columns = 0] = b.shape;
    const rows = sizeOf(a.shape.slice(0, -1));
    return reshape(applyOne(matmulOp, [reshape(a, [rows, inner]), b], {}), [
      ...a.shape.slice(0, -1),
      columns,
    ]);
  }
  // The same with one matrix on the left, by way of the transposes, where these are free or small beside the product.
  if (a.rank === 2 && b.rank > 2 && a.shape[1] === b.shape.at(-2) && isCheapTransposed(a, b))
    return matrixTranspose(matmul(matrixTranspose(b), matrixTranspose(a)));
  return applyOne(matmulOp, [a, b], {});
}

/** Whether transposing the matrices of `b` and their products with `a` takes little beside the products themselves. */
function isCheapTransposed({ shape: [rows = 0, inner = 0] }: Tensor, b: Tensor): boolean {
  if (!isFloat(b.dtype)) return false;
  return b.shape.at(-1) === 1 || isMatrixTranspose(b) || Math.min(rows, inner) >= 8;
}

/** The sum of the products of two vectors of one length. */
export function dot(a: Tensor, b: Tensor): Tensor {
  if (a.rank !== 1 || b.rank !== 1 || a.size !== b.size)
    fail("dot", `needs two vectors of one length, got ${describe(a)} and ${describe(b)}`);
  return sum(mul(a, b));
}

/** The products of every element of one vector with every element of another. */
export function outer(a: Tensor, b: Tensor): Tensor {
  if (a.rank !== 1 || b.rank !== 1) fail("outer", `needs two vectors, got ${describe(a)} and ${describe(b)}`);
  return mul(reshape(a, [a.size, 1]), reshape(b, [1, b.size]));
}
