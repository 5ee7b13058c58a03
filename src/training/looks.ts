// What looks into a training between its steps: evaluation, hooks, the record, checkpoints, the norm of the parameters.
import { statfs } from "node:fs/promises";
import { InputError } from "../data/input-error.ts";
import { makeFolder } from "../data/make-folder.ts";
import type { NDArray } from "../engine/ndarray.ts";
import * as tree from "../engine/tree.ts";
import { createEvaluator, type Evaluation, type Evaluator } from "./evaluator.ts";
import { requireClasses, rowsOf } from "./problem.ts";
import { createRecordWriter, type RecordOptions, type RecordWriter } from "./record.ts";
import { type Carry, carryOf, type Stepper } from "./stepper.ts";
import { type SelectedSteps, selectSteps } from "./steps.ts";
import type { AnyTrainOptions, StoppingOptions, TrainingPlan } from "./train-options.ts";
import type { StoppingState, TrainingState } from "./training-state.ts";
import { bytesOf, copyArrays } from "./trees.ts";

/** The parameters' norm is looked at every so many steps. */
const normEvery = 256;

/** What looks into the training, and when. */
export interface Looks {
  readonly evaluateAt: SelectedSteps;
  readonly evaluator?: Evaluator;
  readonly hooks: readonly {
    readonly at: SelectedSteps;
    readonly hook: NonNullable<AnyTrainOptions["hooks"]>[number];
  }[];
  readonly recordAt: SelectedSteps;
  readonly writer?: RecordWriter;
  readonly checkpointAt: SelectedSteps;
  readonly normAt: SelectedSteps;
}

export async function createLooks(
  options: AnyTrainOptions,
  plan: TrainingPlan,
  start: TrainingState,
  stepper: Stepper,
): Promise<Looks> {
  const { total, problem } = plan;
  const { stepsPerEpoch } = plan.sampler;
  const context = { total, stepsPerEpoch };
  const { evaluate, record, checkpoint } = options;
  const { at: recordAt, states } = recordedStates(options, plan);
  const carry = carryOf(start);
  if (record !== undefined) await requireRoom(states * bytesOf(carry), states, record);
  const looks = {
    evaluateAt: selectSteps(
      evaluate === undefined ? "none" : { every: evaluate.every ?? stepsPerEpoch ?? total },
      context,
    ),
    hooks: (options.hooks ?? []).map((hook) => ({ hook, at: selectSteps(hook.at, context) })),
    recordAt,
    checkpointAt: selectSteps(checkpoint === undefined ? "none" : { every: checkpoint.every }, context),
    normAt: selectSteps({ every: normEvery }, context),
    ...(record === undefined
      ? {}
      : { writer: await createRecordWriter(carry, stepper, start.step, { ...record, stepsPerEpoch }) }),
  };
  if (evaluate === undefined) return looks;
  const heldOut = evaluate.data;
  tree.leavesLike(options.data as unknown, heldOut as unknown);
  const count = rowsOf("evaluate.data", heldOut);
  if (options.model !== undefined)
    requireClasses("evaluate.data", heldOut.y as NDArray, options.model.classes);
  const evaluator = createEvaluator(problem, {
    data: heldOut,
    rows: count,
    batchSize: Math.min(evaluate.batchSize ?? 256, count),
    compile: options.compile,
  });
  return { ...looks, evaluator };
}

/** Which states a record stores, and how many with the first and the last one. */
export function recordedStates(
  { record }: Pick<AnyTrainOptions, "record">,
  { total, sampler: { stepsPerEpoch } }: Pick<TrainingPlan, "total" | "sampler">,
): { readonly at: SelectedSteps; readonly states: number } {
  const at = selectSteps(record === undefined ? "none" : (record.states ?? "sqrt"), { total, stepsPerEpoch });
  if (record === undefined) return { at, states: 0 };
  return { at, states: at.count + Number(!at.has(0)) + Number(!at.has(total)) };
}

/**
 * Refuses a record that will not fit, before anything is computed.
 *
 * @throws InputError when states of so many bytes are more than the budget or the disk has room for
 */
export async function requireRoom(
  bytes: number,
  states: number,
  { folder, budget = 2 ** 30 }: RecordOptions,
): Promise<void> {
  if (folder === undefined) {
    if (bytes <= budget) return;
    throw new InputError(
      `train: the record would take ${bytes} bytes for ${states} states; expected at most its budget of ${budget}, or a folder`,
    );
  }
  await makeFolder(folder);
  const { bavail, bsize } = await statfs(folder);
  if (bytes > bavail * bsize)
    throw new InputError(
      `${folder}: the record would take ${bytes} bytes for ${states} states; expected a place with as much room, found ${bavail * bsize}`,
    );
}

/** The first step after this one at which something looks. */
export function nextLook(looks: Looks, step: number, total: number): number {
  return Math.min(
    total,
    looks.evaluateAt.after(step),
    looks.recordAt.after(step),
    looks.checkpointAt.after(step),
    looks.normAt.after(step),
    ...looks.hooks.map(({ at }) => at.after(step)),
  );
}

/** Where early stopping stands after an evaluation. */
export function judge(
  before: StoppingState | null,
  evaluation: Evaluation,
  { parameters, buffers }: Carry,
  step: number,
  { measure = "loss", minimumImprovement = 0, restoreBest = true }: StoppingOptions,
): StoppingState {
  // Larger is better, for both.
  const value = measure === "loss" ? -evaluation.loss : evaluation.accuracy;
  if (value === undefined) throw new RangeError("train: stopping by accuracy needs integer classes y");
  if (before !== null && !(value > before.best + minimumImprovement))
    return { ...before, waited: before.waited + 1 };
  const kept = restoreBest ? copyArrays({ parameters, buffers }) : {};
  return { best: value, bestStep: step, waited: 0, ...kept };
}
