import { isSubgraph, mapBodies, TensorMap, topologicalOrder } from "../graph.ts";
import type { NDArray } from "../ndarray.ts";
import { parameterOp } from "../ops/constants.ts";
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

/** Numbers that stand for objects, the same for the same object and for arrays of the same elements. */
function identities(): Identify {
  const numbers = new Map<object, number>();
  const arrays = new Map<number, NDArray[]>();
  const canonical = (value: object): object => {
    if (!isArray(value)) return value;
    const hash = hashBytes(value);
    const bucket = arrays.get(hash) ?? [];
    arrays.set(hash, bucket);
    const equal = bucket.find((other) => sameArray(other, value));
    if (equal === undefined) bucket.push(value);
    return equal ?? value;
  };
  return (value) => {
    const known = numbers.get(value);
    if (known !== undefined) return known;
    const standard = canonical(value);
    const number = numbers.get(standard) ?? numbers.size;
    numbers.set(standard, number);
    numbers.set(value, number);
    return number;
  };
}

function isArray(value: object): value is NDArray {
  return "dtype" in value && "data" in value;
}

function bytesOf({ data }: NDArray): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** FNV-1a over the bytes. */
function hashBytes(array: NDArray): number {
  let hash = 0x811c9dc5;
  for (const byte of bytesOf(array)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash;
}

function sameArray(a: NDArray, b: NDArray): boolean {
  if (a.dtype !== b.dtype || a.shape.join() !== b.shape.join()) return false;
  const other = bytesOf(b);
  return bytesOf(a).every((byte, i) => byte === other[i]);
}

/** A text that two nodes share exactly when they compute the same. */
function keyOf(node: Node, identify: Identify): string {
  if (node.op === (parameterOp as Op)) return `parameter ${identify(node)}`;
  const inputs = node.inputs.map((input) => `${identify(input.node)}.${input.index}`).join(",");
  return `${node.op.name}(${inputs})${JSON.stringify(node.attributes, (_, value) => describeValue(value, identify))}`;
}

/** What JSON cannot tell apart, in words: arrays and graphs by their number, numbers that are not finite, minus zero. */
function describeValue(value: unknown, identify: Identify): unknown {
  if (typeof value === "number")
    return Object.is(value, -0) ? "-0" : Number.isFinite(value) ? value : String(value);
  if (typeof value !== "object" || value === null) return value;
  return isSubgraph(value) || isArray(value) ? `object ${identify(value)}` : value;
}
