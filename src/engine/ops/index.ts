/** Every operation as a function of tensors. Names follow NumPy and JAX, broadcasting follows NumPy. */
import "./methods.ts";

export { expand, type ReductionOptions, sum, sumToShape, tile } from "./broadcast.ts";
export { arange, constant, eye, full, linspace, ones, onesLike, zeros, zerosLike } from "./constants.ts";
export {
  type ConvolutionOptions,
  type ConvolutionTransposeOptions,
  conv,
  convTranspose,
} from "./convolution.ts";
export { einsum } from "./einsum.ts";
export {
  abs,
  add,
  cast,
  ceil,
  clip,
  cos,
  div,
  equal,
  exp,
  floor,
  greater,
  greaterEqual,
  isNaN,
  less,
  lessEqual,
  log,
  logicalAnd,
  logicalNot,
  logicalOr,
  maximum,
  minimum,
  mul,
  neg,
  notEqual,
  pow,
  reciprocal,
  relu,
  round,
  rsqrt,
  sigmoid,
  sign,
  sin,
  sqrt,
  square,
  stopGradient,
  sub,
  tan,
  tanh,
  where,
} from "./elementwise.ts";
export {
  type FourierOptions,
  fft,
  fftShift,
  type InverseRealOptions,
  ifft,
  ifftShift,
  irfft,
  rfft,
  type ShiftOptions,
} from "./fourier.ts";
export { argsort, embedding, oneHot, scatterAdd, sort, take, takeAlongAxis, topK } from "./indexing.ts";
export { dot, matmul, outer } from "./linear.ts";
export { diagonal, tril, triu } from "./matrices.ts";
export {
  type BatchNormOptions,
  batchNorm,
  binaryCrossEntropyWithLogits,
  dropout,
  type LossOptions,
  layerNorm,
  logSoftmax,
  meanSquaredError,
  softmax,
  softmaxCrossEntropy,
} from "./network.ts";
export {
  type AveragePoolOptions,
  averagePool,
  globalAveragePool,
  type MaxPoolOptions,
  maxPool,
  upsample,
} from "./pooling.ts";
export {
  all,
  any,
  argmax,
  argmin,
  cumsum,
  logSumExp,
  max,
  mean,
  min,
  norm,
  prod,
  variance,
} from "./reduction.ts";
export {
  flatten,
  matrixTranspose,
  moveAxis,
  permute,
  reshape,
  squeeze,
  transpose,
  unsqueeze,
} from "./shape.ts";
export { at, concat, flip, pad, type Range, slice, split, stack } from "./slicing.ts";
export { erf, expm1, gelu, log1p, softplus } from "./special.ts";
