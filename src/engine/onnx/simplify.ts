import { isSubgraph, mapBodies, TensorMap, topologicalOrder } from "../graph.ts";
import type { NDArray } from "../ndarray.ts";
import { parameterOp } from "../ops/constants.ts";
import { sizeOf } from "../shape.ts";
import { type Node, type Op, Tensor } from "../tensor.ts";
import { isEmpty, withoutEmpty } from "./empty.ts";
import { rewrite } from "./rewrites.ts";

/**
 * The same outputs from a smaller graph: operations without a kernel are lowered to others, equal computations are
 * shared, algebra that costs nothing to undo is undone. What no output needs is gone by construction.
 */
export function simplify(outputs: readonly Tensor[]): Tensor[] {
  return settleGraph(outputs, simplify, true);
}

/** The graph as it was traced, but for operations without a kernel: they are lowered to others. */
export function lower(outputs: readonly Tensor[]): Tensor[] {
  return settleGraph(outputs, lower, false);
}

function settleGraph(
  outputs: readonly Tensor[],
  ofBody: (outputs: readonly Tensor[]) => Tensor[],
  optimized: boolean,
): Tensor[] {
  const values = new TensorMap<Tensor>();
  const finished = new Set<Node>();
  const shared = new Map<string, Node>();
  const identify = identities();

  const settle = (tensors: readonly Tensor[]): Tensor[] => {
    for (const node of topologicalOrder(tensors, finished)) {
      const inputs = node.inputs.map((input) => values.get(input) ?? input);
      const results = settleNode(
        inputs.every((input, i) => input === node.inputs[i]) ? node : { ...node, inputs },
      );
      for (const [index, result] of results.entries()) values.set(new Tensor(node, index), result);
      finished.add(node);
    }
    return tensors.map((tensor) => values.get(tensor) ?? tensor);
  };

  const settleNode = (node: Node): Tensor[] => {
    const replaced =
      (isEmpty(node) ? withoutEmpty(node) : undefined) ??
      node.op.lower?.(node.inputs, node.attributes) ??
      (optimized ? rewrite(node) : undefined);
    if (replaced !== undefined) return settle(replaced);
    const key = optimized ? keyOf(node, identify) : undefined;
    const known = (key === undefined ? undefined : shared.get(key)) ?? mapBodies(node, ofBody);
    if (key !== undefined) shared.set(key, known);
    finished.add(known);
    const results = known.outputs.map((_, index) => new Tensor(known, index));
    for (const result of results) values.set(result, result);
    return results;
  };

  return settle(outputs);
}

type Identify = (value: object) => number;

/** Numbers that stand for objects, the same for the same object. */
function identities(): Identify {
  const numbers = new Map<object, number>();
  return (value) => {
    const known = numbers.get(value);
    if (known !== undefined) return known;
    numbers.set(value, numbers.size);
    return numbers.size - 1;
  };
}

/** A text that two nodes share exactly when they compute the same. */
function keyOf(node: Node, identify: Identify): string {
  if (node.op === (parameterOp as Op)) return `parameter ${identify(node)}`;
  const inputs = node.inputs.map((input) => `${identify(input.node)}.${input.index}`).join(",");
  return `${node.op.name}(${inputs})${JSON.stringify(node.attributes, (_, value) => describeValue(value, identify))}`;
}

/** Small arrays are compared by their elements, large ones and graphs by identity. */
function describeValue(value: unknown, identify: Identify): unknown {
  if (typeof value === "number")
    return Object.is(value, -0) ? "-0" : Number.isFinite(value) ? value : String(value);
  if (typeof value !== "object" || value === null) return value;
  if (isSubgraph(value)) return `graph ${identify(value)}`;
  if (!("dtype" in value && "data" in value)) return value;
  const array = value as NDArray;
  if (sizeOf(array.shape) > 64)
    return `array ${identify(array.data)} ${array.dtype} ${array.shape.join(",")}`;
  return `array ${array.dtype} ${array.shape.join(",")} ${Array.from(array.data as ArrayLike<number | bigint>, (element) => (Object.is(element, -0) ? "-0" : String(element))).join(",")}`;
}
