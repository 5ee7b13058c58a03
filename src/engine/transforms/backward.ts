import { isFloat } from "../dtype.ts";
import { fail } from "../errors.ts";
import { dependents, TensorMap, topologicalOrder } from "../graph.ts";
import { add } from "../ops/elementwise.ts";
import { type Node, Tensor } from "../tensor.ts";

/**
 * Reverse accumulation: the cotangents of `sources` that follow from cotangents of `outputs`.
 *
 * @returns one for each source; `undefined` where no output depends on it
 */
export function backward(
  outputs: readonly Tensor[],
  cotangents: readonly (Tensor | undefined)[],
  sources: readonly Tensor[],
): (Tensor | undefined)[] {
  const order = topologicalOrder(outputs);
  const active = dependents(order, sources);
  const flows = new TensorMap<Tensor>();
  const accumulate = (tensor: Tensor, flow: Tensor): void => {
    const before = flows.get(tensor);
    flows.set(tensor, before === undefined ? flow : add(before, flow));
  };
  for (const [i, output] of outputs.entries()) {
    const cotangent = cotangents[i];
    if (cotangent !== undefined && active.has(output.node) && isFloat(output.dtype))
      accumulate(output, cotangent);
  }
  const sourceNodes = new Set<Node>(sources.map((source) => source.node));
  for (const node of order.toReversed()) {
    if (!active.has(node) || sourceNodes.has(node)) continue;
    const results = node.outputs.map((_, index) => new Tensor(node, index));
    const arriving = results.map((result) => flows.get(result));
    if (arriving.every((flow) => flow === undefined)) continue;
    if (node.op.undifferentiable !== undefined) fail("grad", node.op.undifferentiable);
    if (node.op.gradient === undefined) continue;
    const wanted = node.inputs.map((input) => active.has(input.node) && isFloat(input.dtype));
    const leaving = node.op.gradient({
      inputs: node.inputs,
      outputs: results,
      attributes: node.attributes,
      cotangents: arriving,
      wanted,
    });
    for (const [i, input] of node.inputs.entries()) {
      const flow = leaving[i];
      if (flow !== undefined && wanted[i]) accumulate(input, flow);
    }
  }
  return sources.map((source) => flows.get(source));
}
