// Steps whose gradient is changed on the host before the update sees it: two graphs, and what lies between them.
import { itemAt } from "../engine/lists.ts";
import { type NDArray, zerosArray } from "../engine/ndarray.ts";
import * as tree from "../engine/tree.ts";
import { compileTrees } from "./compile-trees.ts";
import type { Batch } from "./sampler.ts";
import { asInt32, fillInputs, fillSteps, stepArraysLike, stepTree } from "./step-arrays.ts";
import {
  batchGradient,
  type GradientTransform,
  type StepperOptions,
  type StepTensors,
  tracedCarry,
  tracedStep,
  update,
} from "./step-graph.ts";
import type { Carry, StepCall } from "./stepper.ts";
import {
  type ArrayTree,
  arraysOf,
  branchAt,
  mapTensors,
  type NamedArrays,
  type TensorTree,
  tensorAt,
  zerosOf,
} from "./trees.ts";

/** Compiles the steps of batches like this one. */
export async function makeTransformedCall(
  options: StepperOptions & { readonly transformGradient: GradientTransform },
  like: Carry,
  first: Batch,
  extra: NamedArrays,
): Promise<StepCall> {
  const { data, transformGradient } = options;
  const dtype = arraysOf(like.parameters)[0]?.dtype ?? "float32";
  const rows = arraysOf(data)[0]?.shape[0] ?? 0;
  const arrays = stepArraysLike(first, extra, { length: 1, dtype });
  const gradientGraph = await compileTrees(
    (carry, tables, steps) => {
      const found = batchGradient(options, tracedCarry(carry), tables, onlyStep(steps));
      const { gradient, buffers, loss, rows: each } = found;
      return [gradient, buffers, { loss, ...(each === undefined ? {} : { rows: each }) }];
    },
    [like, data, stepTree(arrays)],
    options.compile,
  );
  const rate = zerosArray([], "float64");
  const updateGraph = await compileTrees(
    (state, gradient) => {
      const size = tensorAt(state, "rate");
      if (size === undefined) throw new TypeError("a step has a rate");
      const [parameters, optimizer] = [branchAt(state, "parameters"), branchAt(state, "optimizer")];
      return update(options, { parameters, optimizer }, gradient, size);
    },
    [{ parameters: like.parameters, optimizer: like.optimizer, rate }, like.parameters],
    options.compile,
  );
  const gradient = zerosOf(like.parameters) as NamedArrays;
  const [loss, each] = gradientGraph.outputs
    .slice(arraysOf(like.parameters).length + arraysOf(like.buffers).length)
    .map((output) => zerosArray(output.shape, output.dtype));
  const results = { loss: itemAt([loss], 0), ...(each === undefined ? {} : { rows: each }) };
  // Between the steps of one call the state is here.
  let spares: [Carry, Carry] | undefined;

  return {
    async run(from, into, { firstStep, batches, learningRates }, extras) {
      const losses: number[] = [];
      const rowLosses: number[] = [];
      let state = from;
      for (const [i, batch] of batches.entries()) {
        const step = firstStep + i;
        spares ??= [zerosOf(like) as Carry, zerosOf(like) as Carry];
        const next = i === batches.length - 1 ? into : itemAt(spares, i % 2);
        fillSteps(arrays, [batch], [itemAt(learningRates, i)], rows, step);
        fillInputs(arrays.inputs, itemAt(extras, i), 0);
        await gradientGraph.runInto([gradient, next.buffers, results], state, data, stepTree(arrays));
        losses.push(Number(results.loss.data[0]));
        if (each !== undefined) rowLosses.push(...(each.data as Float64Array));
        const { parameters, optimizer } = state;
        const context = { step, indices: asInt32(batch.indices), parameters };
        const transformed = await transformGradient(gradient, context);
        requireAlike(parameters, transformed);
        rate.data[0] = itemAt(learningRates, i);
        const moved = { parameters: next.parameters, optimizer: next.optimizer };
        await updateGraph.runInto(moved, { parameters, optimizer, rate }, transformed);
        state = next;
      }
      return {
        losses: Float64Array.from(losses),
        ...(each === undefined ? {} : { rowLosses: Float64Array.from(rowLosses) }),
      };
    },
    async dispose() {
      await gradientGraph.dispose();
      await updateGraph.dispose();
    },
  };
}

/** The first of stacked steps. */
function onlyStep(steps: TensorTree): StepTensors {
  return tracedStep(mapTensors((tensor) => tensor.reshape(tensor.shape.slice(1)), steps));
}

/** @throws RangeError when a transformation gave another tree of arrays than the gradient's */
function requireAlike(parameters: NamedArrays, transformed: NamedArrays): void {
  const found = tree.leavesLike(parameters as unknown, transformed as unknown) as NDArray[];
  for (const [i, array] of arraysOf(parameters as ArrayTree).entries())
    if (found[i]?.data.length !== array.data.length || found[i]?.dtype !== array.dtype)
      throw new RangeError(
        `train: transformGradient gave ${found[i]?.dtype}[${found[i]?.shape.join(", ")}] for ${tree.paths(parameters)[i]}; expected ${array.dtype}[${array.shape.join(", ")}]`,
      );
}
