import * as e from "../../ops/elementwise.ts";
import { oneHot } from "../../ops/indexing.ts";
import { logSoftmax, softmax } from "../../ops/network.ts";
import { argmax } from "../../ops/reduction.ts";
import { moveAxis, reshape } from "../../ops/shape.ts";
import { expm1, gelu, softplus } from "../../ops/special.ts";
import { normalizeAxis, sizeOf } from "../../shape.ts";
import type { Tensor } from "../../tensor.ts";
import {
  type Apply,
  attribute,
  type Call,
  type OperatorTable,
  optionalTensor,
  tensor,
  textAttribute,
} from "./call.ts";

/** Activation functions; those that the engine lacks are compositions, with the derivatives PyTorch gives at kinks. */

function simple(compute: (x: Tensor) => Tensor): Apply {
  return (call) => compute(tensor(call, 0));
}

/** exp(x) - 1 where x is negative; kept finite elsewhere, so that no Inf hides behind the where. */
function negativeExpm1(x: Tensor): Tensor {
  return expm1(e.minimum(x, 0));
}

function leakyRelu(x: Tensor, slope: Tensor | number): Tensor {
  return e.where(e.greater(x, 0), x, e.mul(x, slope));
}

function elu(x: Tensor, alpha: number): Tensor {
  return e.where(e.greater(x, 0), x, e.mul(negativeExpm1(x), alpha));
}

/** The constants of self-normalising networks, as ONNX's specification rounds them (Klambauer et al. 2017). */
const seluAlpha = Math.fround(1.6732632);
const seluGamma = Math.fround(1.050701);

function hardSigmoid(x: Tensor, alpha: number, beta: number): Tensor {
  return e.clip(e.add(e.mul(x, alpha), beta), { min: 0, max: 1 });
}

/** alpha's shape broadcasts to x from the right. */
function parametricRelu(call: Call): Tensor {
  return leakyRelu(tensor(call, 0), tensor(call, 1));
}

/**
 * Before operator set 13 the input was flattened to a matrix at `axis` (1 by default) and the function taken over its
 * rows; since then it is along `axis` alone (-1 by default).
 */
function alongAxis(compute: (x: Tensor, axis: number) => Tensor): Apply {
  return (call) => {
    const x = tensor(call, 0);
    if (call.opset >= 13) return compute(x, attribute(call, "axis", -1));
    const given = attribute(call, "axis", 1);
    const axis = given === x.rank ? given : normalizeAxis(given, x.rank, call.node.type);
    const rows = sizeOf(x.shape.slice(0, axis));
    return reshape(compute(reshape(x, [rows, sizeOf(x.shape.slice(axis))]), 1), x.shape);
  };
}

/** 1 at the first of the largest elements. */
function hardmax(x: Tensor, axis: number): Tensor {
  const place = normalizeAxis(axis, x.rank, "Hardmax");
  return moveAxis(oneHot(argmax(x, { axis: place }), x.shape[place] ?? 0, x.dtype), -1, place);
}

function shrink(call: Call): Tensor {
  const x = tensor(call, 0);
  const bias = attribute(call, "bias", 0);
  const bound = attribute(call, "lambd", 0.5);
  return e.where(e.less(x, -bound), e.add(x, bias), e.where(e.greater(x, bound), e.sub(x, bias), 0));
}

export const activation: OperatorTable = {
  Relu: simple((x) => (x.dtype === "float32" || x.dtype === "float64" ? e.relu(x) : e.maximum(x, 0))),
  LeakyRelu: (call) => leakyRelu(tensor(call, 0), attribute(call, "alpha", Math.fround(0.01))),
  PRelu: parametricRelu,
  ThresholdedRelu: (call) => {
    const x = tensor(call, 0);
    return e.where(e.greater(x, attribute(call, "alpha", 1)), x, 0);
  },
  Elu: (call) => elu(tensor(call, 0), attribute(call, "alpha", 1)),
  Celu: (call) => {
    const alpha = attribute(call, "alpha", 1);
    const x = tensor(call, 0);
    return e.where(e.greater(x, 0), x, e.mul(negativeExpm1(e.div(x, alpha)), alpha));
  },
  Selu: (call) =>
    e.mul(elu(tensor(call, 0), attribute(call, "alpha", seluAlpha)), attribute(call, "gamma", seluGamma)),
  Sigmoid: simple(e.sigmoid),
  HardSigmoid: (call) =>
    hardSigmoid(tensor(call, 0), attribute(call, "alpha", Math.fround(0.2)), attribute(call, "beta", 0.5)),
  HardSwish: simple((x) => e.mul(x, hardSigmoid(x, 1 / 6, 0.5))),
  Softplus: simple(softplus),
  Softsign: simple((x) => e.div(x, e.add(e.abs(x), 1))),
  Mish: simple((x) => e.mul(x, e.tanh(softplus(x)))),
  Shrink: shrink,
  Gelu: (call) =>
    gelu(tensor(call, 0), {
      approximate: textAttribute(call, "approximate", "none") === "tanh" ? "tanh" : "none",
    }),
  Softmax: alongAxis((x, axis) => softmax(x, { axis })),
  LogSoftmax: alongAxis((x, axis) => logSoftmax(x, { axis })),
  Hardmax: alongAxis(hardmax),
};

/** ONNX Runtime's own. */
export const runtimeActivation: OperatorTable = {
  Gelu: simple((x) => gelu(x)),
  FastGelu: (call) => {
    const bias = optionalTensor(call, 1);
    const x = tensor(call, 0);
    return gelu(bias === undefined ? x : e.add(x, bias), { approximate: "tanh" });
  },
  BiasGelu: (call) => gelu(e.add(tensor(call, 0), tensor(call, 1))),
  QuickGelu: (call) => {
    const x = tensor(call, 0);
    return e.mul(x, e.sigmoid(e.mul(x, attribute(call, "alpha", Math.fround(1.702)))));
  },
};
