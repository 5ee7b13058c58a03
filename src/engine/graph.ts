import { type Attributes, type Node, type Spec, type Subgraph, Tensor } from "./tensor.ts";

/**
 * The nodes that `outputs` are made of, every node after those it reads. The order depends on the graph's structure
 * alone. Iterative, so that graphs of any depth fit.
 *
 * @param known nodes that are not entered
 */
export function topologicalOrder(outputs: readonly Tensor[], known?: { has(node: Node): boolean }): Node[] {
  const order: Node[] = [];
  const seen = new Set<Node>();
  const stack: { node: Node; next: number }[] = [];
  const visit = (node: Node): void => {
    if (seen.has(node) || known?.has(node)) return;
    seen.add(node);
    stack.push({ node, next: 0 });
  };
  for (const output of outputs) {
    visit(output.node);
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const input = top.node.inputs[top.next++];
      if (input !== undefined) visit(input.node);
      else {
        order.push(top.node);
        stack.pop();
      }
    }
  }
  return order;
}

/** A map from tensors, where two tensors that are the same output of the same node are one key. */
export class TensorMap<V> {
  readonly #byNode = new Map<Node, V[]>();

  get(tensor: Tensor): V | undefined {
    return this.#byNode.get(tensor.node)?.[tensor.index];
  }

  set(tensor: Tensor, value: V): void {
    const values = this.#byNode.get(tensor.node);
    if (values === undefined) {
      const fresh: V[] = [];
      fresh[tensor.index] = value;
      this.#byNode.set(tensor.node, fresh);
    } else values[tensor.index] = value;
  }

  has(tensor: Tensor): boolean {
    return this.get(tensor) !== undefined;
  }
}

/** The nodes among `order` that depend on any of `sources` (the sources' own nodes included). */
export function dependents(order: readonly Node[], sources: readonly Tensor[]): Set<Node> {
  const reached = new Set<Node>(sources.map((source) => source.node));
  for (const node of order) if (node.inputs.some((input) => reached.has(input.node))) reached.add(node);
  return reached;
}

/**
 * `outputs` with tensors replaced: a tensor in `replacements` becomes its value, every node that reads a replaced one
 * is made anew. Everything else is shared with the original.
 */
export function substitute(outputs: readonly Tensor[], replacements: TensorMap<Tensor>): Tensor[] {
  const rebuilt = new Map<Node, Node>();
  const follow = (tensor: Tensor): Tensor => {
    const replacement = replacements.get(tensor);
    if (replacement !== undefined) return replacement;
    const node = rebuilt.get(tensor.node);
    return node === undefined ? tensor : new Tensor(node, tensor.index);
  };
  for (const node of topologicalOrder(outputs)) {
    const inputs = node.inputs.map(follow);
    if (inputs.some((input, i) => input !== node.inputs[i])) rebuilt.set(node, { ...node, inputs });
  }
  return outputs.map(follow);
}

export function specOf(tensor: Tensor): Spec {
  return { shape: tensor.shape, dtype: tensor.dtype };
}

/** A node whose bodies, if it is a loop or a branch, compute the results that `f` gives instead of theirs. */
export function mapBodies(node: Node, f: (results: readonly Tensor[]) => Tensor[]): Node {
  if (!Object.values(node.attributes).some(isSubgraph)) return node;
  const attributes = Object.fromEntries(
    Object.entries(node.attributes).map(([name, value]) => [
      name,
      isSubgraph(value) ? { parameters: value.parameters, results: f(value.results) } : value,
    ]),
  );
  return { ...node, attributes: attributes as Attributes };
}

/** Whether an attribute of a node is a graph. */
export function isSubgraph(value: unknown): value is Subgraph {
  return typeof value === "object" && value !== null && "parameters" in value && "results" in value;
}
