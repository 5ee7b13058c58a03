import { isInteger } from "../../dtype.ts";
import { type ReductionOptions, sum } from "../../ops/broadcast.ts";
import * as e from "../../ops/elementwise.ts";
import { topK } from "../../ops/indexing.ts";
import * as r from "../../ops/reduction.ts";
import { unsqueeze } from "../../ops/shape.ts";
import { flip } from "../../ops/slicing.ts";
import { normalizeAxis } from "../../shape.ts";
import type { Tensor } from "../../tensor.ts";
import {
  type Apply,
  attribute,
  type Call,
  listAttribute,
  number,
  type Operator,
  type OperatorTable,
  optionalNumbers,
  tensor,
  type Value,
} from "./call.ts";

/** Reductions. Their axes are an attribute in older operator sets and an input in newer ones. */

function reduction(
  reduce: (x: Tensor, options: ReductionOptions) => Tensor,
  empty: (x: Tensor) => Tensor,
): Operator {
  const apply = (call: Call): Tensor => {
    const x = tensor(call, 0);
    const axes = optionalNumbers(call, 1) ?? listAttribute(call, "axes") ?? [];
    const none = axes.length === 0;
    if (none && attribute(call, "noop_with_empty_axes", 0) === 1) return empty(x);
    const keepAxes = attribute(call, "keepdims", 1) === 1;
    // The runtime takes no axes for "all axes".
    return reduce(x, { keepAxes, ...(!none && { axes }) });
  };
  return { apply, staticInputs: [1] };
}

const same = (x: Tensor): Tensor => x;

/** Results that are fractions: those of integers are cut to whole numbers, as the runtime cuts them. */
function cutForIntegers<Rest extends readonly unknown[]>(compute: (x: Tensor, ...rest: Rest) => Tensor) {
  return (x: Tensor, ...rest: Rest): Tensor =>
    isInteger(x.dtype) ? e.cast(compute(e.cast(x, "float64"), ...rest), x.dtype) : compute(x, ...rest);
}

/** Truths are ordered since operator set 20: false is less than true. */
function orderedTruths(extremum: (x: Tensor, options: ReductionOptions) => Tensor) {
  return (x: Tensor, options: ReductionOptions): Tensor =>
    x.dtype === "bool" ? e.cast(extremum(e.cast(x, "uint8"), options), "bool") : extremum(x, options);
}

const sumOfSquares = (x: Tensor, options: ReductionOptions): Tensor => sum(e.square(x), options);

function argument(find: (x: Tensor, options: { axis: number }) => Tensor): Apply {
  return (call) => {
    const x = tensor(call, 0);
    const axis = normalizeAxis(attribute(call, "axis", 0), x.rank, call.node.type);
    const last = attribute(call, "select_last_index", 0) === 1;
    const size = x.shape[axis] ?? 0;
    const place = last ? e.sub(size - 1, find(flip(x, axis), { axis })) : find(x, { axis });
    return attribute(call, "keepdims", 1) === 1 ? unsqueeze(place, axis) : place;
  };
}

function cumulativeSum(call: Call): Tensor {
  return r.cumsum(tensor(call, 0), {
    axis: number(call, 1),
    exclusive: attribute(call, "exclusive", 0) === 1,
    reverse: attribute(call, "reverse", 0) === 1,
  });
}

function largest(call: Call): readonly Value[] {
  return topK(tensor(call, 0), number(call, 1), {
    axis: attribute(call, "axis", -1),
    largest: attribute(call, "largest", 1) === 1,
  });
}

export const reductions: OperatorTable = {
  ReduceSum: reduction(sum, same),
  ReduceMean: reduction(cutForIntegers(r.mean), same),
  ReduceMax: reduction(orderedTruths(r.max), same),
  ReduceMin: reduction(orderedTruths(r.min), same),
  ReduceProd: reduction(r.prod, same),
  ReduceL1: reduction((x, options) => sum(e.abs(x), options), e.abs),
  ReduceL2: reduction(
    cutForIntegers((x, options: ReductionOptions) => r.norm(x, options)),
    e.abs,
  ),
  ReduceLogSum: reduction(
    cutForIntegers((x, options: ReductionOptions) => e.log(sum(x, options))),
    cutForIntegers(e.log),
  ),
  ReduceLogSumExp: reduction(cutForIntegers(r.logSumExp), same),
  ReduceSumSquare: reduction(sumOfSquares, e.square),
  ArgMax: argument(r.argmax),
  ArgMin: argument(r.argmin),
  CumSum: { apply: cumulativeSum, staticInputs: [1] },
  TopK: { apply: largest, staticInputs: [1] },
};
