import { hasNumber, isFloat } from "../dtype.ts";
import { expand, expandOp, sumOp } from "../ops/broadcast.ts";
import { full, fullOp } from "../ops/constants.ts";
import * as e from "../ops/elementwise.ts";
import { matmul, matmulOp } from "../ops/linear.ts";
import { meanOp } from "../ops/reduction.ts";
import { reshape, reshapeOp, transpose, transposeOp } from "../ops/shape.ts";
import { sameShape, sizeOf } from "../shape.ts";
import { apply, applyOne, attributesIf, type Node, type Op, type Tensor } from "../tensor.ts";

/** Algebra on single nodes: each rule returns a cheaper equal, or nothing. */
type Rule = (node: Node, inputs: readonly Tensor[]) => Tensor | undefined;

/** A cheaper equal of the node's outputs, or `undefined` where there is none. */
export function rewrite(node: Node): Tensor[] | undefined {
  const rule = rules.get(node.op);
  const result = rule?.(node, node.inputs) ?? (broadcasting.has(node.op) ? withoutExpands(node) : undefined);
  return result && [result];
}

/** The value of a tensor that has one value everywhere. */
function uniform(tensor: Tensor | undefined): number | undefined {
  return tensor && attributesIf(tensor, fullOp)?.value;
}

function operandOf(tensor: Tensor, op: Op): Tensor | undefined {
  return tensor.node.op === op ? tensor.node.inputs[0] : undefined;
}

const negative = e.negOp as Op;

const broadcasting: ReadonlySet<Op> = new Set<Op>([
  e.addOp,
  e.subOp,
  e.mulOp,
  e.divOp,
  e.powOp,
  e.maximumOp,
  e.minimumOp,
  e.equalOp,
  e.lessOp,
  e.lessEqualOp,
  e.whereOp,
]);

/** Operands that were spread to the common shape are left to the kernel's own broadcasting. */
function withoutExpands(node: Node): Tensor | undefined {
  const shape = node.outputs[0]?.shape ?? [];
  const narrow = node.inputs.map((input) => {
    const value = uniform(input);
    if (value !== undefined && input.rank > 0) return full([], value, input.dtype);
    return operandOf(input, expandOp as Op) ?? input;
  });
  if (narrow.every((input, i) => input === node.inputs[i])) return undefined;
  // The common shape must still come out: at least one operand has to have it.
  const whole = narrow.findIndex((input) => sameShape(input.shape, shape));
  if (whole === -1) {
    // What is the same along an axis is computed once, and spread afterwards.
    const [y] = apply(node.op, narrow, node.attributes);
    if (y !== undefined && y.size < sizeOf(shape)) return expand(y, shape);
    const keep = node.inputs.findIndex((input) => sameShape(input.shape, shape));
    const kept = node.inputs[keep];
    if (kept === undefined) return undefined;
    narrow[keep] = kept;
    if (narrow.every((input, i) => input === node.inputs[i])) return undefined;
  }
  return apply(node.op, narrow, node.attributes)[0];
}

const add: Rule = (node, [a, b]) => {
  if (a === undefined || b === undefined) return undefined;
  const shape = node.outputs[0]?.shape ?? [];
  if (uniform(b) === 0 && sameShape(a.shape, shape)) return a;
  if (uniform(a) === 0 && sameShape(b.shape, shape)) return b;
  const minusB = operandOf(b, negative);
  if (minusB !== undefined) return e.sub(a, minusB);
  const minusA = operandOf(a, negative);
  return minusA === undefined ? undefined : e.sub(b, minusA);
};

const sub: Rule = (node, [a, b]) => {
  if (a === undefined || b === undefined) return undefined;
  if (uniform(b) === 0 && sameShape(a.shape, node.outputs[0]?.shape ?? [])) return a;
  const minusB = operandOf(b, negative);
  return minusB === undefined ? undefined : e.add(a, minusB);
};

/** A product by a number: the tensor and the number. */
function scaled(tensor: Tensor): { readonly base: Tensor; readonly factor: number } | undefined {
  if (tensor.node.op !== (e.mulOp as Op)) return undefined;
  const [a, b] = tensor.node.inputs;
  const factor = b?.rank === 0 ? uniform(b) : undefined;
  return a === undefined || factor === undefined ? undefined : { base: a, factor };
}

/**
 * Whether a product of two numbers may stand for multiplying by one after the other: it neither overflows nor
 * underflows in the dtype.
 */
function isExact(product: number, dtype: Tensor["dtype"]): boolean {
  const size = Math.abs(product);
  if (isFloat(dtype)) return size === 0 || (size < 2 ** 100 && size > 2 ** -100);
  return size < (dtype === "uint8" ? 2 ** 7 : 2 ** 31);
}

const mul: Rule = (node, [a, b]) => {
  if (a === undefined || b === undefined) return undefined;
  const shape = node.outputs[0]?.shape ?? [];
  const left = uniform(a);
  const right = uniform(b);
  if (right === 1 && sameShape(a.shape, shape)) return a;
  if (left === 1 && sameShape(b.shape, shape)) return b;
  if (left !== undefined && right !== undefined && (isFloat(a.dtype) || isExact(left * right, a.dtype)))
    return full(shape, left * right, a.dtype);
  // Numbers go to the right, so that the rules below find them there.
  if (left !== undefined && right === undefined && a.rank === 0) return e.mul(b, a);
  if (right === -1 && b.rank === 0) return e.neg(a);
  const inner = right !== undefined && b.rank === 0 ? scaled(a) : undefined;
  if (inner !== undefined && right !== undefined && isExact(inner.factor * right, a.dtype))
    return e.mul(inner.base, full([], inner.factor * right, a.dtype));
  const minusA = operandOf(a, negative);
  if (minusA === undefined) {
    const minusB = operandOf(b, negative);
    return minusB && (right ?? left) === undefined ? e.neg(e.mul(a, minusB)) : undefined;
  }
  return right !== undefined && b.rank === 0 && hasNumber(a.dtype, -right)
    ? e.mul(minusA, full([], -right, a.dtype))
    : e.neg(e.mul(minusA, b));
};

const div: Rule = (node, [a, b]) => {
  if (a === undefined || b === undefined) return undefined;
  return uniform(b) === 1 && sameShape(a.shape, node.outputs[0]?.shape ?? []) ? a : undefined;
};

const neg: Rule = (node, [x]) => {
  if (x === undefined) return undefined;
  const value = uniform(x);
  // The least int32 has no opposite, nor has any uint8: the kernel wraps them.
  if (value !== undefined && hasNumber(x.dtype, -value)) return full(x.shape, -value, x.dtype);
  const inner = operandOf(x, negative);
  if (inner !== undefined) return inner;
  const [a, b] = x.node.inputs;
  if (
    a !== undefined &&
    b !== undefined &&
    x.node.op === (e.subOp as Op) &&
    sameShape(x.shape, node.outputs[0]?.shape ?? [])
  )
    return e.sub(b, a);
  const product = scaled(x);
  return product !== undefined && hasNumber(x.dtype, -product.factor)
    ? e.mul(product.base, full([], -product.factor, x.dtype))
    : undefined;
};

const pow: Rule = (_, [a, b]) => {
  if (a === undefined || b?.rank !== 0) return undefined;
  switch (uniform(b)) {
    case 0:
      return full(a.shape, 1, a.dtype);
    case 1:
      return a;
    case 2:
      return e.mul(a, a);
    case 3:
      return e.mul(e.mul(a, a), a);
    case 0.5:
      return e.sqrt(a);
    case -1:
      return e.reciprocal(a);
    default:
      return undefined;
  }
};

const reshaped: Rule = (node, [x]) => {
  if (x === undefined) return undefined;
  const shape = node.outputs[0]?.shape ?? [];
  const value = uniform(x);
  if (value !== undefined) return full(shape, value, x.dtype);
  if (sameShape(x.shape, shape)) return x;
  const inner = operandOf(x, reshapeOp as Op);
  return inner && reshape(inner, shape);
};

const transposed: Rule = (node, [x]) => {
  if (x === undefined) return undefined;
  const shape = node.outputs[0]?.shape ?? [];
  const value = uniform(x);
  if (value !== undefined) return full(shape, value, x.dtype);
  const { permutation } = node.attributes as { readonly permutation: readonly number[] };
  const before = attributesIf(x, transposeOp)?.permutation;
  const inner = operandOf(x, transposeOp as Op);
  if (before !== undefined && inner !== undefined)
    return transpose(
      inner,
      permutation.map((axis) => before[axis] ?? 0),
    );
  // Moving only axes of size 1 changes no element's place.
  const moved = permutation.filter((axis) => x.shape[axis] !== 1);
  return moved.every((axis, i) => i === 0 || axis > (moved[i - 1] ?? 0)) ? reshape(x, shape) : undefined;
};

const expanded: Rule = (node, [x]) => {
  if (x === undefined) return undefined;
  const shape = node.outputs[0]?.shape ?? [];
  const value = uniform(x);
  if (value !== undefined) return full(shape, value, x.dtype);
  if (sameShape(x.shape, shape)) return x;
  const inner = operandOf(x, expandOp as Op);
  return inner && apply(expandOp, [inner], { shape })[0];
};

const summed: Rule = (node, [x]) => {
  if (x === undefined) return undefined;
  const output = node.outputs[0];
  if (output !== undefined && sizeOf(output.shape) === x.size) return reshape(x, output.shape);
  // There is less to negate after the sum than before it.
  const positive = operandOf(x, negative);
  return positive && e.neg(applyOne(node.op, [positive], node.attributes));
};

/** A single product among batch axes of size 1 is a plain one. */
const multiplied: Rule = (node, [a, b]) => {
  const shape = node.outputs[0]?.shape ?? [];
  if (a === undefined || b === undefined || shape.length === 2 || sizeOf(shape.slice(0, -2)) !== 1)
    return undefined;
  return reshape(matmul(reshape(a, a.shape.slice(-2)), reshape(b, b.shape.slice(-2))), shape);
};

const rules: ReadonlyMap<Op, Rule> = new Map<Op, Rule>([
  [e.addOp, add],
  [e.subOp, sub],
  [e.mulOp, mul],
  [e.divOp, div],
  [e.negOp, neg],
  [e.powOp, pow],
  [reshapeOp as Op, reshaped],
  [transposeOp as Op, transposed],
  [expandOp as Op, expanded],
  [sumOp as Op, summed],
  [meanOp as Op, summed],
  [matmulOp as Op, multiplied],
]);
