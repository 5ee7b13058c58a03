// The compiled part of training: a graph for each number of steps in one call and each shape of batch. The data are one
// input, rows are gathered inside the graph, and the steps are a scan whose body is one update, so that a step is the
// same computation on the same numbers however many of them share a call.
import { itemAt } from "../engine/lists.ts";
import { type NDArray, zerosArray } from "../engine/ndarray.ts";
import type { Executable } from "../engine/runtime/compile.ts";
import { sizeOf } from "../engine/shape.ts";
import { scan } from "../engine/transforms/scan.ts";
import * as tree from "../engine/tree.ts";
import { compileTrees } from "./compile-trees.ts";
import type { Batch } from "./sampler.ts";
import { type CarryTensors, type StepperOptions, type StepTensors, takeStep } from "./step-graph.ts";
import {
  type ArrayTree,
  arraysOf,
  type NamedArrays,
  type TensorTree,
  tensorsOf,
  tracedZeros,
  withArrays,
  zerosOf,
} from "./trees.ts";

export type { StepperOptions } from "./step-graph.ts";

/** All that one step hands to the next. */
export type Carry = {
  readonly parameters: NamedArrays;
  readonly optimizer: ArrayTree;
  readonly buffers: NamedArrays;
};

/** The carry alone, out of something that has more. */
export function carryOf({ parameters, optimizer, buffers }: Carry): Carry {
  return { parameters, optimizer, buffers };
}

export interface StepRun {
  readonly firstStep: number;
  /** All of one size, and all with weights or all without. */
  readonly batches: readonly Batch[];
  readonly learningRates: readonly number[];
}

/** Arrays that the next call with as many steps overwrites. */
export interface StepLosses {
  /** The mean loss of each step's batch at the parameters before the step. */
  readonly losses: Float32Array | Float64Array;
  /** The loss of each row, batch after batch; absent where the loss function gives one number for a batch. */
  readonly rowLosses?: Float32Array | Float64Array;
}

export interface Stepper {
  /** The optimiser's state before the first step. */
  initialState(parameters: NamedArrays): Promise<ArrayTree>;
  /** Takes steps from one carry into the arrays of another. */
  run(from: Carry, into: Carry, steps: StepRun): Promise<StepLosses>;
  dispose(): Promise<void>;
}

/** How many compiled graphs are kept; the one that was not used for longest makes room. */
const keptGraphs = 24;

type StepArrays = {
  readonly indices: NDArray;
  readonly rate: NDArray;
  readonly weights?: NDArray;
  readonly inputs: NamedArrays;
};

interface Graph {
  readonly executable: Executable<readonly ArrayTree[], ArrayTree>;
  readonly steps: StepArrays;
  readonly results: { readonly loss: NDArray } | { readonly loss: NDArray; readonly rows: NDArray };
}

export function createStepper(options: StepperOptions): Stepper {
  const { optimizer, data, inputs } = options;
  const graphs = new Map<string, Promise<Graph>>();
  const rows = arraysOf(data)[0]?.shape[0] ?? 0;

  const graphFor = async (from: Carry, length: number, first: Batch, extra: NamedArrays): Promise<Graph> => {
    const key = `${length} x ${first.indices.length}${first.weights === undefined ? "" : " weighted"}`;
    const known = graphs.get(key);
    const graph = known ?? makeGraph(options, from, length, first, extra);
    graphs.delete(key);
    graphs.set(key, graph);
    if (graphs.size > keptGraphs)
      for (const [oldest, unused] of graphs) {
        graphs.delete(oldest);
        await (await unused).executable.dispose();
        break;
      }
    return graph;
  };

  const runNow = async (
    from: Carry,
    into: Carry,
    { firstStep, batches, learningRates }: StepRun,
  ): Promise<StepLosses> => {
    const first = itemAt(batches, 0);
    const extras = batches.map(({ indices }, i) =>
      inputs === undefined ? {} : inputs(firstStep + i, asInt32(indices)),
    );
    const { executable, steps, results } = await graphFor(from, batches.length, first, itemAt(extras, 0));
    fillSteps(steps, batches, learningRates, rows, firstStep);
    for (const [i, extra] of extras.entries()) fillInputs(steps.inputs, extra, i);
    await executable.runInto([into, results], from, data, asTree(steps));
    return {
      losses: results.loss.data as Float64Array,
      ...("rows" in results ? { rowLosses: results.rows.data as Float64Array } : {}),
    };
  };
  // The graphs' arrays are shared, so that calls (of two replays, say) go one after the other.
  let last: Promise<unknown> = Promise.resolve();

  return {
    async initialState(parameters) {
      // An optimiser that remembers nothing has nothing to compile.
      const like = optimizer.init(tracedZeros(parameters));
      if (tensorsOf(like).length === 0) return zerosOf(like);
      const init = await compileTrees((p) => optimizer.init(p), [parameters], options.compile);
      const state = await init.run(parameters);
      await init.dispose();
      return state;
    },

    run(from, into, steps) {
      const result = last.then(() => runNow(from, into, steps));
      last = result.catch(() => {});
      return result;
    },

    async dispose() {
      const open = await Promise.allSettled(graphs.values());
      graphs.clear();
      for (const graph of open) if (graph.status === "fulfilled") await graph.value.executable.dispose();
    },
  };
}

function asTree({ weights, ...others }: StepArrays): ArrayTree {
  return weights === undefined ? others : { ...others, weights };
}

async function makeGraph(
  options: StepperOptions,
  from: Carry,
  length: number,
  { indices, weights }: Batch,
  extra: NamedArrays,
): Promise<Graph> {
  const dtype = arraysOf(from.parameters)[0]?.dtype ?? "float32";
  const stacked = withArrays(
    extra,
    arraysOf(extra).map(({ shape, dtype: type }) => zerosArray([length, ...shape], type)),
  );
  const steps: StepArrays = {
    indices: zerosArray([length, indices.length], "int32"),
    rate: zerosArray([length], "float64"),
    ...(weights === undefined ? {} : { weights: zerosArray([length, indices.length], dtype) }),
    inputs: stacked,
  };
  const executable = await compileTrees(
    (carry, data, sequences) =>
      scan(
        (c: CarryTensors, step: StepTensors) => takeStep(options, c, data as TensorTree, step),
        carry as unknown as CarryTensors,
        sequences as unknown as StepTensors,
      ) as unknown as TensorTree,
    [from, options.data, asTree(steps)],
    options.compile,
  );
  const outputs = executable.outputs
    .slice(arraysOf(from).length)
    .map((output): NDArray => zerosArray(output.shape, output.dtype));
  const [loss, rowLosses] = outputs;
  const results = { loss: itemAt([loss], 0), ...(rowLosses === undefined ? {} : { rows: rowLosses }) };
  return { executable, steps, results };
}

function asInt32(indices: Batch["indices"]): Int32Array {
  return indices instanceof Int32Array ? indices : Int32Array.from(indices, Number);
}

function fillSteps(
  steps: Graph["steps"],
  batches: readonly Batch[],
  learningRates: readonly number[],
  rows: number,
  firstStep: number,
): void {
  const indices = steps.indices.data as Int32Array;
  const rates = steps.rate.data as Float64Array;
  const weights = steps.weights?.data as Float64Array | undefined;
  let place = 0;
  for (const [i, batch] of batches.entries()) {
    const rate = itemAt(learningRates, i);
    if (!Number.isFinite(rate))
      throw new RangeError(`train: the schedule gives the learning rate ${rate} at step ${firstStep + i}`);
    if (batch.indices.length === 0)
      throw new RangeError(`train: the batch of step ${firstStep + i} is empty`);
    rates[i] = rate;
    for (let k = 0; k < batch.indices.length; k++, place++) {
      const row = Number(batch.indices[k]);
      if (!(row >= 0 && row < rows))
        throw new RangeError(`train: the batch of step ${firstStep + i} has row ${row} of ${rows}`);
      indices[place] = row;
      if (weights !== undefined) weights[place] = batch.weights?.[k] ?? 1;
    }
  }
}

function fillInputs(stacked: NamedArrays, extra: NamedArrays, step: number): void {
  const sources = tree.leavesLike(stacked as unknown, extra as unknown) as NDArray[];
  for (const [i, target] of arraysOf(stacked).entries()) {
    const source = itemAt(sources, i);
    const size = sizeOf(target.shape.slice(1));
    if (source.dtype !== target.dtype || source.data.length !== size)
      throw new RangeError(
        `train: an input of a step is ${source.dtype}[${source.shape.join(", ")}], the first was ${target.dtype}[${target.shape.slice(1).join(", ")}]`,
      );
    (target.data as Float64Array).set(source.data as Float64Array, step * size);
  }
}
