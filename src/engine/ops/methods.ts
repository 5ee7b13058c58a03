import { Tensor, type TensorLike } from "../tensor.ts";
import * as broadcast from "./broadcast.ts";
import * as elementwise from "./elementwise.ts";
import * as linear from "./linear.ts";
import * as reduction from "./reduction.ts";
import * as shaping from "./shape.ts";
import * as slicing from "./slicing.ts";

/** The operations that read better chained, as methods of {@link Tensor}. */
declare module "../tensor.ts" {
  interface Tensor {
    add(other: TensorLike): Tensor;
    sub(other: TensorLike): Tensor;
    mul(other: TensorLike): Tensor;
    div(other: TensorLike): Tensor;
    pow(exponent: TensorLike): Tensor;
    neg(): Tensor;
    exp(): Tensor;
    log(): Tensor;
    sqrt(): Tensor;
    square(): Tensor;
    tanh(): Tensor;
    cast(dtype: Tensor["dtype"]): Tensor;
    matmul(other: Tensor): Tensor;
    sum(options?: broadcast.ReductionOptions): Tensor;
    mean(options?: broadcast.ReductionOptions): Tensor;
    max(options?: broadcast.ReductionOptions): Tensor;
    min(options?: broadcast.ReductionOptions): Tensor;
    reshape(shape: readonly number[]): Tensor;
    transpose(permutation?: readonly number[]): Tensor;
    slice(...ranges: readonly slicing.Range[]): Tensor;
    at(index: number, options?: { axis?: number }): Tensor;
  }
}

const methods = {
  add: elementwise.add,
  sub: elementwise.sub,
  mul: elementwise.mul,
  div: elementwise.div,
  pow: elementwise.pow,
  neg: elementwise.neg,
  exp: elementwise.exp,
  log: elementwise.log,
  sqrt: elementwise.sqrt,
  square: elementwise.square,
  tanh: elementwise.tanh,
  cast: elementwise.cast,
  matmul: linear.matmul,
  sum: broadcast.sum,
  mean: reduction.mean,
  max: reduction.max,
  min: reduction.min,
  reshape: shaping.reshape,
  transpose: shaping.transpose,
  slice: slicing.slice,
  at: slicing.at,
};

for (const [name, operation] of Object.entries(methods))
  Object.defineProperty(Tensor.prototype, name, {
    value(this: Tensor, ...rest: readonly unknown[]): Tensor {
      return (operation as (x: Tensor, ...rest: readonly unknown[]) => Tensor)(this, ...rest);
    },
    writable: true,
    configurable: true,
  });
