import { isFloat, onnxDType } from "../dtype.ts";
import { fail } from "../errors.ts";
import { apply, applyOne, type Emitter, type Op, type Tensor, type TensorLike } from "../tensor.ts";
import { sumToShape } from "./broadcast.ts";
import { requireBool, requireBroadcast, requireFloat, requireNumeric, requireSameDType } from "./check.ts";
import { full, requireNumberOf, toTensor, toTensors } from "./constants.ts";
import {
  arithmetic,
  binary,
  binaryOf,
  logical,
  type NoAttributes,
  unary,
  unaryOf,
} from "./elementwise-rules.ts";
import { alignAll, both, only } from "./shape.ts";

/** Elementwise operations of one and two inputs, and their derivatives. */

/** uint8 arithmetic has no kernels; it is done in int32 and wraps as uint8 does. */
function viaInt32(op: (a: Tensor, b: Tensor) => Tensor): (a: Tensor, b: Tensor) => Tensor | undefined {
  return (a, b) =>
    a.dtype === "uint8" || a.dtype === "bool"
      ? restore(op(cast(a, "int32"), cast(b, "int32")), a.dtype)
      : undefined;
}

function restore(y: Tensor, dtype: Tensor["dtype"]): Tensor {
  return y.dtype === "int32" ? cast(y, dtype) : y;
}

export const addOp = binary("add", {
  gradient: [(ct) => ct, (ct) => ct],
  onnx: "Add",
  lower: viaInt32((a, b) => add(a, b)),
});
export const subOp = binary("sub", {
  gradient: [(ct) => ct, (ct) => neg(ct)],
  onnx: "Sub",
  lower: viaInt32((a, b) => sub(a, b)),
});
const product = binary("mul", {
  gradient: [(ct, _, b) => mul(ct, b), (ct, a) => mul(ct, a)],
  onnx: "Mul",
  lower: viaInt32((a, b) => mul(a, b)),
});
export const mulOp: Op<NoAttributes> = {
  ...product,
  gradient: (args) => {
    const [a, b] = both(args.inputs);
    const [ct] = args.cotangents;
    // Of a square both halves are the same; the factor meets what may be narrower than the square.
    if (a.node === b.node && a.index === b.index) return [ct && mul(mul(ct, 2), a), undefined];
    return product.gradient?.(args) ?? [];
  },
};
export const divOp = binary("div", {
  gradient: [(ct, _, b) => div(ct, b), (ct, _, b, y) => neg(div(mul(ct, y), b))],
  onnx: "Div",
  lower: viaInt32((a, b) => div(a, b)),
});
export const powOp = binary("pow", {
  gradient: [
    (ct, a, b) => {
      // The exponent -1 is kept away too: at a = 0 it is infinite, and the next derivative would be 0 times that.
      const constant = equal(b, 0);
      return mul(ct, where(constant, 0, mul(b, pow(a, where(constant, 1, sub(b, 1))))));
    },
    (ct, a, b, y) => {
      // The limit at a = 0, b > 0 is 0; log is kept away from 0 so that no NaN hides behind the where.
      const atZero = logicalAnd(equal(a, 0), greaterEqual(b, 0));
      return mul(ct, where(atZero, 0, mul(y, log(where(atZero, 1, a)))));
    },
  ],
  onnx: "Pow",
});

/** 1 where `a` wins, 1/2 at a tie: maximum and minimum split the cotangent evenly among ties. */
function share(wins: Tensor, ties: Tensor, dtype: Tensor["dtype"]): Tensor {
  return where(wins, full([], 1, dtype), mul(cast(ties, dtype), 0.5));
}

export const maximumOp = binary("maximum", {
  gradient: [
    (ct, a, b) => mul(ct, share(greater(a, b), equal(a, b), ct.dtype)),
    (ct, a, b) => mul(ct, share(less(a, b), equal(a, b), ct.dtype)),
  ],
  onnx: "Max",
  lower: viaInt32((a, b) => maximum(a, b)),
});
export const minimumOp = binary("minimum", {
  gradient: [
    (ct, a, b) => mul(ct, share(less(a, b), equal(a, b), ct.dtype)),
    (ct, a, b) => mul(ct, share(greater(a, b), equal(a, b), ct.dtype)),
  ],
  onnx: "Min",
  lower: viaInt32((a, b) => minimum(a, b)),
});

/** The larger of two; at a tie the first takes the whole derivative, as in max pooling. */
const firstMaximumOp = binary("firstMaximum", {
  gradient: [
    (ct, a, b) => mul(ct, cast(greaterEqual(a, b), ct.dtype)),
    // What the first leaves: one mask serves both, and the difference is exact.
    (ct, a, b) => sub(ct, mul(ct, cast(greaterEqual(a, b), ct.dtype))),
  ],
  onnx: "Max",
});

export const equalOp = binary("equal", {
  onnx: "Equal",
  result: "bool",
  lower: viaInt32((a, b) => equal(a, b)),
});
export const lessOp = binary("less", { onnx: "Less", result: "bool", lower: viaInt32((a, b) => less(a, b)) });
export const lessEqualOp = binary("lessEqual", {
  onnx: "LessOrEqual",
  result: "bool",
  lower: viaInt32((a, b) => lessEqual(a, b)),
});
export const logicalAndOp = binary("logicalAnd", { onnx: "And", result: "bool" });
export const logicalOrOp = binary("logicalOr", { onnx: "Or", result: "bool" });
export const logicalNotOp = unary("logicalNot", { onnx: "Not" });
const isNaNOp: Op<NoAttributes> = {
  ...unary("isNaN", { onnx: "IsNaN" }),
  outputs: ([x]) => [{ shape: x?.shape ?? [], dtype: "bool" }],
};

export const negOp = unary("neg", {
  gradient: (ct) => neg(ct),
  onnx: "Neg",
  // uint8 has no kernel; int32 wraps to the same.
  lower: (x) => (x.dtype === "uint8" ? cast(neg(cast(x, "int32")), "uint8") : undefined),
});
const absOp = unary("abs", { gradient: (ct, x) => mul(ct, sign(x)), onnx: "Abs" });
const signOp: Op<NoAttributes> = {
  ...unary("sign", { onnx: "Sign" }),
  // The kernel makes 1 of NaN.
  emit: (emitter, [x = ""], node) => {
    const [sign = ""] = emitter.node("Sign", [x]);
    if (!isFloat(node.outputs[0]?.dtype ?? "int64")) return [sign];
    return emitter.node("Where", [emitter.node("IsNaN", [x])[0] ?? "", x, sign]);
  },
};
export const expOp = unary("exp", { gradient: (ct, _, y) => mul(ct, y), onnx: "Exp" });
const logOp = unary("log", { gradient: (ct, x) => div(ct, x), onnx: "Log" });
const sqrtOp = unary("sqrt", { gradient: (ct, _, y) => div(mul(ct, 0.5), y), onnx: "Sqrt" });
const reciprocalOp = unary("reciprocal", {
  gradient: (ct, _, y) => neg(mul(ct, mul(y, y))),
  onnx: "Reciprocal",
});
const sinOp = unary("sin", { gradient: (ct, x) => mul(ct, cos(x)), onnx: "Sin" });
const cosOp = unary("cos", { gradient: (ct, x) => neg(mul(ct, sin(x))), onnx: "Cos" });
const tanhOp = unary("tanh", { gradient: (ct, _, y) => mul(ct, sub(1, mul(y, y))), onnx: "Tanh" });
const sigmoidOp = unary("sigmoid", {
  gradient: (ct, _, y) => mul(ct, mul(y, sub(1, y))),
  onnx: "Sigmoid",
  // The kernels lose the digits of small values: float64 gives 0 at -40, float32 is off by 1e-3 at -10 and 100% at -20.
  lower: (x) => reciprocal(add(exp(neg(x)), 1)),
});
const reluOp = unary("relu", { gradient: (ct, x) => where(greater(x, 0), ct, 0), onnx: "Relu" });
const floorOp = unary("floor", { onnx: "Floor" });
const ceilOp = unary("ceil", { onnx: "Ceil" });
const roundOp = unary("round", { onnx: "Round" });

/** The identity in the forward direction; no derivative passes. */
export const stopGradientOp: Op<NoAttributes> = {
  ...unary("stopGradient", { onnx: "Identity", lower: (x) => x }),
  flops: () => 0,
};

/** A fresh name for a value, so that a derivative with respect to it is not confused with others of the same value. */
export const aliasOp: Op<NoAttributes> = {
  ...unary("alias", { gradient: (ct) => ct, onnx: "Identity", lower: (x) => x }),
  flops: () => 0,
};

export function alias(x: Tensor): Tensor {
  return applyOne(aliasOp, [x], {});
}

const castOp: Op<{ readonly dtype: Tensor["dtype"] }> = {
  name: "cast",
  outputs: ([x], { dtype }) => [{ shape: x?.shape ?? [], dtype }],
  gradient: ({ inputs, attributes, cotangents: [ct] }) => {
    const from = only(inputs).dtype;
    return [ct && isFloat(from) && isFloat(attributes.dtype) ? cast(ct, from) : undefined];
  },
  batch: ({ inputs, attributes }) => [cast(only(inputs), attributes.dtype)],
  emit: (emitter, inputs, _, { dtype }) => emitter.node("Cast", inputs, { to: onnxDType[dtype] }),
  flops: () => 0,
};

/** The elements in another dtype; a float becomes an integer by dropping its fraction, a bool 0 or 1. */
export function cast(x: Tensor, dtype: Tensor["dtype"]): Tensor {
  return x.dtype === dtype ? x : applyOne(castOp, [x], { dtype });
}

interface ClipBounds {
  readonly min: number;
  readonly max: number;
}

const clipOp: Op<ClipBounds> = {
  name: "clip",
  outputs: ([x]) => [{ shape: x?.shape ?? [], dtype: x?.dtype ?? "float32" }],
  gradient: ({ inputs, attributes: { min, max }, cotangents: [ct] }) => {
    const x = only(inputs);
    return [ct && where(logicalAnd(greaterEqual(x, min), lessEqual(x, max)), ct, 0)];
  },
  batch: ({ inputs, attributes }) => [clip(only(inputs), attributes)],
  emit: (emitter, [x = ""], node, { min, max }) => {
    const dtype = node.inputs[0]?.dtype ?? "float32";
    const bound = (value: number): string => (Number.isFinite(value) ? emitter.scalar(value, dtype) : "");
    return emitter.node("Clip", [x, bound(min), bound(max)]);
  },
};

/** The elements, bounded; the derivative is 1 from `min` to `max`, both included, and 0 outside. */
export function clip(x: TensorLike, { min = -Infinity, max = Infinity }: Partial<ClipBounds>): Tensor {
  const tensor = toTensor(x);
  requireNumeric("clip", tensor);
  for (const bound of [min, max]) if (Number.isFinite(bound)) requireNumberOf("clip", bound, tensor.dtype);
  if (!(min <= max)) fail("clip", `min ${min} is not at most max ${max}`);
  return applyOne(clipOp, [tensor], { min, max });
}

export const whereOp: Op<NoAttributes> = {
  name: "where",
  outputs: (inputs) => [
    { shape: requireBroadcast("where", inputs), dtype: requireSameDType("where", inputs.slice(1)) },
  ],
  gradient: ({ inputs, cotangents: [ct], wanted }) => {
    const [condition, a, b] = inputs;
    if (ct === undefined || condition === undefined || a === undefined || b === undefined) return [];
    return [
      undefined,
      wanted[1] ? sumToShape(where(condition, ct, 0), a.shape) : undefined,
      wanted[2] ? sumToShape(where(condition, 0, ct), b.shape) : undefined,
    ];
  },
  batch: (args) => apply(whereOp, alignAll(args), {}),
  lower: ([condition, a, b]) => {
    // bool has no kernel.
    if (condition === undefined || a?.dtype !== "bool" || b === undefined) return undefined;
    return [cast(where(condition, cast(a, "uint8"), cast(b, "uint8")), "bool")];
  },
  emit: (emitter: Emitter, inputs) => emitter.node("Where", inputs),
};

/** `a` where the condition holds, `b` elsewhere. */
export function where(condition: TensorLike, a: TensorLike, b: TensorLike): Tensor {
  const mask = toTensor(condition, "bool");
  requireBool("where", mask);
  return applyOne(whereOp, [mask, ...toTensors([a, b])], {});
}

/** The sum, element by element; shapes are broadcast as NumPy does. */
export const add = (a: TensorLike, b: TensorLike): Tensor => arithmetic(addOp, a, b);
/** The difference `a - b`. */
export const sub = (a: TensorLike, b: TensorLike): Tensor => arithmetic(subOp, a, b);
/** The product, element by element. */
export const mul = (a: TensorLike, b: TensorLike): Tensor => arithmetic(mulOp, a, b);
/** The quotient; of integers, the one that drops the fraction. */
export const div = (a: TensorLike, b: TensorLike): Tensor => arithmetic(divOp, a, b);
/** `a` to the power `b`; the derivative with respect to `b` at `a = 0` is 0. */
export const pow = (a: TensorLike, b: TensorLike): Tensor => {
  const tensors = toTensors([a, b]);
  requireFloat("pow", ...tensors);
  return arithmetic(powOp, a, b);
};
/** The larger of two; at a tie the derivative is split evenly. */
export const maximum = (a: TensorLike, b: TensorLike): Tensor => arithmetic(maximumOp, a, b);
/** The smaller of two; at a tie the derivative is split evenly. */
export const minimum = (a: TensorLike, b: TensorLike): Tensor => arithmetic(minimumOp, a, b);

export const firstMaximum = (a: Tensor, b: Tensor): Tensor => arithmetic(firstMaximumOp, a, b);

/** Whether two elements are equal, as bool; NaN is equal to nothing. */
export const equal = (a: TensorLike, b: TensorLike): Tensor => binaryOf(equalOp, a, b);
/** Whether two elements differ, as bool. */
export const notEqual = (a: TensorLike, b: TensorLike): Tensor => logicalNot(equal(a, b));
/** `a < b` as bool; false beside NaN. */
export const less = (a: TensorLike, b: TensorLike): Tensor => arithmetic(lessOp, a, b);
/** `a <= b` as bool; false beside NaN. */
export const lessEqual = (a: TensorLike, b: TensorLike): Tensor => arithmetic(lessEqualOp, a, b);
/** `a > b` as bool; false beside NaN. */
export const greater = (a: TensorLike, b: TensorLike): Tensor => arithmetic(lessOp, b, a);
/** `a >= b` as bool; false beside NaN. */
export const greaterEqual = (a: TensorLike, b: TensorLike): Tensor => arithmetic(lessEqualOp, b, a);
/** Whether both are true, of bools. */
export const logicalAnd = (a: TensorLike, b: TensorLike): Tensor => logical(logicalAndOp, a, b);
/** Whether one is true or both are, of bools. */
export const logicalOr = (a: TensorLike, b: TensorLike): Tensor => logical(logicalOrOp, a, b);
/** Whether it is false, of bools. */
export const logicalNot = (x: TensorLike): Tensor => unaryOf(logicalNotOp, x, "bool");
/** Whether an element is not a number, as bool. */
const isNotANumber = (x: TensorLike): Tensor => unaryOf(isNaNOp, x, "float");

/** The number with the other sign. */
export const neg = (x: TensorLike): Tensor => unaryOf(negOp, x, "numeric");
/** The absolute value; its derivative at 0 is 0. */
export const abs = (x: TensorLike): Tensor => unaryOf(absOp, x, "numeric");
/** -1, 0 or 1. */
export const sign = (x: TensorLike): Tensor => unaryOf(signOp, x, "numeric");
/** e to the power `x`. */
export const exp = (x: TensorLike): Tensor => unaryOf(expOp, x, "float");
/** The natural logarithm; -infinity at 0, NaN below. */
export const log = (x: TensorLike): Tensor => unaryOf(logOp, x, "float");
/** The square root; NaN below 0, with an infinite derivative at 0. */
export const sqrt = (x: TensorLike): Tensor => unaryOf(sqrtOp, x, "float");
/** 1 / sqrt(x). */
export const rsqrt = (x: TensorLike): Tensor => reciprocal(sqrt(x));
/** The product of `x` with itself. */
export const square = (x: TensorLike): Tensor => mul(x, x);
/** 1 / x. */
export const reciprocal = (x: TensorLike): Tensor => unaryOf(reciprocalOp, x, "float");
/** The sine of an angle in radians. */
export const sin = (x: TensorLike): Tensor => unaryOf(sinOp, x, "float");
/** The cosine of an angle in radians. */
export const cos = (x: TensorLike): Tensor => unaryOf(cosOp, x, "float");
/** The tangent of an angle in radians. */
export const tan = (x: TensorLike): Tensor => div(sin(x), cos(x));
/** The hyperbolic tangent. */
export const tanh = (x: TensorLike): Tensor => unaryOf(tanhOp, x, "float");
/** 1 / (1 + exp(-x)). */
export const sigmoid = (x: TensorLike): Tensor => unaryOf(sigmoidOp, x, "float");
/** max(x, 0); its derivative at 0 is 0. */
export const relu = (x: TensorLike): Tensor => unaryOf(reluOp, x, "float");
/** The largest whole number that is not above `x`; its derivative is 0. */
export const floor = (x: TensorLike): Tensor => unaryOf(floorOp, x, "float");
/** The smallest whole number that is not below `x`; its derivative is 0. */
export const ceil = (x: TensorLike): Tensor => unaryOf(ceilOp, x, "float");
/** The nearest integer; halves go to the even one. */
export const round = (x: TensorLike): Tensor => unaryOf(roundOp, x, "float");
/** The value of `x`, as a constant to every derivative. */
export const stopGradient = (x: TensorLike): Tensor => applyOne(stopGradientOp, [toTensor(x)], {});

export { isNotANumber as isNaN };
