// Recorded steps as one call of a compiled graph sees them: their states, rows and rates, stacked.
import { itemAt } from "../engine/lists.ts";
import { type NDArray, zerosArray } from "../engine/ndarray.ts";
import { sizeOf } from "../engine/shape.ts";
import type { RecordedStep, TrainingRecord } from "./record.ts";
import type { Batch } from "./sampler.ts";
import { asInt32, fillInputs, fillSteps, stepArraysLike, stepTree } from "./step-arrays.ts";
import { type StepperOptions, type StepTensors, tracedStep } from "./step-graph.ts";
import {
  type ArrayTree,
  arraysOf,
  branchAt,
  bytesOf,
  type NamedArrays,
  type TensorTree,
  withArrays,
} from "./trees.ts";

/** Steps of one call: as many as their states take this much, which a call's cost is small beside. */
const stackedBytes = 2 ** 22;
const mostSteps = 32;

/**
 * Recorded steps in lists, each with the call that takes lists like it: compiled once for each length and shape of batch, and
 * freed when the walk ends.
 *
 * @param options.compile a call for lists like the one given
 */
export async function* callsAlong<Call extends { dispose(): Promise<void> }>(
  record: TrainingRecord,
  steps: AsyncIterable<RecordedStep>,
  {
    compile,
    signal,
  }: {
    readonly compile: (like: readonly RecordedStep[]) => Promise<Call>;
    readonly signal: AbortSignal | undefined;
  },
): AsyncGenerator<{ readonly list: readonly RecordedStep[]; readonly call: Call }> {
  const calls = new Map<string, Promise<Call>>();
  try {
    for await (const list of stretches(record, steps)) {
      signal?.throwIfAborted();
      const { indices, weights } = itemAt(list, 0).batch;
      const key = `${list.length} x ${indices.length}${weights === undefined ? "" : " weighted"}`;
      const call = calls.get(key) ?? compile(list);
      calls.set(key, call);
      yield { list, call: await call };
    }
  } finally {
    for (const call of await Promise.allSettled(calls.values()))
      if (call.status === "fulfilled") await call.value.dispose();
  }
}

/**
 * Recorded steps in lists for one call each: of one batch size, in the order in which they come. The steps of an epoch that
 * share a size are divided evenly, as lists of another length would each be a graph to compile; what is left over is
 * taken step by step.
 */
async function* stretches(
  { firstStep, batches }: TrainingRecord,
  steps: AsyncIterable<RecordedStep>,
): AsyncGenerator<readonly RecordedStep[]> {
  const runs = runLengths(batches);
  let held: RecordedStep[] = [];
  let length = 1;
  for await (const step of steps) {
    const [first] = held;
    if (first !== undefined && !haveOneShape(first.batch, step.batch)) {
      for (const one of held) yield [one];
      held = [];
    }
    if (held.length === 0) {
      const most = Math.max(1, Math.min(mostSteps, Math.floor(stackedBytes / bytesOf(step.parameters))));
      const run = runs[step.step - firstStep] ?? 1;
      length = Math.floor(run / Math.ceil(run / most));
    }
    held.push(step);
    if (held.length < length) continue;
    yield held;
    held = [];
  }
  for (const one of held) yield [one];
}

/** For each step, how many consecutive ones around it have batches of its shape. */
function runLengths(batches: readonly Batch[]): Int32Array {
  const lengths = new Int32Array(batches.length);
  for (let begin = 0; begin < batches.length; ) {
    let end = begin + 1;
    while (end < batches.length && haveOneShape(itemAt(batches, begin), itemAt(batches, end))) end++;
    lengths.fill(end - begin, begin, end);
    begin = end;
  }
  return lengths;
}

function haveOneShape(a: Batch, b: Batch): boolean {
  return a.indices.length === b.indices.length && (a.weights === undefined) === (b.weights === undefined);
}

/** What one call takes: [steps, ...] each. */
export type StackedSteps = {
  readonly parameters: NamedArrays;
  readonly optimizer: ArrayTree;
  readonly step: ArrayTree;
};

/** The parts of a stacked step's tensors. */
export function stackedStep(recorded: TensorTree): {
  readonly parameters: TensorTree;
  readonly optimizer: TensorTree;
  readonly step: StepTensors;
} {
  return {
    parameters: branchAt(recorded, "parameters"),
    optimizer: branchAt(recorded, "optimizer"),
    step: tracedStep(branchAt(recorded, "step")),
  };
}

/** Arrays for calls with lists like this one, and what fills them. */
export function stackSteps(
  { data, inputs }: Pick<StepperOptions, "data" | "inputs">,
  like: readonly RecordedStep[],
): { readonly arrays: StackedSteps; fill(list: readonly RecordedStep[]): void } {
  const first = itemAt(like, 0);
  const length = like.length;
  const dtype = arraysOf(first.parameters)[0]?.dtype ?? "float32";
  const rows = arraysOf(data)[0]?.shape[0] ?? 0;
  const extrasOf = ({ step, batch }: RecordedStep): NamedArrays =>
    inputs?.(step, asInt32(batch.indices)) ?? {};
  const stepArrays = stepArraysLike(first.batch, extrasOf(first), { length, dtype });
  const states = {
    parameters: stackOf(first.parameters, length),
    optimizer: stackOf(first.optimizer, length),
  };
  return {
    arrays: { ...states, step: stepTree(stepArrays) },
    fill(list) {
      fillSteps(
        stepArrays,
        list.map(({ batch }) => batch),
        list.map(({ learningRate }) => learningRate),
        rows,
        itemAt(list, 0).step,
      );
      for (const [i, recorded] of list.entries()) {
        if (inputs !== undefined) fillInputs(stepArrays.inputs, extrasOf(recorded), i);
        writeAt(states.parameters, recorded.parameters, i);
        writeAt(states.optimizer, recorded.optimizer, i);
      }
    },
  };
}

/** Zeros [count, ...] for each array of a tree. */
export function stackOf<T extends ArrayTree>(like: T, count: number): T {
  return withArrays(
    like,
    arraysOf(like).map(({ shape, dtype }) => zerosArray([count, ...shape], dtype)),
  );
}

/** Writes the arrays of a tree into place i of a stack of them. */
export function writeAt(stack: ArrayTree, values: ArrayTree, i: number): void {
  const sources = arraysOf(values);
  for (const [k, target] of arraysOf(stack).entries()) {
    const source = itemAt(sources, k);
    (target.data as Float64Array).set(source.data as Float64Array, i * source.data.length);
  }
}

/** A copy of the arrays at place i of a stack. */
export function readAt<T extends ArrayTree>(stack: T, i: number): T {
  return withArrays(
    stack,
    arraysOf(stack).map(({ shape, dtype, data }): NDArray => {
      const size = sizeOf(shape.slice(1));
      return { dtype, shape: shape.slice(1), data: data.slice(i * size, (i + 1) * size) } as NDArray;
    }),
  );
}
