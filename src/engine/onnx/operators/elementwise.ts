import { isFloat } from "../../dtype.ts";
import { requireFloat } from "../../ops/check.ts";
import { full } from "../../ops/constants.ts";
import * as e from "../../ops/elementwise.ts";
import { remainder } from "../../ops/remainder.ts";
import { erf, expm1 } from "../../ops/special.ts";
import type { Tensor } from "../../tensor.ts";
import { dtypeOfElement, nameOfElement } from "../tensor-data.ts";
import {
  type Apply,
  allTensors,
  attribute,
  type Call,
  type OperatorTable,
  optionalTensor,
  tensor,
  value,
} from "./call.ts";

/** Elementwise arithmetic, comparison and logic. Broadcasting is NumPy's, as in the engine. */

function unary(compute: (x: Tensor) => Tensor): Apply {
  return (call) => compute(tensor(call, 0));
}

function binary(compute: (a: Tensor, b: Tensor) => Tensor): Apply {
  return (call) => compute(tensor(call, 0), tensor(call, 1));
}

/** One value from any number of inputs, taken together from the left. */
function variadic(combine: (a: Tensor, b: Tensor) => Tensor): Apply {
  return (call) => allTensors(call).reduce((a, b) => combine(a, b));
}

/** With the sign of the divisor, as Python; with `fmod` the sign of the dividend, as C. */
function modulo(call: Call): Tensor {
  const a = tensor(call, 0);
  const b = tensor(call, 1);
  const rest = isFloat(a.dtype) ? remainder(a, b) : e.sub(a, e.mul(e.div(a, b), b));
  if (attribute(call, "fmod", 0) === 1) return rest;
  const opposite = e.notEqual(e.less(rest, 0), e.less(b, 0));
  return e.where(e.logicalAnd(opposite, e.notEqual(rest, 0)), e.add(rest, b), rest);
}

/** The base and the exponent may differ in dtype; the result has the base's. */
function power(call: Call): Tensor {
  const base = tensor(call, 0);
  const exponent = tensor(call, 1);
  if (isFloat(base.dtype)) return e.pow(base, e.cast(exponent, base.dtype));
  return e.cast(e.pow(e.cast(base, "float64"), e.cast(exponent, "float64")), base.dtype);
}

/** Floors, ceilings and roundings of integers are themselves. */
function rounding(round: (x: Tensor) => Tensor): Apply {
  return unary((x) => (isFloat(x.dtype) ? round(x) : x));
}

function isInfinite(call: Call): Tensor {
  const x = tensor(call, 0);
  requireFloat("IsInf", x);
  const signs = [
    attribute(call, "detect_positive", 1) === 1 ? [Number.POSITIVE_INFINITY] : [],
    attribute(call, "detect_negative", 1) === 1 ? [Number.NEGATIVE_INFINITY] : [],
  ].flat();
  return signs.map((sign) => e.equal(x, sign)).reduce(e.logicalOr, full(x.shape, 0, "bool"));
}

/** Bounds that are known numbers are the engine's clip; others are tensors of their own. */
function clip(call: Call): Tensor {
  const x = tensor(call, 0);
  const bounds = [1, 2].map((input) => {
    const bound = call.inputs[input];
    return bound !== undefined && "data" in bound && bound.data.length === 1
      ? Number(bound.data[0])
      : undefined;
  });
  const [min, max] = bounds;
  const known = [1, 2].every((input) => call.inputs[input] === undefined || bounds[input - 1] !== undefined);
  if (known && min === undefined && max === undefined) return x;
  // Where the bounds cross, ONNX gives the upper one.
  if (known && (min ?? -Infinity) <= (max ?? Infinity))
    return e.clip(x, { min: min ?? -Infinity, max: max ?? Infinity });
  const low = optionalTensor(call, 1);
  const high = optionalTensor(call, 2);
  const raised = low === undefined ? x : e.maximum(x, low);
  return high === undefined ? raised : e.minimum(raised, high);
}

function cast(call: Call): Tensor {
  const target = attribute(call, "to", 0);
  const dtype = dtypeOfElement(target);
  if (dtype === undefined) throw new Error(`casting to ${nameOfElement(target)} is not supported`);
  return e.cast(tensor(call, 0), dtype);
}

export const elementwise: OperatorTable = {
  Identity: (call) => value(call, 0),
  Add: binary(e.add),
  Sub: binary(e.sub),
  Mul: binary(e.mul),
  Div: binary(e.div),
  Mod: modulo,
  Pow: power,
  Neg: unary(e.neg),
  Abs: unary(e.abs),
  Sign: unary(e.sign),
  Exp: unary(e.exp),
  Log: unary(e.log),
  Sqrt: unary(e.sqrt),
  Reciprocal: unary(e.reciprocal),
  Sin: unary(e.sin),
  Cos: unary(e.cos),
  Tan: unary(e.tan),
  Tanh: unary(e.tanh),
  // Of exponentials less 1, whose difference keeps its digits near 0.
  Sinh: unary((x) => e.mul(e.sub(expm1(x), expm1(e.neg(x))), 0.5)),
  Cosh: unary((x) => e.mul(e.add(e.exp(x), e.exp(e.neg(x))), 0.5)),
  Erf: unary(erf),
  Floor: rounding(e.floor),
  Ceil: rounding(e.ceil),
  Round: rounding(e.round),
  Max: variadic(e.maximum),
  Min: variadic(e.minimum),
  Sum: variadic(e.add),
  Mean: (call) =>
    e.div(
      allTensors(call).reduce((a, b) => e.add(a, b)),
      call.inputs.length,
    ),
  Equal: binary(e.equal),
  Less: binary(e.less),
  LessOrEqual: binary(e.lessEqual),
  Greater: binary(e.greater),
  GreaterOrEqual: binary(e.greaterEqual),
  And: binary(e.logicalAnd),
  Or: binary(e.logicalOr),
  Xor: binary(e.notEqual),
  Not: unary(e.logicalNot),
  IsNaN: unary(e.isNaN),
  IsInf: isInfinite,
  Where: (call) => e.where(tensor(call, 0), tensor(call, 1), tensor(call, 2)),
  Clip: { apply: clip, constantInputs: [1, 2] },
  Cast: {
    apply: cast,
    unsupported: (node) => {
      const target = attribute({ node }, "to", 0);
      return dtypeOfElement(target) === undefined
        ? `casting to ${nameOfElement(target)} is not supported`
        : undefined;
    },
  },
  CastLike: (call) => e.cast(tensor(call, 0), value(call, 1).dtype),
};
