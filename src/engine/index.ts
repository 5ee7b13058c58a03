/** The gradient engine: functions of tensors, their derivatives, compiled to ONNX and run by ONNX Runtime. */
export type { DType, TypedArray } from "./dtype.ts";
export { GraphError } from "./errors.ts";
export { castArray, fromNested, type NDArray, ndarray, takeRows, toNumbers, zerosArray } from "./ndarray.ts";
export {
  type OnnxInput,
  type OnnxModel,
  parseOnnx,
  type ReadOnnxOptions,
  readOnnx,
} from "./onnx/read.ts";
export * as op from "./ops/index.ts";
export type { Device, NamedSpec } from "./runtime/backend.ts";
export type { HostInput } from "./runtime/check-arrays.ts";
export {
  type CompileOptions,
  compile,
  compileCached,
  devices,
  type Executable,
  spec,
  specs,
} from "./runtime/compile.ts";
export type { Summary } from "./runtime/summary.ts";
export type { Shape } from "./shape.ts";
export { isTensor, type Spec, Tensor, type TensorLike } from "./tensor.ts";
export { cond, whileLoop } from "./transforms/control.ts";
export { type GradOptions, grad, valueAndGrad, vjp } from "./transforms/grad.ts";
export { hessian, hvp, jacobian, jvp, linearize } from "./transforms/jvp.ts";
export { type ScanOptions, scan } from "./transforms/scan.ts";
export { type Axes, vmap } from "./transforms/vmap.ts";
export * as tree from "./trees.ts";
