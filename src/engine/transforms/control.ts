import { isFloat } from "../dtype.ts";
import { fail } from "../errors.ts";
import { specOf, topologicalOrder } from "../graph.ts";
import { itemAt } from "../lists.ts";
import { expand } from "../ops/broadcast.ts";
import { describe } from "../ops/check.ts";
import { parameter, zerosLike } from "../ops/constants.ts";
import { where } from "../ops/elementwise.ts";
import { any } from "../ops/reduction.ts";
import { reshape, unsqueeze } from "../ops/shape.ts";
import {
  apply,
  type BatchArguments,
  type GradientArguments,
  type Op,
  type Subgraph,
  type Tensor,
} from "../tensor.ts";
import * as tree from "../tree.ts";
import { backward } from "./backward.ts";
import { tensorLeaves, withLeaves } from "./grad.ts";
import { close, instantiate, parametersFor } from "./subgraph.ts";
import { batchSubgraph } from "./vmap.ts";

/** Choices and loops decided while the graph runs. */

const branchOwner = "a branch of a cond";
const loopOwner = "the body of a whileLoop";

interface CondAttributes {
  readonly onTrue: Subgraph;
  readonly onFalse: Subgraph;
}

/** Inputs: the predicate, then the operands that both branches have as parameters. */
const condOp: Op<CondAttributes> = {
  name: "cond",
  outputs: (_, { onTrue }) => onTrue.results.map(specOf),
  gradient: condGradient,
  batch: condBatch,
  emit: (emitter, [predicate = "", ...operands], node, { onTrue, onFalse }) => {
    const branch = ({ parameters, results }: Subgraph) =>
      emitter.subgraph(
        [],
        parameters.map((standIn, i) => [standIn, operands[i] ?? ""] as const),
        results,
      );
    const branches = { then_branch: branch(onTrue), else_branch: branch(onFalse) };
    return emitter.node("If", [predicate], branches, node.outputs.length);
  },
  flops: () => 0,
};

/**
 * The result of one of two functions of the same operands, chosen while the graph runs; the other is not computed.
 *
 * @param predicate a scalar bool
 * @returns a tree; both functions must return one of the same structure, shapes and dtypes
 * @throws GraphError when the branches' results differ
 * @example cond(op.greater(x, 0), (x) => x, (x) => x.neg(), x)
 */
export function cond<Operands extends readonly unknown[], R>(
  predicate: Tensor,
  onTrue: (...operands: Operands) => R,
  onFalse: (...operands: Operands) => R,
  ...operands: Operands
): R {
  if (predicate.dtype !== "bool" || predicate.rank !== 0)
    fail("cond", `the predicate must be a scalar bool, got ${describe(predicate)}`);
  const values = tensorLeaves(operands, "cond");
  const parameters = parametersFor(values.map(specOf), branchOwner);
  const arguments_ = withLeaves(operands, parameters);
  const chosen = onTrue(...arguments_);
  const whenTrue = tensorLeaves(chosen, "cond");
  const whenFalse = tensorLeaves(tree.leavesLike(chosen, onFalse(...arguments_)), "cond");
  const describeAll = (tensors: readonly Tensor[]): string => tensors.map(describe).join(", ");
  if (describeAll(whenTrue) !== describeAll(whenFalse))
    fail("cond", `the branches return ${describeAll(whenTrue)} and ${describeAll(whenFalse)}`);
  // Both branches are closed together, so that they share one list of captured tensors.
  const { subgraph, captured } = close(parameters, [...whenTrue, ...whenFalse], branchOwner);
  const outputs = makeCond([predicate, ...values, ...captured], subgraph);
  return withLeaves(chosen, outputs);
}

/**
 * A cond whose branches are the two halves of a graph's results. Operands that neither branch reads are left out: what
 * they were computed from may be a value that exists only while a derivative is taken.
 */
function makeCond([predicate, ...operands]: readonly Tensor[], { parameters, results }: Subgraph): Tensor[] {
  const read = new Set(topologicalOrder(results));
  const places = parameters.flatMap((operand, place) => (read.has(operand.node) ? [place] : []));
  const pick = (list: readonly Tensor[]): Tensor[] => places.map((place) => itemAt(list, place));
  const half = results.length / 2;
  return apply(condOp, [itemAt([predicate], 0), ...pick(operands)], {
    onTrue: { parameters: pick(parameters), results: results.slice(0, half) },
    onFalse: { parameters: pick(parameters), results: results.slice(half) },
  });
}

function condGradient({
  inputs,
  attributes,
  cotangents,
  wanted,
}: GradientArguments<CondAttributes>): (Tensor | undefined)[] {
  const operands = parametersFor(inputs.slice(1).map(specOf), branchOwner);
  const arriving = cotangents.flatMap((flow, i) => (flow === undefined ? [] : [{ flow, i }]));
  const flows = parametersFor(
    arriving.map(({ flow }) => specOf(flow)),
    branchOwner,
  );
  const places = operands.flatMap((operand, i) => (wanted[i + 1] && isFloat(operand.dtype) ? [i] : []));
  const pull = (branch: Subgraph): Tensor[] => {
    const results = instantiate(branch, operands);
    const sources = places.map((place) => itemAt(operands, place));
    const pulled = backward(
      arriving.map(({ i }) => itemAt(results, i)),
      flows,
      sources,
    );
    return sources.map((source, i) => pulled[i] ?? zerosLike(source));
  };
  const results = [...pull(attributes.onTrue), ...pull(attributes.onFalse)];
  const pulled = makeCond([...inputs, ...arriving.map(({ flow }) => flow)], {
    parameters: [...operands, ...flows],
    results,
  });
  const leaving = new Array<Tensor | undefined>(inputs.length).fill(undefined);
  for (const [i, place] of places.entries()) leaving[place + 1] = pulled[i];
  return leaving;
}

/** One predicate for the batch chooses for all of it; one for each example computes both branches and selects. */
function condBatch({
  inputs,
  batched,
  batchSize,
  attributes,
}: BatchArguments<CondAttributes>): readonly Tensor[] {
  const predicate = itemAt(inputs, 0);
  const operands = inputs.slice(1);
  const branch = (graph: Subgraph, values: readonly Tensor[]): Tensor[] =>
    batchSubgraph(graph, values, (place) => batched[place + 1] === true, batchSize);
  if (batched[0]) {
    const whenFalse = branch(attributes.onFalse, operands);
    return branch(attributes.onTrue, operands).map((result, i) =>
      where(alignMask(predicate, result), result, itemAt(whenFalse, i)),
    );
  }
  const parameters = parametersFor(operands.map(specOf), branchOwner);
  const results = [...branch(attributes.onTrue, parameters), ...branch(attributes.onFalse, parameters)];
  return makeCond(inputs, { parameters, results });
}

/** A mask [B], with axes of size 1 so that it broadcasts over [B, ...]. */
function alignMask(mask: Tensor, x: Tensor): Tensor {
  return reshape(mask, [mask.size, ...new Array<number>(x.rank - 1).fill(1)]);
}

interface WhileAttributes {
  readonly carries: number;
  readonly condition: Subgraph;
  readonly body: Subgraph;
}

/** Inputs: the initial carries, then what the condition and the body captured. */
const whileOp: Op<WhileAttributes> = {
  name: "whileLoop",
  outputs: (_, { body }) => body.results.map(specOf),
  undifferentiable:
    "a whileLoop has no derivative: the number of its steps is known only while it runs; use scan",
  batch: whileBatch,
  emit: (emitter, inputs, node, { carries, condition, body }) => {
    const parameters = body.parameters.slice(0, carries);
    const captured = body.parameters
      .slice(carries)
      .map((standIn, i) => [standIn, inputs[carries + i] ?? ""] as const);
    const next = instantiate(condition, [...body.results, ...body.parameters.slice(carries)]);
    const loop = emitter.subgraph(
      [parameter([], "int64", loopOwner), parameter([], "bool", loopOwner), ...parameters],
      captured,
      [...next, ...body.results],
    );
    // The first test is a graph of its own: an If whose branches are that test.
    const first = emitter.subgraph(
      [],
      condition.parameters.map((standIn, i) => [standIn, inputs[i] ?? ""] as const),
      condition.results,
    );
    const [start = ""] = emitter.node("If", [emitter.scalar(1, "bool")], {
      then_branch: first,
      else_branch: first,
    });
    return emitter.node(
      "Loop",
      ["", start, ...inputs.slice(0, carries)],
      { body: loop },
      node.outputs.length,
    );
  },
  flops: () => 0,
};

/**
 * Repeats a body while a condition holds. Forward only: differentiating it is an error, use `scan`.
 *
 * @param condition from the carry to a scalar bool
 * @param body from the carry to the next one, of the same structure, shapes and dtypes
 * @param init the first carry, a tree
 * @returns the first carry for which the condition does not hold
 * @example whileLoop((n) => op.less(n, 100), (n) => n.mul(2), x)
 */
export function whileLoop<Carry>(
  condition: (carry: Carry) => Tensor,
  body: (carry: Carry) => Carry,
  init: Carry,
): Carry {
  const initial = tensorLeaves(init, "whileLoop");
  const parameters = parametersFor(initial.map(specOf), loopOwner);
  const carry = tree.unflatten(init, parameters) as Carry;
  const test = condition(carry);
  if (test.dtype !== "bool" || test.rank !== 0)
    fail("whileLoop", `the condition must return a scalar bool, got ${describe(test)}`);
  const next = tensorLeaves(tree.leavesLike(init, body(carry)), "whileLoop");
  for (const [i, tensor] of initial.entries()) {
    const after = next[i];
    if (after === undefined || describe(after) !== describe(tensor))
      fail(
        "whileLoop",
        `the carry changes from ${describe(tensor)} to ${after ? describe(after) : "nothing"}`,
      );
  }
  const { subgraph, captured } = close(parameters, [test, ...next], loopOwner);
  return tree.unflatten(init, makeWhile([...initial, ...captured], subgraph, initial.length)) as Carry;
}

/** A loop from a graph whose first result is the condition. */
function makeWhile(inputs: readonly Tensor[], { parameters, results }: Subgraph, carries: number): Tensor[] {
  return apply(whileOp, inputs, {
    carries,
    condition: { parameters, results: results.slice(0, 1) },
    body: { parameters, results: results.slice(1) },
  });
}

/** A batched loop runs while any example's condition holds; examples that are done keep their carry. */
function whileBatch({
  inputs,
  batched,
  batchSize,
  attributes,
}: BatchArguments<WhileAttributes>): readonly Tensor[] {
  const { carries, condition, body } = attributes;
  const isBatched = (i: number): boolean => i < carries || batched[i] === true;
  const values = inputs.map((input, i) =>
    i < carries && !batched[i] ? expand(unsqueeze(input, 0), [batchSize, ...input.shape]) : input,
  );
  const parameters = parametersFor(values.map(specOf), loopOwner);
  const evaluate = (graph: Subgraph): Tensor[] => batchSubgraph(graph, parameters, isBatched, batchSize);
  const running = itemAt(evaluate(condition), 0);
  const next = evaluate(body).map((result, i) =>
    where(alignMask(running, result), result, itemAt(parameters, i)),
  );
  return makeWhile(values, { parameters, results: [any(running), ...next] }, carries);
}
