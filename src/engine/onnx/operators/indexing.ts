import { expand, sum } from "../../ops/broadcast.ts";
import { arange, constant, full, zeros } from "../../ops/constants.ts";
import * as e from "../../ops/elementwise.ts";
import { addRows, oneHot, scatterAdd, take, takeAlongAxis } from "../../ops/indexing.ts";
import { moveAxis, reshape } from "../../ops/shape.ts";
import { slice, sliceAxis } from "../../ops/slicing.ts";
import { normalizeAxis, type Shape, sizeOf, stridesOf } from "../../shape.ts";
import type { Tensor } from "../../tensor.ts";
import type { OnnxNode } from "../model.ts";
import {
  attribute,
  type Call,
  checkedLength,
  knownIntegers,
  number,
  type OperatorTable,
  tensor,
  textAttribute,
  value,
} from "./call.ts";

/** Reading and writing at computed places. Negative indices count from the end. */

function gatherElements(call: Call): Tensor {
  const x = tensor(call, 0);
  const indices = tensor(call, 1);
  const axis = normalizeAxis(attribute(call, "axis", 0), x.rank, "GatherElements");
  // Along the other axes the indices may be shorter than x.
  const ranges = x.shape.map((size, i) => [0, i === axis ? size : (indices.shape[i] ?? size)] as const);
  return takeAlongAxis(slice(x, ...ranges), indices, axis);
}

/** Coordinates [..., k] into the first k axes of `shape`, as places along those axes laid end to end [...]. */
function linearPlaces(indices: Tensor, shape: Shape): Tensor {
  const sizes = constant(knownIntegers(shape));
  const wide = e.cast(indices, "int64");
  const fromFront = e.where(e.less(wide, 0), e.add(wide, sizes), wide);
  return sum(e.mul(fromFront, constant(knownIntegers(stridesOf(shape)))), { axes: -1 });
}

function gatherND(call: Call): Tensor {
  const x = tensor(call, 0);
  const indices = tensor(call, 1);
  const batch = attribute(call, "batch_dims", 0);
  const depth = indices.shape.at(-1) ?? 0;
  const batchShape = x.shape.slice(0, batch);
  const addressed = x.shape.slice(batch, batch + depth);
  const rest = x.shape.slice(batch + depth);
  const rows = sizeOf(addressed);
  const places = linearPlaces(indices, addressed);
  const members = sizeOf(batchShape);
  const starts = reshape(e.mul(arange(0, checkedLength(members, "the number of batches")), rows), [
    ...batchShape,
    ...new Array<number>(places.rank - batch).fill(1),
  ]);
  const own = batch === 0 ? places : e.add(places, starts);
  return take(reshape(x, [members * rows, ...rest]), own, 0);
}

/** Whether anything was written to each element, so that what was written can take the place of what was there. */
function written(x: Tensor, marks: (ones: Tensor) => Tensor, updates: Tensor): Tensor {
  return e.greater(marks(full(updates.shape, 1, "float32")), expand(full([], 0, "float32"), x.shape));
}

function scatterElements(call: Call): Tensor {
  const whole = tensor(call, 0);
  if (whole.dtype === "bool") {
    const numbers = [e.cast(whole, "uint8"), call.inputs[1], e.cast(tensor(call, 2), "uint8")];
    return e.cast(scatterElements({ ...call, inputs: numbers }), "bool");
  }
  return scatterNumbers(call, whole);
}

function scatterNumbers(call: Call, x: Tensor): Tensor {
  const given = tensor(call, 1);
  const updates = tensor(call, 2);
  const axis = normalizeAxis(attribute(call, "axis", 0), x.rank, "ScatterElements");
  const into = (target: Tensor, values: Tensor): Tensor => scatterAdd(target, given, values, axis);
  if (textAttribute(call, "reduction", "none") === "add") return into(x, updates);
  const marks = written(x, (ones) => into(zeros(x.shape), ones), updates);
  return e.where(marks, into(zeros(x.shape, x.dtype), updates), x);
}

/** Rows of updates at coordinates into the first axes of x. */
function scatterND(call: Call): Tensor {
  const x = tensor(call, 0);
  const indices = tensor(call, 1);
  const updates = tensor(call, 2);
  const depth = indices.shape.at(-1) ?? 0;
  const addressed = x.shape.slice(0, depth);
  const rest = x.shape.slice(depth);
  const size = sizeOf(addressed);
  const places =
    depth === 1 ? reshape(indices, indices.shape.slice(0, -1)) : linearPlaces(indices, addressed);
  const into = (values: Tensor): Tensor =>
    reshape(addRows(reshape(values, [...places.shape, ...rest]), places, { axis: 0, size }), x.shape);
  if (textAttribute(call, "reduction", "none") === "add") return e.add(x, into(updates));
  return e.where(written(x, into, updates), into(updates), x);
}

function sumOrReplace(node: OnnxNode): string | undefined {
  const reduction = textAttribute({ node }, "reduction", "none");
  return reduction === "none" || reduction === "add" ? undefined : `reduction ${reduction} is not supported`;
}

function oneHotValues(call: Call): Tensor {
  const given = tensor(call, 0);
  const depth = number(call, 1);
  if (!(depth >= 0)) throw new Error(`depth ${depth} is not a size`);
  checkedLength(depth, "its depth");
  const indices = e.cast(given, "int64");
  const values = tensor(call, 2);
  const off = reshape(sliceAxis(values, 0, 0, 1), []);
  const on = reshape(sliceAxis(values, 0, 1, 2), []);
  const hot = oneHot(e.where(e.less(indices, 0), e.add(indices, depth), indices), depth, "bool");
  return moveAxis(e.where(hot, on, off), -1, attribute(call, "axis", -1));
}

export const indexing: OperatorTable = {
  Gather: (call) => take(tensor(call, 0), tensor(call, 1), attribute(call, "axis", 0)),
  GatherElements: gatherElements,
  GatherND: gatherND,
  ScatterElements: { apply: scatterElements, unsupported: sumOrReplace },
  ScatterND: { apply: scatterND, unsupported: sumOrReplace },
  OneHot: { apply: oneHotValues, staticInputs: [1] },
  NonZero: (call) => {
    throw new Error(
      `how many elements of ${call.node.inputs[0]} (${value(call, 0).dtype}) are not zero depends on data; shapes must be known`,
    );
  },
};
