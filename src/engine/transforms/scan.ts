import { isFloat } from "../dtype.ts";
import { fail } from "../errors.ts";
import { dependents, specOf, topologicalOrder } from "../graph.ts";
import { itemAt } from "../lists.ts";
import { expand } from "../ops/broadcast.ts";
import { describe } from "../ops/check.ts";
import { parameter, zeros, zerosLike } from "../ops/constants.ts";
import { add } from "../ops/elementwise.ts";
import { moveAxis, unsqueeze } from "../ops/shape.ts";
import {
  apply,
  type BatchArguments,
  type GradientArguments,
  type Op,
  type Spec,
  type Subgraph,
  type Tensor,
} from "../tensor.ts";
import * as tree from "../tree.ts";
import { backward } from "./backward.ts";
import { tensorLeaves } from "./grad.ts";
import { close, instantiate, parametersFor } from "./subgraph.ts";
import { batchSubgraph } from "./vmap.ts";

/**
 * A loop whose body is a graph. Inputs: the initial carries, the sequences, what the body captured. Outputs: the last
 * carries, the stacked results, and the carries that each step began with, which the reverse pass reads. Outputs that
 * nothing reads are not computed.
 */
interface ScanAttributes {
  readonly body: Subgraph;
  readonly carries: number;
  readonly sequences: number;
  readonly length: number;
  /** From the last element of the sequences to the first; results are stacked at the place of what they were made of. */
  readonly reverse: boolean;
}

const bodyOwner = "the body of a scan";
const reverseOwner = "the reverse pass of a scan";

export const scanOp: Op<ScanAttributes> = {
  name: "scan",
  outputs: (_, { body, carries, length }) => {
    const stacked = (spec: Spec): Spec => ({ shape: [length, ...spec.shape], dtype: spec.dtype });
    const results = body.results.map(specOf);
    return [
      ...results.slice(0, carries),
      ...results.slice(carries).map(stacked),
      ...results.slice(0, carries).map(stacked),
    ];
  },
  gradient: scanGradient,
  batch: scanBatch,
  // No steps: the carries stay as they are. The runtime refuses an empty sequence.
  lower: (inputs, attributes) => {
    if (attributes.length > 0) return undefined;
    const { carries } = attributes;
    const stacked = scanOp.outputs(inputs, attributes).slice(carries);
    return [...inputs.slice(0, carries), ...stacked.map(({ shape, dtype }) => zeros(shape, dtype))];
  },
  emit: (emitter, inputs, node, attributes) => {
    const { body, carries, sequences, reverse } = attributes;
    const stacked = body.results.length - carries;
    const own = body.parameters.slice(0, carries + sequences);
    const captured = body.parameters
      .slice(carries + sequences)
      .map((standIn, i) => [standIn, inputs[carries + sequences + i] ?? ""] as const);
    // Every result of the body, then the carries as they came in.
    const candidates = [...body.results, ...body.parameters.slice(0, carries)];
    const kept = candidates
      .map((_, output) => output)
      .filter((output) => output < carries || emitter.isUsed(node, output));
    const graph = emitter.subgraph(
      own,
      captured,
      kept.map((output) => itemAt(candidates, output)),
    );
    const scanOutputs = kept.length - carries;
    const names = emitter.node(
      "Scan",
      inputs.slice(0, carries + sequences),
      {
        body: graph,
        num_scan_inputs: sequences,
        scan_input_directions: new Array<number>(sequences).fill(Number(reverse)),
        scan_output_directions: new Array<number>(scanOutputs).fill(Number(reverse)),
      },
      kept.length,
    );
    const result = new Array<string>(carries + stacked + carries).fill("");
    for (const [i, output] of kept.entries()) result[output] = names[i] ?? "";
    return result;
  },
  flops: () => 0,
};

export interface ScanOptions {
  /** From the last element to the first. */
  readonly reverse?: boolean;
}

/**
 * A loop inside the graph: `body` takes the carry and one element of each sequence, and returns the next carry and a
 * result. All steps run in one call of the runtime.
 *
 * Differentiable in both directions and batchable: the reverse pass computes each step anew from the carry it began with.
 *
 * @param body from (carry, x) to [carry, y]; the carry keeps its structure, shapes and dtypes
 * @param init the first carry, a tree
 * @param xs a tree of sequences [length, ...]
 * @returns the last carry and the results of all steps, stacked on a new first axis
 * @throws GraphError when sequences differ in length or the carry changes its shape
 * @example const [total] = scan((sum, x) => [sum.add(x), sum], zeros([]), numbers);
 */
export function scan<Carry, X, Y>(
  body: (carry: Carry, x: X) => readonly [Carry, Y],
  init: Carry,
  xs: X,
  { reverse = false }: ScanOptions = {},
): [Carry, Y] {
  const initial = tensorLeaves(init, "scan");
  const sequences = tensorLeaves(xs, "scan");
  const length = sequences[0]?.shape[0];
  if (length === undefined) fail("scan", "needs at least one sequence with a first axis");
  for (const sequence of sequences)
    if (sequence.shape[0] !== length)
      fail("scan", `the sequences have different lengths: ${sequences.map(describe).join(" and ")}`);

  const carryParameters = parametersFor(initial.map(specOf), bodyOwner);
  const elementParameters = parametersFor(
    sequences.map(({ shape, dtype }) => ({ shape: shape.slice(1), dtype })),
    bodyOwner,
  );
  const [next, result] = body(
    tree.unflatten(init, carryParameters) as Carry,
    tree.unflatten(xs, elementParameters) as X,
  );
  const nextCarry = tensorLeaves(tree.leavesLike(init, next), "scan");
  for (const [i, tensor] of initial.entries()) {
    const after = nextCarry[i];
    if (after === undefined || after.dtype !== tensor.dtype || String(after.shape) !== String(tensor.shape))
      fail("scan", `the carry changes from ${describe(tensor)} to ${after ? describe(after) : "nothing"}`);
  }
  const results = tensorLeaves(result, "scan");
  const outputs = makeScan(
    initial,
    sequences,
    [...carryParameters, ...elementParameters],
    [...nextCarry, ...results],
    { length, reverse },
  );
  return [
    tree.unflatten(init, outputs.slice(0, initial.length)) as Carry,
    tree.unflatten(result, outputs.slice(initial.length, initial.length + results.length)) as Y,
  ];
}

/**
 * A scan node for a traced body; all of its outputs. Sequences that the body does not read are left out: what they were
 * computed from may be a value that exists only while a derivative is taken.
 */
function makeScan(
  initial: readonly Tensor[],
  sequences: readonly Tensor[],
  parameters: readonly Tensor[],
  results: readonly Tensor[],
  { length, reverse }: { readonly length: number; readonly reverse: boolean },
): Tensor[] {
  const read = new Set(topologicalOrder(results));
  const carries = initial.length;
  const elements = sequences.flatMap((sequence, i) => {
    const element = itemAt(parameters, carries + i);
    return read.has(element.node) ? [{ sequence, element }] : [];
  });
  // The runtime takes the number of steps from a sequence, so there has to be one.
  if (elements.length === 0)
    elements.push({
      sequence: zeros([length]),
      element: parameter([], "float32", bodyOwner),
    });
  const own = [...parameters.slice(0, carries), ...elements.map(({ element }) => element)];
  const { subgraph, captured } = close(own, results, bodyOwner);
  const attributes = { body: subgraph, carries, sequences: elements.length, length, reverse };
  return apply(scanOp, [...initial, ...elements.map(({ sequence }) => sequence), ...captured], attributes);
}

/**
 * The reverse pass is a scan the other way: its carries are the cotangents of the carries and the running sums of the
 * cotangents of what the body captured, its results the cotangents of the sequences.
 */
function scanGradient({
  inputs,
  outputs,
  attributes,
  cotangents,
  wanted,
}: GradientArguments<ScanAttributes>): (Tensor | undefined)[] {
  const { body, carries, sequences, length, reverse } = attributes;
  const stacked = body.results.length - carries;
  const active = activeParameters(attributes, wanted);
  const placesOf = (first: number, end: number): number[] =>
    body.parameters.slice(first, end).flatMap((_, i) => (active[first + i] ? [i] : []));
  const carryPlaces = placesOf(0, carries);
  const elementPlaces = placesOf(carries, carries + sequences);
  const capturedPlaces = placesOf(carries + sequences, body.parameters.length);
  const resultPlaces = body.results
    .slice(carries)
    .flatMap((result, i) => (isFloat(result.dtype) && cotangents[carries + i] !== undefined ? [i] : []));
  const bodyParameters = parametersFor(body.parameters.map(specOf), reverseOwner);
  const bodyResults = instantiate(body, bodyParameters);
  const pick = (list: readonly (Tensor | undefined)[], chosen: readonly number[], offset = 0): Tensor[] =>
    chosen.map((i) => itemAt(list, offset + i));

  // The cotangents of the stored carries join those of the carry at the step that began with them.
  const storedPlaces = carryPlaces.filter((i) => cotangents[carries + stacked + i] !== undefined);
  const carryFlow = parametersFor(pick(body.results, carryPlaces).map(specOf), reverseOwner);
  const sums = parametersFor(
    pick(body.parameters, capturedPlaces, carries + sequences).map(specOf),
    reverseOwner,
  );
  const resultFlow = parametersFor(pick(body.results, resultPlaces, carries).map(specOf), reverseOwner);
  const storedFlow = parametersFor(pick(body.results, storedPlaces).map(specOf), reverseOwner);

  // Only what is asked for is a source: a value that nobody differentiates must not draw others into the pass.
  const sources = bodyParameters.filter((_, place) => active[place]);
  const flows = backward(
    [...pick(bodyResults, carryPlaces), ...pick(bodyResults, resultPlaces, carries)],
    [...carryFlow, ...resultFlow],
    sources,
  );
  const flowAt = (place: number): Tensor | undefined => flows[sources.indexOf(itemAt(bodyParameters, place))];
  const flowOf = (place: number): Tensor => flowAt(place) ?? zerosLike(itemAt(bodyParameters, place));
  const nextCarryFlow = carryPlaces.map((place) => {
    const stored = storedFlow[storedPlaces.indexOf(place)];
    return stored === undefined ? flowOf(place) : add(flowOf(place), stored);
  });
  const nextSums = capturedPlaces.map((place, i) => {
    const flow = flowAt(carries + sequences + place);
    return flow === undefined ? itemAt(sums, i) : add(itemAt(sums, i), flow);
  });
  const elementFlows = elementPlaces.map((place) => flowOf(carries + place));

  const reversed = makeScan(
    [
      ...carryPlaces.map((i) => cotangents[i] ?? zerosLike(itemAt(outputs, i))),
      ...sums.map(({ shape, dtype }) => zeros(shape, dtype)),
    ],
    [
      ...outputs.slice(carries + stacked),
      ...inputs.slice(carries, carries + sequences),
      ...pick(cotangents, resultPlaces, carries),
      ...pick(cotangents, storedPlaces, carries + stacked),
    ],
    [...carryFlow, ...sums, ...bodyParameters.slice(0, carries + sequences), ...resultFlow, ...storedFlow],
    [...nextCarryFlow, ...nextSums, ...elementFlows].map((result) =>
      bindCaptured(result, bodyParameters, inputs, carries + sequences),
    ),
    { length, reverse: !reverse },
  );
  const leaving = new Array<Tensor | undefined>(inputs.length).fill(undefined);
  for (const [i, place] of carryPlaces.entries()) leaving[place] = reversed[i];
  for (const [i, place] of capturedPlaces.entries())
    leaving[carries + sequences + place] = reversed[carryPlaces.length + i];
  for (const [i, place] of elementPlaces.entries())
    leaving[carries + place] = reversed[carryPlaces.length + capturedPlaces.length + i];
  return leaving;
}

/**
 * Which of the body's parameters derivatives are taken with respect to: the wanted ones, and the carries that come to
 * depend on one of them as the loop goes round.
 */
function activeParameters({ body, carries }: ScanAttributes, wanted: readonly boolean[]): boolean[] {
  const active = body.parameters.map(({ dtype }, place) => isFloat(dtype) && wanted[place] === true);
  const order = topologicalOrder(body.results);
  for (let before = -1; before !== active.filter(Boolean).length; ) {
    before = active.filter(Boolean).length;
    const reached = dependents(
      order,
      body.parameters.filter((_, place) => active[place]),
    );
    for (const [place, result] of body.results.slice(0, carries).entries())
      if (isFloat(result.dtype) && reached.has(result.node)) active[place] = true;
  }
  return active;
}

/** Stand-ins of captured tensors, replaced by the tensors themselves. */
function bindCaptured(
  result: Tensor,
  parameters: readonly Tensor[],
  inputs: readonly Tensor[],
  first: number,
): Tensor {
  const captured = parameters.slice(first);
  return itemAt(instantiate({ parameters: captured, results: [result] }, inputs.slice(first)), 0);
}

/** All carries are batched; sequences and captured tensors only where they were. */
function scanBatch({
  inputs,
  batched,
  batchSize,
  attributes,
}: BatchArguments<ScanAttributes>): readonly Tensor[] {
  const { body, carries, sequences, length, reverse } = attributes;
  const isBatched = (i: number): boolean => i < carries || batched[i] === true;
  const values = inputs.map((input, i) => {
    if (i < carries && !batched[i]) return expand(unsqueeze(input, 0), [batchSize, ...input.shape]);
    // Sequences keep the steps first.
    return i >= carries && i < carries + sequences && batched[i] ? moveAxis(input, 0, 1) : input;
  });
  const parameters = body.parameters.map(({ shape: example, dtype }, i) => {
    const shape = isBatched(i) ? [batchSize, ...example] : example;
    return parameter(shape, dtype, bodyOwner);
  });
  const results = batchSubgraph(body, parameters, isBatched, batchSize);
  const outputs = apply(scanOp, values, {
    body: { parameters, results },
    carries,
    sequences,
    length,
    reverse,
  });
  return outputs.map((output, i) => (i < carries ? output : moveAxis(output, 1, 0)));
}
