import { dependents, substitute, TensorMap, topologicalOrder } from "../graph.ts";
import { constantOp, fullOp, parameter } from "../ops/constants.ts";
import type { Node, Op, Spec, Subgraph, Tensor } from "../tensor.ts";

/**
 * A function traced on its own, for the body of a loop or a branch.
 *
 * `subgraph` depends on nothing but its parameters: what the function took from outside became parameters behind its
 * own, and `captured` has the outside tensors they stand for, in that order.
 */
export interface Closure {
  readonly subgraph: Subgraph;
  readonly captured: readonly Tensor[];
}

/** Fresh parameters for values of these specs. */
export function parametersFor(specs: readonly Spec[], owner: string): Tensor[] {
  return specs.map(({ shape, dtype }) => parameter(shape, dtype, owner));
}

/** Turns results that depend on `parameters` and on anything else into a closed graph and what it took from outside. */
export function close(parameters: readonly Tensor[], results: readonly Tensor[], owner: string): Closure {
  const order = topologicalOrder(results);
  const inside = dependents(order, parameters);
  const stands = new TensorMap<Tensor>();
  const captured: Tensor[] = [];
  const standIns: Tensor[] = [];
  const capture = (tensor: Tensor): void => {
    if (inside.has(tensor.node) || isConstant(tensor.node) || stands.has(tensor)) return;
    const standIn = parameter(tensor.shape, tensor.dtype, owner);
    stands.set(tensor, standIn);
    captured.push(tensor);
    standIns.push(standIn);
  };
  for (const node of order) if (inside.has(node)) node.inputs.forEach(capture);
  results.forEach(capture);
  return {
    subgraph: { parameters: [...parameters, ...standIns], results: substitute(results, stands) },
    captured,
  };
}

/** Constants are written inside the body; capturing them would gain nothing. */
function isConstant(node: Node): boolean {
  return node.op === (constantOp as Op) || node.op === (fullOp as Op);
}

/** The results of a closed graph on other values of its parameters. */
export function instantiate({ parameters, results }: Subgraph, values: readonly Tensor[]): Tensor[] {
  const replacements = new TensorMap<Tensor>();
  for (const [i, parameterTensor] of parameters.entries()) {
    const value = values[i];
    if (value !== undefined) replacements.set(parameterTensor, value);
  }
  return substitute(results, replacements);
}
