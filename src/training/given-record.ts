/**
 * The record of a training that was done elsewhere: its parameters, batches and rates are given, and every step is taken again
 * to see that it is what it is said to be.
 */
import { InputError } from "../data/input-error.ts";
import { itemAt } from "../engine/lists.ts";
import type { NDArray } from "../engine/ndarray.ts";
import type { CompileOptions } from "../engine/runtime/compile.ts";
import { randomStream } from "../numeric/random.ts";
import { requireFiniteLosses } from "./divergence.ts";
import { requireRoom } from "./looks.ts";
import type { Optimizer } from "./optimizer.ts";
import { type Criterion, type Examples, rowsOf, type TrainableModel } from "./problem.ts";
import { createRecordWriter, type RecordOptions, type TrainingRecord } from "./record.ts";
import type { Batch } from "./sampler.ts";
import { sgd } from "./sgd.ts";
import { startOf } from "./start.ts";
import { type Carry, createStepper } from "./stepper.ts";
import { bytesOf, type NamedArrays, ravelArrays, unravelArrays, writeArrays, zerosOf } from "./trees.ts";

export interface GivenTraining {
  readonly model: TrainableModel;
  /** Default: softmax cross entropy, or that of one logit. */
  readonly criterion?: Criterion;
  readonly data: Examples;
  /** Default plain SGD. Its state is computed along the given parameters, from that before a first step. */
  readonly optimizer?: Optimizer;
  readonly rowPenalty?: number;
  /** Of each step. */
  readonly batches: readonly Batch[];
  readonly learningRates: readonly number[];
  readonly stepsPerEpoch?: number;
  /** Of the parameters, and so of the computation. */
  readonly dtype: "float32" | "float64";
  /**
   * The parameters before a step (after the last: at the end), flat in the model's order [P]. `undefined` where they are not
   * known: then those are taken that the step before led to. The first must be known.
   */
  stateAt(step: number): Promise<NDArray | undefined>;
  /**
   * How far a given state may be from the one that the step leads to, relative to the length of the step; what the dtype
   * cannot tell apart is allowed beyond that. Default 1e-3 for float32, 1e-7 for float64.
   */
  readonly tolerance?: number;
  /** Where the states are kept: every one, so that they stay the given ones. Default in memory. */
  readonly record?: Omit<RecordOptions, "states">;
  /** What messages call the training. Default "the given training". */
  readonly name?: string;
  readonly compile?: CompileOptions;
  readonly signal?: AbortSignal | undefined;
  /** Called with how many steps were taken again, of how many. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/**
 * The record of a given training, for whatever takes one of `train`.
 *
 * @throws RangeError when model, data and options do not fit
 * @throws InputError when a state is not like the parameters, or is not where its step leads: names the first such step and
 *   by how much it differs
 */
export async function recordGivenTraining(given: GivenTraining): Promise<TrainingRecord> {
  const {
    model,
    criterion,
    data,
    optimizer = sgd(),
    rowPenalty,
    batches,
    learningRates,
    dtype,
    name = "the given training",
    compile,
    record: recordOptions = {},
  } = given;
  const total = batches.length;
  if (total === 0 || learningRates.length !== total)
    throw new InputError(
      `${name}: ${total} batches and ${learningRates.length} learning rates; expected one of each for every step`,
    );
  rowsOf(name, { ...data });
  const like = model.init(randomStream(0), dtype) as NamedArrays;
  const stateAt = async (step: number): Promise<NamedArrays | undefined> => {
    const flat = await given.stateAt(step);
    return flat === undefined
      ? undefined
      : parametersOf(like, flat, `${name}: the state before step ${step}`);
  };
  const first = await stateAt(0);
  if (first === undefined) throw new InputError(`${name}: the state before step 0 is not given`);
  const { problem, parameters, buffers } = startOf(
    "recordGivenTraining",
    {
      model,
      data: { ...data },
      parameters: first,
      rowPenalty,
      ...(criterion === undefined ? {} : { criterion }),
    },
    { stream: randomStream(0), dtype },
  );
  const stepper = createStepper({
    problem,
    optimizer,
    data: { ...data },
    ...(compile === undefined ? {} : { compile }),
  });
  try {
    let carry: Carry = { parameters, optimizer: await stepper.initialState(parameters), buffers };
    let next = zerosOf(carry) as Carry;
    await requireRoom((total + 1) * bytesOf(carry), total + 1, recordOptions);
    const writer = await createRecordWriter(carry, stepper, 0, {
      ...recordOptions,
      stepsPerEpoch: given.stepsPerEpoch,
    });
    await writer.put(0, carry);
    for (const [step, batch] of batches.entries()) {
      given.signal?.throwIfAborted();
      const rate = itemAt(learningRates, step);
      const taken = { firstStep: step, batches: [batch], learningRates: [rate] };
      const { losses } = await stepper.run(carry, next, taken);
      requireFiniteLosses(losses, step, (at) => itemAt(learningRates, at));
      writer.log([batch], [rate], losses);
      const state = await stateAt(step + 1);
      if (state !== undefined) {
        const place = { name, step, total, rate, batch, dtype };
        requireFollowing(carry.parameters, next.parameters, state, place, given.tolerance);
        writeArrays(next.parameters, state);
      }
      [carry, next] = [next, carry];
      await writer.put(step + 1, carry);
      given.onProgress?.(step + 1, total);
    }
    return await writer.finish(total);
  } catch (error) {
    await stepper.dispose();
    throw error;
  }
}

function parametersOf(like: NamedArrays, flat: NDArray, name: string): NamedArrays {
  const count = ravelArrays(like).length;
  if (flat.data.length !== count)
    throw new InputError(`${name} has ${flat.data.length} parameters; expected the model's ${count}`);
  const values = Float64Array.from(flat.data, Number);
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0)
    throw new InputError(`${name} holds ${values[bad]} at parameter ${bad}; expected finite numbers`);
  return unravelArrays(like, values);
}

interface Place {
  readonly name: string;
  readonly step: number;
  readonly total: number;
  readonly rate: number;
  readonly batch: Batch;
  readonly dtype: "float32" | "float64";
}

/** Parameters further apart than this, relative to their norm, were not made the same by rounding alone. */
const rounding = { float32: 2 ** -21, float64: 2 ** -49 } as const;
const tolerances = { float32: 1e-3, float64: 1e-7 } as const;

/** @throws InputError when `given` is not where the step from `before` leads, which is `ours` */
function requireFollowing(
  before: NamedArrays,
  ours: NamedArrays,
  given: NamedArrays,
  { name, step, total, rate, batch, dtype }: Place,
  tolerance: number = tolerances[dtype],
): void {
  const [from, here, there] = [before, ours, given].map(ravelArrays);
  if (from === undefined || here === undefined || there === undefined) throw new Error("three give three");
  const sums = { apart: 0, ours: 0, given: 0, both: 0, norm: 0 };
  for (let i = 0; i < from.length; i++) {
    const [start = 0, a = 0, b = 0] = [from[i], here[i], there[i]];
    sums.apart += (a - b) ** 2;
    sums.ours += (a - start) ** 2;
    sums.given += (b - start) ** 2;
    sums.both += (a - start) * (b - start);
    sums.norm += b ** 2;
  }
  const length = Math.sqrt(Math.max(sums.ours, sums.given));
  const apart = Math.sqrt(sums.apart);
  if (apart <= tolerance * length + rounding[dtype] * Math.sqrt(sums.norm)) return;
  const cosine = sums.both / Math.sqrt(sums.ours * sums.given);
  const factor = sums.both / sums.ours;
  const hint =
    cosine > 0.999
      ? `it is ${factor.toPrecision(4)} times as long: the learning rate (${rate}), or a sum of losses instead of their mean`
      : `the batch (${describeBatch(batch)}), the penalty (rowPenalty, weightDecay), the loss, or the optimiser`;
  throw new InputError(
    `${name}: step ${step} of ${total} does not lead to the state after it: the two differ by ${(apart / length).toPrecision(3)} of the step's length, where ${tolerance} is accepted; what may be wrong: ${hint}`,
  );
}

function describeBatch({ indices }: Batch): string {
  const shown = Array.from(indices.slice(0, 4) as Int32Array, Number).join(", ");
  return `rows ${shown}${indices.length > 4 ? ", ..." : ""}`;
}
