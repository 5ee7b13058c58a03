// The compiled part of training: a graph for each number of steps in one call and each shape of batch. The data are one
// input, rows are gathered inside the graph, and the steps are a scan whose body is one update, so that a step is the
// same computation on the same numbers however many of them share a call.
import { itemAt } from "../engine/lists.ts";
import { zerosArray } from "../engine/ndarray.ts";
import { scan } from "../engine/transforms/scan.ts";
import { compileTrees } from "./compile-trees.ts";
import type { Batch } from "./sampler.ts";
import { asInt32, fillInputs, fillSteps, type StepRun, stepArraysLike, stepTree } from "./step-arrays.ts";
import {
  type CarryTensors,
  type StepperOptions,
  type StepTensors,
  takeStep,
  tracedCarry,
  tracedStep,
} from "./step-graph.ts";
import { makeTransformedCall } from "./transformed-steps.ts";
import { type ArrayTree, arraysOf, type NamedArrays, tensorsOf, tracedZeros, zerosOf } from "./trees.ts";

export type { StepRun } from "./step-arrays.ts";
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

/** Arrays that the next call with as many steps overwrites. */
export interface StepLosses {
  /** The mean loss of each step's batch at the parameters before the step. */
  readonly losses: Float32Array | Float64Array;
  /** The loss of each row, batch after batch; absent where the loss function gives one number for a batch. */
  readonly rowLosses?: Float32Array | Float64Array;
}

export interface Stepper {
  /** What it was made for. */
  readonly options: StepperOptions;
  /** The optimiser's state before the first step. */
  initialState(parameters: NamedArrays): Promise<ArrayTree>;
  /** Takes steps from one carry into the arrays of another. */
  run(from: Carry, into: Carry, steps: StepRun): Promise<StepLosses>;
  dispose(): Promise<void>;
}

/** How many compiled graphs are kept; the one that was not used for longest makes room. */
const keptGraphs = 24;

/** Compiled steps for batches of one shape. */
export interface StepCall {
  /** @param extras the further arrays of each step */
  run(from: Carry, into: Carry, steps: StepRun, extras: readonly NamedArrays[]): Promise<StepLosses>;
  dispose(): Promise<void>;
}

export function createStepper(options: StepperOptions): Stepper {
  const { optimizer, inputs, transformGradient } = options;
  const calls = new Map<string, Promise<StepCall>>();

  const callFor = async (
    from: Carry,
    length: number,
    first: Batch,
    extra: NamedArrays,
  ): Promise<StepCall> => {
    const shape = `${first.indices.length}${first.weights === undefined ? "" : " weighted"}`;
    // Steps that stop for a transformation share no call, whatever their number.
    const key = transformGradient === undefined ? `${length} x ${shape}` : shape;
    const known = calls.get(key);
    const call =
      known ??
      (transformGradient === undefined
        ? makeScannedCall(options, from, length, first, extra)
        : makeTransformedCall({ ...options, transformGradient }, from, first, extra));
    calls.delete(key);
    calls.set(key, call);
    if (calls.size > keptGraphs)
      for (const [oldest, unused] of calls) {
        calls.delete(oldest);
        await (await unused).dispose();
        break;
      }
    return call;
  };

  const runNow = async (from: Carry, into: Carry, steps: StepRun): Promise<StepLosses> => {
    const { firstStep, batches } = steps;
    const extras = batches.map(({ indices }, i) =>
      inputs === undefined ? {} : inputs(firstStep + i, asInt32(indices)),
    );
    const call = await callFor(from, batches.length, itemAt(batches, 0), itemAt(extras, 0));
    return call.run(from, into, steps, extras);
  };
  // The graphs' arrays are shared, so that calls (of two replays, say) go one after the other.
  let last: Promise<unknown> = Promise.resolve();

  return {
    options,

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
      const open = await Promise.allSettled(calls.values());
      calls.clear();
      for (const call of open) if (call.status === "fulfilled") await call.value.dispose();
    },
  };
}

async function makeScannedCall(
  options: StepperOptions,
  like: Carry,
  length: number,
  first: Batch,
  extra: NamedArrays,
): Promise<StepCall> {
  const { data } = options;
  const dtype = arraysOf(like.parameters)[0]?.dtype ?? "float32";
  const rows = arraysOf(data)[0]?.shape[0] ?? 0;
  const arrays = stepArraysLike(first, extra, { length, dtype });
  const executable = await compileTrees(
    (carry, tables, sequences) =>
      scan(
        (c: CarryTensors, step: StepTensors) => takeStep(options, c, tables, step),
        tracedCarry(carry),
        tracedStep(sequences),
      ),
    [like, data, stepTree(arrays)],
    options.compile,
  );
  const outputs = executable.outputs
    .slice(arraysOf(like).length)
    .map((output) => zerosArray(output.shape, output.dtype));
  const [loss, rowLosses] = outputs;
  const results = { loss: itemAt([loss], 0), ...(rowLosses === undefined ? {} : { rows: rowLosses }) };
  return {
    async run(from, into, { firstStep, batches, learningRates }, extras) {
      fillSteps(arrays, batches, learningRates, rows, firstStep);
      for (const [i, values] of extras.entries()) fillInputs(arrays.inputs, values, i);
      await executable.runInto([into, results], from, data, stepTree(arrays));
      return {
        losses: results.loss.data as Float64Array,
        ...(rowLosses === undefined ? {} : { rowLosses: rowLosses.data as Float64Array }),
      };
    },
    dispose: () => executable.dispose(),
  };
}
