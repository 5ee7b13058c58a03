import { isFloat } from "../../dtype.ts";
import { einsum } from "../../ops/einsum.ts";
import * as e from "../../ops/elementwise.ts";
import { matmul } from "../../ops/linear.ts";
import { matrixTranspose } from "../../ops/shape.ts";
import type { Tensor } from "../../tensor.ts";
import {
  allTensors,
  attribute,
  type Call,
  type OperatorTable,
  optionalTensor,
  tensor,
  textAttribute,
} from "./call.ts";

/** Products of matrices. */

function transposedIf(x: Tensor, flag: number): Tensor {
  return flag === 0 ? x : matrixTranspose(x);
}

function scaled(x: Tensor, factor: number): Tensor {
  return factor === 1 ? x : e.mul(x, isFloat(x.dtype) ? factor : Math.trunc(factor));
}

/** alpha A' B' + beta C; where beta is 0, C is not read. */
function gemm(call: Call): Tensor {
  const a = transposedIf(tensor(call, 0), attribute(call, "transA", 0));
  const b = transposedIf(tensor(call, 1), attribute(call, "transB", 0));
  const product = scaled(matmul(a, b), attribute(call, "alpha", 1));
  const c = optionalTensor(call, 2);
  const beta = attribute(call, "beta", 1);
  return c === undefined || beta === 0 ? product : e.add(product, scaled(c, beta));
}

/** The runtime's matrix product with scaling and transposition in it. */
function fusedMatMul(call: Call): Tensor {
  const a = transposedIf(tensor(call, 0), attribute(call, "transA", 0));
  const b = transposedIf(tensor(call, 1), attribute(call, "transB", 0));
  return scaled(matmul(a, b), attribute(call, "alpha", 1));
}

export const linear: OperatorTable = {
  MatMul: (call) => matmul(tensor(call, 0), tensor(call, 1)),
  Gemm: gemm,
  Einsum: (call) => einsum(textAttribute(call, "equation", ""), ...allTensors(call)),
};

export const runtimeLinear: OperatorTable = {
  FusedMatMul: {
    apply: fusedMatMul,
    unsupported: (node) =>
      attribute({ node }, "transBatchA", 0) !== 0 || attribute({ node }, "transBatchB", 0) !== 0
        ? "transposed batch axes are not supported"
        : undefined,
  },
};
