/** How long the gradients of rows are, and those of a recorded training in the steps that took them. */
import { itemAt } from "../engine/lists.ts";
import * as op from "../engine/ops/index.ts";
import type { Tensor } from "../engine/tensor.ts";
import { valueAndGrad } from "../engine/transforms/grad.ts";
import { scan } from "../engine/transforms/scan.ts";
import { vmap } from "../engine/transforms/vmap.ts";
import { compileTrees } from "./compile-trees.ts";
import { internalsOf, type RecordedStep, type TrainingRecord } from "./record.ts";
import { differentiableOptions } from "./record-adjoint.ts";
import { callsAlong, stackedStep, stackSteps } from "./record-steps.ts";
import { replayForward } from "./replay.ts";
import type { Batch } from "./sampler.ts";
import type { StepperOptions } from "./step-graph.ts";
import { arraysOf, mapTensors, type TensorTree, tensorsOf } from "./trees.ts";

/**
 * The Euclidean norm of the gradient of each row's loss [B].
 *
 * @param lossOf the loss of a batch of one row
 */
export function gradientNormsOfRows(
  lossOf: (parameters: TensorTree, row: TensorTree) => Tensor,
  parameters: TensorTree,
  batch: TensorTree,
): Tensor {
  const ofRow = (row: TensorTree): Tensor => {
    const one = mapTensors((tensor) => op.unsqueeze(tensor, 0), row);
    const [, slope] = valueAndGrad((values: TensorTree) => op.sum(lossOf(values, one)))(parameters);
    return op.sqrt(
      tensorsOf(slope)
        .map((leaf) => op.sum(op.square(leaf)))
        .reduce((sum, square) => sum.add(square)),
    );
  };
  return vmap(ofRow, [0])(batch);
}

export interface StepGradientNorms {
  readonly step: number;
  readonly batch: Batch;
  readonly learningRate: number;
  /** Of the loss of each row of the batch [B] as the training had it, with its penalty, before any weight. */
  readonly norms: Float64Array;
}

/**
 * The norms of the gradients of each batch's rows at the parameters before its step, in the order of the steps.
 *
 * @throws RangeError when rows of a batch depend on one another, or its steps had inputs of their own
 */
export async function* recordedGradientNorms(
  record: TrainingRecord,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): AsyncGenerator<StepGradientNorms> {
  const { stepper, store } = internalsOf(record);
  const options = differentiableOptions(stepper.options, await store.get(record.firstStep), "exact");
  if (options.inputs !== undefined)
    throw new RangeError(
      "the gradients of a training's rows: its steps had inputs of their own, which belong to no row",
    );
  const compile = (list: readonly RecordedStep[]): Promise<NormsCall> => compileNorms(options, list);
  for await (const { list, call } of callsAlong(record, replayForward(record), { compile, signal }))
    for (const [i, norms] of (await call.run(list)).entries()) {
      const { step, batch, learningRate } = itemAt(list, i);
      yield { step, batch, learningRate, norms };
    }
}

interface NormsCall {
  run(list: readonly RecordedStep[]): Promise<Float64Array[]>;
  dispose(): Promise<void>;
}

async function compileNorms(options: StepperOptions, like: readonly RecordedStep[]): Promise<NormsCall> {
  const { arrays, fill } = stackSteps(options, like);
  const lossOf = (parameters: TensorTree, row: TensorTree): Tensor =>
    options.problem.train(parameters, {}, row, {}).loss;
  const executable = await compileTrees(
    (data, steps) => {
      const [, norms] = scan(
        (none: TensorTree, at: TensorTree): readonly [TensorTree, TensorTree] => {
          const { parameters, step } = stackedStep(at);
          const batch = mapTensors((table) => op.take(table, step.indices), data);
          return [none, gradientNormsOfRows(lossOf, parameters, batch)];
        },
        {} as TensorTree,
        steps,
      );
      return norms;
    },
    [options.data, arrays],
    options.compile,
  );
  return {
    async run(list) {
      fill(list);
      const [found] = arraysOf(await executable.run(options.data, arrays));
      const values = Float64Array.from(found?.data ?? [], Number);
      const size = values.length / list.length;
      return list.map((_, i) => values.slice(i * size, (i + 1) * size));
    },
    dispose: () => executable.dispose(),
  };
}
