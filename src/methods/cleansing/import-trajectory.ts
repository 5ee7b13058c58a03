/** Reads a training from the folder that `trajectory-format.ts` describes, and checks every step of it. */
import { access, readFile } from "node:fs/promises";
import { join } from "node:path";
import { InputError, systemErrorCode } from "../../data/input-error.ts";
import { readNpy } from "../../data/npy.ts";
import { castArray, type NDArray } from "../../engine/ndarray.ts";
import { type GivenTraining, recordGivenTraining } from "../../training/given-record.ts";
import { requireClasses, rowsOf } from "../../training/problem.ts";
import type { TrainingRecord } from "../../training/record.ts";
import type { Batch } from "../../training/sampler.ts";
import {
  optimizerOfSettings,
  stateFile,
  type TrajectoryDescription,
  trajectorySchema,
} from "./trajectory-format.ts";

export type ImportTrajectoryOptions = Pick<
  GivenTraining,
  "model" | "criterion" | "tolerance" | "record" | "compile" | "signal" | "onProgress"
>;

/**
 * The record of the training in a folder, for whatever takes one of `train`. Each step is taken again from the state before
 * it, so that what is scored is what was trained; the optimiser's state is computed along.
 *
 * @throws InputError in one line when a file is missing or of another shape, a number is out of range, the optimiser is not known, or a step does not
 *   lead to the state after it, with the step, the difference, and what may be wrong
 */
export async function importTrajectory(
  folder: string,
  options: ImportTrajectoryOptions,
): Promise<TrainingRecord> {
  const description = await readDescription(folder);
  const { steps, stepsPerEpoch, rowPenalty } = description;
  const states = await openStates(folder, steps);
  const x = await readNpy(join(folder, "x.npy"));
  const y = await readNpy(join(folder, "y.npy"));
  const [rows = 0] = x.shape;
  if (x.shape.length === 0 || y.shape[0] !== rows)
    throw new InputError(
      `${folder}: x.npy is [${x.shape.join(", ")}] and y.npy [${y.shape.join(", ")}]; expected as many rows`,
    );
  const isLabels = y.dtype !== "float32" && y.dtype !== "float64";
  const data = {
    x: isIndices(x) ? x : castArray(x, states.dtype),
    y: castArray(y, isLabels ? "int64" : states.dtype),
  };
  checked(folder, () => {
    rowsOf("data", data);
    requireClasses("data", data.y, options.model.classes);
  });
  return recordGivenTraining({
    ...options,
    name: folder,
    data,
    dtype: states.dtype,
    stateAt: states.at,
    optimizer: checked(join(folder, "training.json"), () => optimizerOfSettings(description.optimizer)),
    batches: await readBatches(folder, description, rows),
    learningRates: await readRates(folder, description),
    ...(stepsPerEpoch === undefined ? {} : { stepsPerEpoch }),
    ...(rowPenalty === undefined ? {} : { rowPenalty }),
  });
}

/** Of words, say, which are looked up and not computed with. */
function isIndices({ dtype }: NDArray): boolean {
  return dtype === "int64";
}

async function readDescription(folder: string): Promise<TrajectoryDescription> {
  const path = join(folder, "training.json");
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    throw new InputError(
      `${path}: the file cannot be read (${systemErrorCode(error)}); expected the description of a recorded training`,
    );
  });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new InputError(`${path}: expected JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  const parsed = trajectorySchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const place = issue?.path.map(String) ?? [];
  if (place.join(".") === "optimizer.kind")
    throw new InputError(
      `${path}: optimizer.kind is ${JSON.stringify(valueAt(json, place))}; expected "sgd", "adam" or "adamw"`,
    );
  throw new InputError(`${path}: ${place.join(".") || "the file"}: ${issue?.message ?? "not understood"}`);
}

function valueAt(json: unknown, place: readonly string[]): unknown {
  return place.reduce<unknown>(
    (value, name) =>
      typeof value === "object" && value !== null
        ? Object.entries(value).find(([key]) => key === name)?.[1]
        : undefined,
    json,
  );
}

/** What was out of range in a file is bad input. */
export function checked<T>(where: string, f: () => T): T {
  try {
    return f();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new InputError(`${where}: ${error.message}`, { cause: error });
  }
}

async function readRates(
  folder: string,
  { learningRates, steps }: TrajectoryDescription,
): Promise<readonly number[]> {
  if (typeof learningRates === "number") return Array.from({ length: steps }, () => learningRates);
  const isFile = typeof learningRates === "string";
  const rates = isFile
    ? Array.from((await readNpy(join(folder, learningRates))).data, Number)
    : learningRates;
  const path = join(folder, isFile ? learningRates : "training.json");
  if (rates.length !== steps)
    throw new InputError(`${path}: ${rates.length} learning rates; expected one for each of ${steps} steps`);
  const bad = rates.findIndex((rate) => !Number.isFinite(rate));
  if (bad >= 0)
    throw new InputError(`${path}: the learning rate of step ${bad} is ${rates[bad]}; expected a number`);
  return rates;
}

async function readBatches(
  folder: string,
  { batches, steps }: TrajectoryDescription,
  rows: number,
): Promise<readonly Batch[]> {
  const isFile = typeof batches === "string";
  const path = join(folder, isFile ? batches : "training.json");
  const lists = isFile ? unpadded(await readNpy(path), path) : batches;
  if (lists.length !== steps)
    throw new InputError(`${path}: ${lists.length} batches; expected one for each of ${steps} steps`);
  for (const [step, list] of lists.entries()) {
    const bad = list.find((row) => !Number.isInteger(row) || row < 0 || row >= rows);
    if (bad !== undefined || list.length === 0)
      throw new InputError(
        `${path}: the batch of step ${step} ${bad === undefined ? "is empty" : `has row ${bad}`}; expected rows from 0 to ${rows - 1}, of x.npy`,
      );
  }
  return lists.map((list) => ({ indices: Int32Array.from(list) }));
}

/** Without the -1 that fill up short rows. */
function unpadded({ shape, data }: NDArray, path: string): number[][] {
  const [steps = 0, size = 0] = shape;
  if (shape.length !== 2)
    throw new InputError(`${path}: an array [${shape.join(", ")}]; expected [steps, rows of a batch]`);
  return Array.from({ length: steps }, (_, step) => {
    const list = Array.from(data.slice(step * size, (step + 1) * size), Number);
    const end = list.indexOf(-1);
    return end < 0 || list.slice(end).some((row) => row !== -1) ? list : list.slice(0, end);
  });
}

interface States {
  readonly dtype: "float32" | "float64";
  at(step: number): Promise<NDArray | undefined>;
}

async function openStates(folder: string, steps: number): Promise<States> {
  const path = join(folder, "states.npy");
  const isOne = await access(path).then(
    () => true,
    () => false,
  );
  const expected = `expected [${steps + 1}, parameters], or [1, parameters]`;
  if (!isOne) {
    const first = join(folder, stateFile(0));
    const dtype = floatOf(await readNpy(first), first);
    return { dtype, at: (step) => readNpy(join(folder, stateFile(step))) };
  }
  const states = await readNpy(path);
  const [count = 0, parameters = 0] = states.shape;
  if (states.shape.length !== 2 || (count !== steps + 1 && count !== 1))
    throw new InputError(`${path}: an array [${states.shape.join(", ")}]; ${expected}`);
  return {
    dtype: floatOf(states, path),
    async at(step) {
      if (step >= count) return undefined;
      const data = states.data.subarray(step * parameters, (step + 1) * parameters);
      return { ...states, shape: [parameters], data } as NDArray;
    },
  };
}

function floatOf({ dtype }: NDArray, path: string): "float32" | "float64" {
  if (dtype === "float32" || dtype === "float64") return dtype;
  throw new InputError(`${path}: parameters of ${dtype}; expected float32 or float64`);
}
