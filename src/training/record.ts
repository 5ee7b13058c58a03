// What each step of a training run did. Rows, learning rates and losses of every step are kept; states of chosen steps,
// from which those between are computed again, bit for bit, by the graphs that made them.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { InputError } from "../data/input-error.ts";
import { writeWhole } from "../data/whole-file.ts";
import { viewBytes } from "../engine/dtype.ts";
import { itemAt } from "../engine/lists.ts";
import * as tree from "../engine/tree.ts";
import type { Batch } from "./sampler.ts";
import { createSnapshotStore, readExactly, type SnapshotStore } from "./snapshots.ts";
import type { Carry, Stepper } from "./stepper.ts";
import type { StepSelection } from "./steps.ts";
import { arraysOf } from "./trees.ts";

export interface RecordOptions {
  /** The steps whose states are stored; the first and the last one always are. Default `sqrt`. */
  readonly states?: StepSelection;
  /** A new or empty folder for the record, which then also outlives the process. */
  readonly folder?: string;
  /** Bytes of states held in memory; beyond them, the folder is needed. Default 1 GiB. */
  readonly budget?: number;
}

/** One step t: the state before its update, and what the update was made of. */
export interface RecordedStep extends Carry {
  readonly step: number;
  readonly batch: Batch;
  readonly learningRate: number;
}

export interface TrainingRecord {
  /** Steps firstStep to lastStep - 1 were taken. */
  readonly firstStep: number;
  readonly lastStep: number;
  /** Absent where the sampler had no epochs. */
  readonly stepsPerEpoch?: number;
  /** Of step firstStep + i at [i]. */
  readonly batches: readonly Batch[];
  readonly learningRates: readonly number[];
  /** The mean loss of the step's batch at the parameters before its update. */
  readonly losses: readonly number[];
  /** The steps whose states are stored. */
  readonly stored: readonly number[];
  /** Frees the compiled graphs that {@link replay} uses; the arrays stay. */
  dispose(): Promise<void>;
}

export interface Internals {
  readonly store: SnapshotStore;
  readonly stepper: Stepper;
}

const internals = new WeakMap<TrainingRecord, Internals>();

/** What the functions of this room need of a record beside its public face. */
export function internalsOf(record: TrainingRecord): Internals {
  const found = internals.get(record);
  if (found === undefined)
    throw new TypeError("replay: the record was made neither by train nor by openRecord");
  return found;
}

/**
 * The first step of the last epochs of a training; of all where their number is not said.
 *
 * @throws RangeError when the training had no epochs, or not so many
 */
export function lastEpochsStart(
  { firstStep, lastStep, stepsPerEpoch }: TrainingRecord,
  lastEpochs?: number,
): number {
  if (lastEpochs === undefined) return firstStep;
  if (stepsPerEpoch === undefined) throw new RangeError("lastEpochs needs a training with epochs");
  const epochs = Math.ceil((lastStep - firstStep) / stepsPerEpoch);
  if (!Number.isInteger(lastEpochs) || lastEpochs < 1 || lastEpochs > epochs)
    throw new RangeError(`lastEpochs ${lastEpochs} is not a whole number from 1 to ${epochs}`);
  return firstStep + (epochs - lastEpochs) * stepsPerEpoch;
}

/** A record that is being written. */
export interface RecordWriter {
  put(step: number, state: Carry): Promise<void>;
  log(batches: readonly Batch[], learningRates: readonly number[], losses: ArrayLike<number>): void;
  /** The record up to a step; with a folder, writes there what is not written yet. */
  finish(step: number): Promise<TrainingRecord>;
}

export async function createRecordWriter(
  like: Carry,
  stepper: Stepper,
  firstStep: number,
  {
    folder,
    budget = 2 ** 30,
    stepsPerEpoch,
  }: RecordOptions & { readonly stepsPerEpoch?: number | undefined },
): Promise<RecordWriter> {
  const store = await createSnapshotStore(like, { folder, budget });
  const batches: Batch[] = [];
  const learningRates: number[] = [];
  const losses: number[] = [];
  return {
    put: (step, state) => store.put(step, state),
    log(taken, rates, found) {
      batches.push(...taken);
      learningRates.push(...rates);
      for (let i = 0; i < found.length; i++) losses.push(found[i] as number);
    },
    async finish(step) {
      const record = makeRecord(
        {
          firstStep,
          lastStep: step,
          ...(stepsPerEpoch === undefined ? {} : { stepsPerEpoch }),
          batches,
          learningRates,
          losses,
          stored: store.steps,
        },
        { store, stepper },
      );
      if (folder !== undefined) await writeLog(folder, like, record);
      return record;
    },
  };
}

function makeRecord(
  content: Omit<TrainingRecord, "dispose">,
  { store, stepper }: { store: SnapshotStore; stepper: Stepper },
): TrainingRecord {
  const record: TrainingRecord = { ...content, dispose: () => stepper.dispose() };
  internals.set(record, { store, stepper });
  return record;
}

interface Index {
  readonly format: "fallline training record 1";
  readonly firstStep: number;
  readonly lastStep: number;
  readonly stepsPerEpoch?: number;
  readonly rows: number;
  readonly weighted: boolean;
  readonly state: readonly { path: string; dtype: string; shape: readonly number[] }[];
}

/**
 * `record.json` (the names, dtypes and shapes of a state's arrays, in the order in which `state-<step>.bin` holds them),
 * and little-endian files without a head: `sizes.bin` and `rows.bin` (int32), `learning-rates.bin`, `losses.bin` and
 * `weights.bin` (float64).
 */
async function writeLog(folder: string, like: Carry, record: TrainingRecord): Promise<void> {
  const { batches, learningRates, losses, firstStep, lastStep, stepsPerEpoch } = record;
  const sizes = Int32Array.from(batches, ({ indices }) => indices.length);
  const rows = sizes.reduce((sum, size) => sum + size, 0);
  const indices = new Int32Array(rows);
  // NaN stands for a batch without weights, whose steps another graph takes.
  const weights = new Float64Array(rows).fill(Number.NaN);
  const weighted = batches.some((batch) => batch.weights !== undefined);
  let place = 0;
  for (const batch of batches)
    for (let k = 0; k < batch.indices.length; k++, place++) {
      indices[place] = Number(batch.indices[k]);
      weights[place] = batch.weights?.[k] ?? Number.NaN;
    }
  const write = (name: string, data: Int32Array | Float64Array): Promise<void> =>
    writeWhole(join(folder, name), new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  await write("sizes.bin", sizes);
  await write("rows.bin", indices);
  if (weighted) await write("weights.bin", weights);
  await write("learning-rates.bin", Float64Array.from(learningRates));
  await write("losses.bin", Float64Array.from(losses));
  const paths = tree.paths(like);
  const state = arraysOf(like).map(({ dtype, shape }, i) => ({ path: itemAt(paths, i), dtype, shape }));
  const index: Index = {
    format: "fallline training record 1",
    firstStep,
    lastStep,
    ...(stepsPerEpoch === undefined ? {} : { stepsPerEpoch }),
    rows,
    weighted,
    state,
  };
  await writeWhole(join(folder, "record.json"), `${JSON.stringify(index, null, 2)}\n`);
}

/** Reads the record that a folder holds, for states like the given one. */
export async function readRecord(folder: string, like: Carry, stepper: Stepper): Promise<TrainingRecord> {
  const path = join(folder, "record.json");
  const text = await readFile(path, "utf8").catch(() => {
    throw new InputError(`${path}: there is no such file; expected the folder of a finished training record`);
  });
  const index = JSON.parse(text) as Index;
  const paths = tree.paths(like);
  const expected = arraysOf(like).map(({ dtype, shape }, i) => ({ path: itemAt(paths, i), dtype, shape }));
  if (JSON.stringify(index.state) !== JSON.stringify(expected))
    throw new InputError(
      `${path}: the record is of other parameters or another optimiser: ${describeState(index.state)}; expected ${describeState(expected)}`,
    );
  const { firstStep, lastStep, stepsPerEpoch, rows } = index;
  const steps = lastStep - firstStep;
  const read = async (name: string, count: number, width: number): Promise<Uint8Array> =>
    readExactly(join(folder, name), count * width);
  const sizes = viewBytes("int32", await read("sizes.bin", steps, 4));
  const indices = viewBytes("int32", await read("rows.bin", rows, 4));
  const weights = index.weighted ? viewBytes("float64", await read("weights.bin", rows, 8)) : undefined;
  const learningRates = Array.from(viewBytes("float64", await read("learning-rates.bin", steps, 8)));
  const losses = Array.from(viewBytes("float64", await read("losses.bin", steps, 8)));
  let place = 0;
  const batches = Array.from(sizes, (size): Batch => {
    const start = place;
    place += size;
    return {
      indices: indices.subarray(start, place),
      ...(weights === undefined || Number.isNaN(weights[start])
        ? {}
        : { weights: weights.subarray(start, place) }),
    };
  });
  const store = await createSnapshotStore(like, { folder, budget: 0, keep: true });
  return makeRecord(
    {
      firstStep,
      lastStep,
      ...(stepsPerEpoch === undefined ? {} : { stepsPerEpoch }),
      batches,
      learningRates,
      losses,
      stored: store.steps,
    },
    { store, stepper },
  );
}

function describeState(state: Index["state"]): string {
  return state.map(({ path, dtype, shape }) => `${path} ${dtype}[${shape.join(", ")}]`).join(", ");
}
