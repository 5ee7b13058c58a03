import { bytesPerElement } from "../dtype.ts";
import { isSubgraph, topologicalOrder } from "../graph.ts";
import { constantOp } from "../ops/constants.ts";
import { sizeOf } from "../shape.ts";
import { attributesIf, type Node, type Spec, Tensor } from "../tensor.ts";

/** What a compiled graph consists of. */
export interface Summary {
  /** How often each operation occurs, in the bodies of loops and branches too. */
  readonly operations: Readonly<Record<string, number>>;
  /** Elements of all inputs: parameters and data. */
  readonly inputElements: number;
  /** Elements of constants inside the graph. */
  readonly constantElements: number;
  /** Floating-point operations of one run: every step of a scan, both branches of a cond, one step of a whileLoop. */
  readonly flops: number;
  /** Bytes read and written at the boundary in one run. */
  readonly boundaryBytes: number;
}

/** What a graph of these outputs consists of. */
export function summarize(outputs: readonly Tensor[], inputs: readonly Spec[]): Summary {
  const operations: Record<string, number> = {};
  const totals = { constantElements: 0, flops: 0 };
  const count = (results: readonly Tensor[], times: number): void => {
    for (const node of topologicalOrder(results)) {
      const { name } = node.op;
      const constant = attributesIf(new Tensor(node, 0), constantOp);
      if (constant !== undefined) totals.constantElements += sizeOf(constant.array.shape);
      else if (name !== "parameter") operations[name] = (operations[name] ?? 0) + 1;
      totals.flops += times * flopsOf(node);
      for (const body of Object.values(node.attributes))
        if (isSubgraph(body)) count(body.results, times * stepsOf(node));
    }
  };
  count(outputs, 1);
  const elements = inputs.reduce((total, { shape }) => total + sizeOf(shape), 0);
  return {
    operations,
    inputElements: elements,
    ...totals,
    boundaryBytes: bytesOf(inputs) + bytesOf(outputs),
  };
}

function flopsOf(node: Node): number {
  return node.op.flops?.(node, node.attributes) ?? sizeOf(node.outputs[0]?.shape ?? []);
}

/** How often a node runs its bodies. */
function stepsOf({ attributes }: Node): number {
  return "length" in attributes && typeof attributes.length === "number" ? attributes.length : 1;
}

function bytesOf(specs: readonly Spec[]): number {
  return specs.reduce((total, { shape, dtype }) => total + sizeOf(shape) * bytesPerElement(dtype), 0);
}
