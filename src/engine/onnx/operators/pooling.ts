import * as e from "../../ops/elementwise.ts";
import { averagePool, globalAveragePool, maxPool } from "../../ops/pooling.ts";
import { max } from "../../ops/reduction.ts";
import { sizeOf } from "../../shape.ts";
import { Tensor } from "../../tensor.ts";
import type { OnnxNode } from "../model.ts";
import { attribute, type Call, listAttribute, type OperatorTable, tensor, type Value } from "./call.ts";
import { autoPadding } from "./window.ts";

/** Pooling over windows. */

function windowOf(call: Call, x: Tensor) {
  const axes = x.rank - 2;
  const kernel = listAttribute(call, "kernel_shape");
  if (kernel === undefined) throw new Error("its kernel_shape is missing");
  const ones = new Array<number>(axes).fill(1);
  const stride = listAttribute(call, "strides") ?? ones;
  const dilation = listAttribute(call, "dilations") ?? ones;
  const padding = autoPadding(call, { size: x.shape.slice(2), kernel, stride, dilation });
  return { kernel, stride, dilation, padding, ceilMode: attribute(call, "ceil_mode", 0) === 1 };
}

/** The places of the maxima (the optional second output) count all elements of the input. */
function maximum(call: Call): readonly Value[] {
  const x = tensor(call, 0);
  const pooled = maxPool(x, windowOf(call, x));
  if ((call.node.outputs[1] ?? "") === "") return [pooled];
  // Where the engine reads the input as it is, its pooling knows the places too.
  const [input] = pooled.node.inputs;
  if (input !== x || pooled.node.outputs.length < 2)
    throw new Error("the places of the maxima are not supported for this window");
  return [pooled, new Tensor(pooled.node, 1)];
}

function average(call: Call): Tensor {
  const x = tensor(call, 0);
  const { dilation: _, ...window } = windowOf(call, x);
  return averagePool(x, { ...window, countIncludePad: attribute(call, "count_include_pad", 0) === 1 });
}

/** (sum of |x|^p)^(1/p) over each window; padding counts as 0. */
function lpPool(call: Call): Tensor {
  const x = tensor(call, 0);
  const { dilation: _, ...window } = windowOf(call, x);
  const p = attribute(call, "p", 2);
  const powers = averagePool(e.pow(e.abs(x), p), { ...window, countIncludePad: true });
  return e.pow(e.mul(powers, sizeOf(window.kernel)), 1 / p);
}

/** Dilated averages are the one form that the engine lacks. */
function undilated(node: OnnxNode): string | undefined {
  return listAttribute({ node }, "dilations")?.some((step) => step !== 1)
    ? "dilations are not supported"
    : undefined;
}

export const pooling: OperatorTable = {
  MaxPool: {
    apply: maximum,
    unsupported: (node) =>
      attribute({ node }, "storage_order", 0) === 1 && (node.outputs[1] ?? "") !== ""
        ? "places in column-major order are not supported"
        : undefined,
  },
  AveragePool: { apply: average, unsupported: undilated },
  LpPool: {
    apply: lpPool,
    unsupported: (node) =>
      attribute({ node }, "ceil_mode", 0) === 1 ? "ceil_mode is not supported" : undilated(node),
  },
  GlobalAveragePool: (call) => globalAveragePool(tensor(call, 0)),
  GlobalMaxPool: (call) => {
    const x = tensor(call, 0);
    return max(x, { axes: x.shape.flatMap((_, axis) => (axis < 2 ? [] : [axis])), keepAxes: true });
  },
};
