import { constantOp, full, fullOp, parameterOp } from "../ops/constants.ts";
import { concat, concatOp, padOp } from "../ops/slicing.ts";
import { attributesIf, type Node, type Op, Tensor } from "../tensor.ts";

/**
 * Tensors without elements. The runtime's kernels differ in what they make of them, so they are worked out here: what
 * has no elements is a constant, what is computed from nothing has a known value.
 */
export function isEmpty(node: Node): boolean {
  return (
    node.inputs.some((input) => input.size === 0) ||
    (node.outputs.every(hasNoElements) && !leafOps.has(node.op))
  );
}

const leafOps: ReadonlySet<Op> = new Set<Op>([constantOp as Op, fullOp as Op, parameterOp as Op]);

function hasNoElements({ shape }: { readonly shape: readonly number[] }): boolean {
  return shape.includes(0);
}

/** What operations give when there is nothing to combine. */
const ofNothing: Readonly<Record<string, number>> = {
  sum: 0,
  prod: 1,
  mean: Number.NaN,
  logSumExp: Number.NEGATIVE_INFINITY,
  norm: 0,
  matmul: 0,
  addRows: 0,
  convTranspose: 0,
  convWeight: 0,
  conv: 0,
};

/** Replacements for the outputs of a node that has an empty input or output, where the node itself cannot be kept. */
export function withoutEmpty(node: Node): Tensor[] | undefined {
  if (node.outputs.every(hasNoElements)) return node.outputs.map(({ shape, dtype }) => full(shape, 0, dtype));
  const [output] = node.outputs;
  if (output === undefined || node.outputs.length !== 1) return undefined;
  const value = ofNothing[node.op.name];
  if (value !== undefined) return [full(output.shape, value, output.dtype)];
  const result = new Tensor(node, 0);
  const joined = attributesIf(result, concatOp);
  if (joined !== undefined) {
    const parts = node.inputs.filter((input) => input.size > 0);
    return parts.length < node.inputs.length ? [concat(parts, joined.axis)] : undefined;
  }
  const padded = attributesIf(result, padOp);
  if (padded !== undefined) return [full(output.shape, padded.value, output.dtype)];
  const [first] = node.inputs;
  return node.op.name === "scatterAdd" && first !== undefined && first.size > 0 ? [first] : undefined;
}
