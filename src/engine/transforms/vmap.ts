import { fail } from "../errors.ts";
import { dependents, TensorMap, topologicalOrder } from "../graph.ts";
import { itemAt } from "../lists.ts";
import { expand } from "../ops/broadcast.ts";
import { describe } from "../ops/check.ts";
import { parameter } from "../ops/constants.ts";
import { moveAxis, unsqueeze } from "../ops/shape.ts";
import { type Subgraph, Tensor } from "../tensor.ts";
import * as tree from "../tree.ts";
import { tensorLeaves, withLeaves } from "./grad.ts";
import { instantiate } from "./subgraph.ts";

/** The axis mapped over: one for all leaves of an argument, a tree like it, or `null` for an argument that is shared. */
export type Axes = number | null | readonly Axes[] | { readonly [key: string]: Axes };

/**
 * A function of one example, as a function of a batch.
 *
 * @param inAxes for each argument the axis of its leaves that counts the examples, or `null`; all 0 by default
 * @param outAxes where that axis goes in the outputs
 * @throws GraphError when the arguments disagree on the number of examples
 * @example const perSample = vmap(grad(loss), [null, 0, 0]); // gradients [examples, ...parameter]
 */
export function vmap<Args extends readonly unknown[], R>(
  f: (...args: Args) => R,
  inAxes: readonly Axes[] = [],
  outAxes: Axes = 0,
): (...args: Args) => R {
  return (...args) => {
    if (inAxes.length > args.length)
      fail("vmap", `${inAxes.length} axes for a function of ${args.length} arguments`);
    let batchSize: number | undefined;
    const examples: Tensor[] = [];
    const batches: Tensor[] = [];
    const leaves = args.flatMap((argument, i) => {
      const axes = spreadAxes(inAxes[i] === undefined ? 0 : (inAxes[i] ?? null), argument);
      return tensorLeaves(argument, "vmap").map((leaf, j) => {
        const axis = axes[j];
        if (axis === null || axis === undefined) return leaf;
        if (axis < -leaf.rank || axis >= leaf.rank)
          fail("vmap", `axis ${axis} is outside ${describe(leaf)} (argument ${i})`);
        const batch = moveAxis(leaf, axis, 0);
        const size = batch.shape[0] ?? 0;
        if (batchSize !== undefined && size !== batchSize)
          fail(
            "vmap",
            `argument ${i} has ${size} examples in ${describe(leaf)}, those before it ${batchSize}`,
          );
        batchSize = size;
        const example = parameter(batch.shape.slice(1), leaf.dtype, "vmap");
        examples.push(example);
        batches.push(batch);
        return example;
      });
    });
    if (batchSize === undefined) fail("vmap", "no argument is mapped over: every axis is null");
    const output = f(...withLeaves(args, leaves));
    const results = tensorLeaves(output, "vmap");
    const outputAxes = spreadAxes(outAxes, output);
    if (outputAxes.includes(null))
      fail("vmap", "an output's axis cannot be null: every output has the examples");
    const batched = batchGraph(results, examples, batches, batchSize).map((result, i) => {
      const axis = outputAxes[i] ?? 0;
      return axis === 0 ? result : moveAxis(result, 0, axis);
    });
    return withLeaves(output, batched);
  };
}

/**
 * `results`, functions of the parameters `examples`, evaluated for a batch: all of them get the batch as axis 0. What
 * does not depend on the examples is computed once.
 */
export function batchGraph(
  results: readonly Tensor[],
  examples: readonly Tensor[],
  batches: readonly Tensor[],
  batchSize: number,
): Tensor[] {
  const order = topologicalOrder(results);
  const active = dependents(order, examples);
  const values = new TensorMap<Tensor>();
  for (const [i, example] of examples.entries()) {
    const batch = batches[i];
    if (batch !== undefined) values.set(example, batch);
  }
  for (const node of order) {
    if (!active.has(node) || node.inputs.length === 0) continue;
    const batched = node.inputs.map((input) => values.has(input));
    const outputs = node.op.batch({
      inputs: node.inputs.map((input) => values.get(input) ?? input),
      batched,
      batchSize,
      attributes: node.attributes,
    });
    for (const [index, output] of outputs.entries()) values.set(new Tensor(node, index), output);
  }
  return results.map(
    (result) => values.get(result) ?? expand(unsqueeze(result, 0), [batchSize, ...result.shape]),
  );
}

/** One axis for each leaf of `value`. */
function spreadAxes(axes: Axes, value: unknown): (number | null)[] {
  if (axes === null || typeof axes === "number") return tree.leaves(value).map(() => axes);
  if (typeof value !== "object" || value === null)
    return fail("vmap", "the tree of axes does not have the argument's structure");
  const branch = value as Readonly<Record<string, unknown>>;
  const given = axes as Readonly<Record<string, Axes>>;
  return Object.keys(branch).flatMap((key) =>
    spreadAxes(given[key] === undefined ? 0 : (given[key] ?? null), branch[key]),
  );
}

/**
 * A closed graph evaluated for a batch: `values` of its parameters have the batch as axis 0 where `isBatched` says so,
 * the others are shared.
 */
export function batchSubgraph(
  { parameters, results }: Subgraph,
  values: readonly Tensor[],
  isBatched: (place: number) => boolean,
  batchSize: number,
): Tensor[] {
  const own = parameters.flatMap((_, place) => (isBatched(place) ? [place] : []));
  const shared = parameters.flatMap((_, place) => (isBatched(place) ? [] : [place]));
  const pick = (list: readonly Tensor[], places: readonly number[]): Tensor[] =>
    places.map((place) => itemAt(list, place));
  const bound = instantiate({ parameters: pick(parameters, shared), results }, pick(values, shared));
  return batchGraph(bound, pick(parameters, own), pick(values, own), batchSize);
}
