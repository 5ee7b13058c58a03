import * as tree from "../engine/tree.ts";
import { resumeRandomStream } from "../numeric/random.ts";
import { requireBoundedNorm, requireFiniteEvaluation, requireFiniteLosses } from "./divergence.ts";
import type { Evaluation } from "./evaluator.ts";
import { createLooks, judge, type Looks, nextLook, recordedStates } from "./looks.ts";
import { createPacing, type Stretch, type Walker, walk } from "./pacing.ts";
import { readRecord, type TrainingRecord } from "./record.ts";
import type { Batch } from "./sampler.ts";
import { type Carry, carryOf, createStepper, type Stepper } from "./stepper.ts";
import {
  type AnyTrainOptions,
  planTraining,
  type TrainingPlan,
  type TrainLossOptions,
  type TrainModelOptions,
} from "./train-options.ts";
import type { TrainingState } from "./training-state.ts";
import { bytesOf, copyArrays, type NamedArrays, normOf, tracedZeros, zerosOf } from "./trees.ts";

export interface TrainingResult<P = NamedArrays> {
  /** `stopped` by a hook, `stopped-early` by lack of patience, `aborted` by the signal. */
  readonly status: "done" | "stopped" | "stopped-early" | "aborted";
  /** The last ones, or those of the best evaluation where early stopping restores them. */
  readonly parameters: P;
  readonly buffers: NamedArrays;
  /** Where the training stood at its end; an aborted one is resumed from it. */
  readonly state: TrainingState;
  /** The mean loss of each step's batch before its update, from step `firstStep` on. */
  readonly losses: Float64Array;
  readonly firstStep: number;
  readonly evaluations: readonly ({ readonly step: number } & Evaluation)[];
  /** Where `record` was asked for. */
  readonly record?: TrainingRecord;
}

/**
 * Trains by mini-batches.
 *
 * The update is one compiled graph; as many steps as nothing has to look into go in one call of the runtime. The same
 * options give the same bits, however the steps are split into calls and whether or not the training was interrupted
 * and resumed (on the same kind of machine with the same number of threads).
 *
 * @param options the model and its { x, y }, or a loss function, its parameters and any tree of arrays
 * @throws RangeError for options that do not fit, before anything is computed
 * @throws DivergenceError when a loss is not finite or the parameters grow out of bounds, naming step and learning rate
 * @example
 * const { parameters, evaluations } = await train({
 *   model: lenet({ channels: 1 }), data: { x, y }, batchSize: 64, epochs: 5, seed: 1,
 *   optimizer: sgd({ momentum: 0.9 }), schedule: 0.05, evaluate: { data: test },
 * });
 */
export async function train(options: TrainModelOptions): Promise<TrainingResult>;
export async function train<P extends NamedArrays, D extends NamedArrays>(
  options: TrainLossOptions<P, D>,
): Promise<TrainingResult<P>>;
export async function train(given: unknown): Promise<TrainingResult> {
  const options = given as AnyTrainOptions;
  const plan = planTraining(options);
  const stepper = createStepper(plan.stepper);
  let keepsStepper = false;
  const disposals: (() => Promise<void>)[] = [];
  try {
    const start = await firstState(plan, options, (parameters) => stepper.initialState(parameters));
    const looks = await createLooks(options, plan, start, stepper);
    if (looks.evaluator !== undefined) disposals.push(looks.evaluator.dispose);
    const result = await runLoop(options, plan, stepper, start, looks);
    keepsStepper = result.record !== undefined;
    return result;
  } finally {
    if (!keepsStepper) await stepper.dispose();
    for (const dispose of disposals) await dispose();
  }
}

/**
 * The record in a folder, for `replay`, in a process that did not write it.
 *
 * @param options those of the training that wrote it: the graphs and the shapes come from them
 * @throws InputError when the folder holds no record, or one of other shapes
 */
export async function openRecord(folder: string, options: TrainModelOptions): Promise<TrainingRecord>;
export async function openRecord<P extends NamedArrays, D extends NamedArrays>(
  folder: string,
  options: TrainLossOptions<P, D>,
): Promise<TrainingRecord>;
export async function openRecord(folder: string, given: unknown): Promise<TrainingRecord> {
  const plan = planTraining(given as AnyTrainOptions);
  const stepper = createStepper(plan.stepper);
  const optimizer = await stepper.initialState(plan.parameters);
  return readRecord(folder, { parameters: plan.parameters, optimizer, buffers: plan.buffers }, stepper);
}

/**
 * What the states of a record will take, before anything is computed.
 *
 * @param options those of the training, with `record`
 */
export function recordSize(options: TrainModelOptions): { states: number; bytes: number };
export function recordSize<P extends NamedArrays, D extends NamedArrays>(
  options: TrainLossOptions<P, D>,
): { states: number; bytes: number };
export function recordSize(given: unknown): { states: number; bytes: number } {
  const options = given as AnyTrainOptions;
  const { stream } = options;
  // A copy of the stream: to look at a training must not change it.
  const plan = planTraining({ ...options, ...(stream && { stream: resumeRandomStream(stream.state()) }) });
  const optimizer = plan.optimizer.init(tracedZeros(plan.parameters));
  const { states } = recordedStates(options, plan);
  const { parameters, buffers } = plan;
  return { states, bytes: states * bytesOf({ parameters, optimizer, buffers }) };
}

async function firstState(
  { parameters, buffers, sampler, total }: TrainingPlan,
  { resume }: AnyTrainOptions,
  initialState: (parameters: NamedArrays) => Promise<Carry["optimizer"]>,
): Promise<TrainingState> {
  if (resume === undefined)
    return {
      step: 0,
      looked: -1,
      parameters: copyArrays(parameters),
      optimizer: await initialState(parameters),
      buffers: copyArrays(buffers),
      sampler: sampler.state(),
      pending: [],
      loss: Number.NaN,
      initialNorm: normOf(parameters),
      stopping: null,
    };
  if (resume.step > total)
    throw new RangeError(`train: the state to resume from is at step ${resume.step} of ${total}`);
  // A mismatch is told here, not by the runtime.
  tree.leavesLike(parameters as unknown, resume.parameters as unknown);
  sampler.restore(structuredClone(resume.sampler));
  return structuredClone(resume) as TrainingState;
}

async function runLoop(
  options: AnyTrainOptions,
  { sampler, learningRateOf, total }: TrainingPlan,
  stepper: Stepper,
  start: TrainingState,
  looks: Looks,
): Promise<TrainingResult> {
  const { signal, onProgress, stopping: stoppingOptions, maximumGrowth = 1e8 } = options;
  const { stepsPerEpoch } = sampler;
  const carry = carryOf(start);
  const walker: Walker = { carry, spare: zerosOf(carry) as Carry };
  const pacing = createPacing(options.stepsPerCall);
  const normBound = maximumGrowth * Math.max(1, start.initialNorm);
  const pending: Batch[] = [...start.pending];
  const losses: Float64Array[] = [];
  const evaluations: ({ step: number } & Evaluation)[] = [];
  let { step, looked, loss, stopping } = start;

  const stateNow = (): TrainingState => ({
    step,
    looked,
    ...copyArrays(walker.carry),
    sampler: structuredClone(sampler.state()),
    pending: pending.map(({ indices, weights }) => ({
      indices: indices.slice(),
      ...(weights === undefined ? {} : { weights: Float64Array.from(weights) }),
    })),
    loss,
    initialNorm: start.initialNorm,
    stopping: structuredClone(stopping),
  });

  /** Everything that looks at this step; whether the training ends here. */
  const look = async (): Promise<"stopped" | "stopped-early" | undefined> => {
    let end: "stopped" | "stopped-early" | undefined;
    const { parameters, optimizer, buffers } = walker.carry;
    if (looks.normAt.has(step) || step === total)
      requireBoundedNorm(normOf(parameters), normBound, step, learningRateOf);
    if (looks.evaluator !== undefined && (looks.evaluateAt.has(step) || step === total)) {
      const evaluation = await looks.evaluator.run(parameters, buffers);
      requireFiniteEvaluation(evaluation.loss, step, learningRateOf);
      evaluations.push({ step, ...evaluation });
      report(evaluation);
      if (stoppingOptions !== undefined) {
        stopping = judge(stopping, evaluation, walker.carry, step, stoppingOptions);
        if (stopping.waited >= stoppingOptions.patience) end = "stopped-early";
      }
    }
    for (const { at, hook } of looks.hooks)
      if (at.has(step)) {
        const view = { step, steps: total, parameters, optimizer, buffers, loss };
        if ((await hook.run({ ...view, learningRate: learningRateOf(step) })) === "stop") end ??= "stopped";
      }
    if (looks.recordAt.has(step) || step === start.step) await looks.writer?.put(step, walker.carry);
    looked = step;
    if (looks.checkpointAt.has(step) && step > start.step) await options.checkpoint?.save(stateNow());
    return end;
  };
  const report = (evaluation?: Evaluation): void =>
    onProgress?.({
      step,
      steps: total,
      epoch: stepsPerEpoch === undefined ? 0 : step / stepsPerEpoch,
      loss,
      learningRate: learningRateOf(Math.max(0, step - 1)),
      evaluation,
    });

  const finish = async (status: TrainingResult["status"]): Promise<TrainingResult> => {
    const isRestored = status !== "aborted" && (stoppingOptions?.restoreBest ?? true);
    const best = isRestored ? stopping : null;
    const record = await finishRecord();
    const state = stateNow();
    return {
      status,
      parameters: best?.parameters ?? state.parameters,
      buffers: best?.buffers ?? state.buffers,
      state,
      losses: concatenate(losses),
      firstStep: start.step,
      evaluations,
      ...(record === undefined ? {} : { record }),
    };
  };
  const finishRecord = async (): Promise<TrainingRecord | undefined> => {
    if (looks.writer === undefined) return undefined;
    await looks.writer.put(step, walker.carry);
    return looks.writer.finish(step);
  };

  for (;;) {
    if (looked !== step || step === start.step) {
      const end = looked === step ? await lookAgain() : await look();
      if (end !== undefined) return finish(end);
    }
    if (step >= total) return finish("done");
    const boundary = nextLook(looks, step, total);
    while (step < boundary) {
      if (signal?.aborted) return finish("aborted");
      await draw(boundary);
      // A resumed state may have drawn beyond what now looks earlier.
      const batches = pending.slice(0, boundary - step);
      const span = { firstStep: step, batches, learningRateOf, total };
      for await (const stretch of walk(stepper, walker, pacing, span)) {
        requireFiniteLosses(stretch.losses, stretch.firstStep, learningRateOf);
        pending.splice(0, stretch.batches.length);
        step += stretch.batches.length;
        loss = Number(stretch.losses.at(-1));
        losses.push(Float64Array.from(stretch.losses));
        const rates = stretch.batches.map((_, i) => learningRateOf(stretch.firstStep + i));
        looks.writer?.log(stretch.batches, rates, stretch.losses);
        tellSampler(stretch);
        report();
        if (signal?.aborted) break;
      }
    }
  }

  /** A resumed training does not look twice at the step it stopped at, but its record begins there. */
  async function lookAgain(): Promise<undefined> {
    await looks.writer?.put(step, walker.carry);
    return undefined;
  }

  async function draw(boundary: number): Promise<void> {
    if (sampler.adaptive) {
      const { parameters, buffers } = walker.carry;
      if (pending.length === 0) pending.push(await sampler.next(step, { parameters, buffers }));
      return;
    }
    const wanted = Math.min(boundary - step, Math.max(pacing.longest(total - step), pending.length));
    while (pending.length < wanted) {
      const batch = sampler.next(step + pending.length);
      pending.push(batch instanceof Promise ? await batch : batch);
    }
  }

  function tellSampler(stretch: Stretch): void {
    if (sampler.observe === undefined || stretch.rowLosses === undefined) return;
    let place = 0;
    for (const [i, batch] of stretch.batches.entries()) {
      const end = place + batch.indices.length;
      sampler.observe(stretch.firstStep + i, batch, stretch.rowLosses.slice(place, end));
      place = end;
    }
  }
}

function concatenate(parts: readonly Float64Array[]): Float64Array {
  const out = new Float64Array(parts.reduce((sum, part) => sum + part.length, 0));
  let place = 0;
  for (const part of parts) {
    out.set(part, place);
    place += part.length;
  }
  return out;
}
