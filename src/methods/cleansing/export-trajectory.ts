/** Writes a recorded training as the folder that `trajectory-format.ts` describes. */
import { readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { InputError } from "../../data/input-error.ts";
import { folderError, makeFolder } from "../../data/make-folder.ts";
import { toNpy } from "../../data/npy.ts";
import { writeWhole } from "../../data/whole-file.ts";
import { itemAt } from "../../engine/lists.ts";
import { castArray, type NDArray, ndarray } from "../../engine/ndarray.ts";
import { internalsOf, type TrainingRecord } from "../../training/record.ts";
import { replay, replayForward } from "../../training/replay.ts";
import { arraysOf, type NamedArrays, ravelArrays } from "../../training/trees.ts";
import {
  type OptimizerSettings,
  optimizerOfSettings,
  stateFile,
  type TrajectoryDescription,
} from "./trajectory-format.ts";

export interface ExportTrajectoryOptions {
  /** Those of the training. Default plain SGD. */
  readonly optimizer?: OptimizerSettings;
  /** That of the training. */
  readonly rowPenalty?: number;
  /** Whether every state is written (default) or the first alone, from which the others are computed again. */
  readonly states?: "all" | "first";
  readonly signal?: AbortSignal | undefined;
}

/** States that together take more are written as a file each. */
const oneFileBytes = 2 ** 28;

/**
 * Writes a recorded training of a model to a new or empty folder, whole or not at all.
 *
 * @throws RangeError when the optimiser is not the training's, or the training had what the folder has no place for: a loss of
 *   its own, weights, clipping, transformed gradients, inputs of steps
 * @throws InputError when the folder holds something or cannot be written
 */
export async function exportTrajectory(
  record: TrainingRecord,
  folder: string,
  { optimizer = { kind: "sgd" }, rowPenalty, states = "all", signal }: ExportTrajectoryOptions = {},
): Promise<void> {
  const { x, y } = dataOf(record);
  requireExpressible(record, optimizer);
  const held = await readdir(folder).catch(() => []);
  if (held.length > 0)
    throw new InputError(`${folder}: the folder holds ${held[0]}; expected a new or empty one`);
  const { firstStep, lastStep, stepsPerEpoch, batches, learningRates } = record;
  const description: TrajectoryDescription = {
    format: "fallline trajectory 1",
    steps: lastStep - firstStep,
    ...(stepsPerEpoch === undefined ? {} : { stepsPerEpoch }),
    optimizer,
    ...(rowPenalty === undefined ? {} : { rowPenalty }),
    learningRates: "learning-rates.npy",
    batches: "batches.npy",
  };
  await makeFolder(dirname(folder));
  const aside = `${folder}.${process.pid}.part`;
  await rm(aside, { recursive: true, force: true });
  await makeFolder(aside);
  const write = async (name: string, array: NDArray): Promise<void> =>
    writeWhole(join(aside, name), await toNpy(array));
  try {
    await write("x.npy", x);
    await write("y.npy", y);
    await write("learning-rates.npy", ndarray(learningRates, [learningRates.length], "float64"));
    await write("batches.npy", padded(batches.map(({ indices }) => Array.from(indices, Number))));
    await writeStates(record, write, { states, signal });
    await writeWhole(join(aside, "training.json"), `${JSON.stringify(description, null, 2)}\n`);
    await rename(aside, folder).catch((error: unknown) => {
      throw folderError(folder, error);
    });
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}

async function writeStates(
  record: TrainingRecord,
  write: (name: string, array: NDArray) => Promise<void>,
  { states, signal }: { readonly states: "all" | "first"; readonly signal: AbortSignal | undefined },
): Promise<void> {
  const { firstStep, lastStep } = record;
  const first = flat((await replay(record, firstStep)).parameters);
  const [count = 0] = first.shape;
  if (states === "first") return write("states.npy", { ...first, shape: [1, count] });
  const steps = lastStep - firstStep + 1;
  const isOne = steps * first.data.byteLength <= oneFileBytes;
  const all = isOne ? ndarray(new Float64Array(steps * count), [steps, count], "float64") : undefined;
  const put = async (step: number, parameters: NamedArrays): Promise<void> => {
    signal?.throwIfAborted();
    if (all === undefined) await write(stateFile(step - firstStep), flat(parameters));
    else all.data.set(ravelArrays(parameters), (step - firstStep) * count);
  };
  for await (const { step, parameters } of replayForward(record)) await put(step, parameters);
  await put(lastStep, (await replay(record, lastStep)).parameters);
  if (all !== undefined) await write("states.npy", castArray(all, first.dtype));
}

function flat(parameters: NamedArrays): NDArray {
  const values = ravelArrays(parameters);
  const dtype = arraysOf(parameters)[0]?.dtype ?? "float32";
  return castArray(ndarray(values, [values.length], "float64"), dtype);
}

/** Short rows are filled up with -1. */
function padded(rows: readonly (readonly number[])[]): NDArray {
  const most = Math.max(...rows.map(({ length }) => length));
  const values = rows.flatMap((row) => Array.from({ length: most }, (_, k) => row[k] ?? -1));
  return ndarray(values, [rows.length, most], "int64");
}

function dataOf(record: TrainingRecord): { readonly x: NDArray; readonly y: NDArray } {
  const { data } = internalsOf(record).stepper.options;
  if (!("x" in data && "y" in data))
    throw new RangeError("exportTrajectory: the training was of a loss of its own; expected one of a model");
  const [x, y] = [arraysOf(data.x), arraysOf(data.y)];
  return { x: itemAt(x, 0), y: itemAt(y, 0) };
}

function requireExpressible(record: TrainingRecord, settings: OptimizerSettings): void {
  const { options } = internalsOf(record).stepper;
  const { description } = optimizerOfSettings(settings);
  if (options.optimizer.description !== description)
    throw new RangeError(
      `exportTrajectory: the training was by ${options.optimizer.description}; the optimizer given is ${description}`,
    );
  const further = {
    weights: record.batches.some(({ weights }) => weights !== undefined),
    clipping: options.rowClipNorm !== undefined || Object.keys(options.clip ?? {}).length > 0,
    "transformed gradients": options.transformGradient !== undefined,
    "inputs of its steps": options.inputs !== undefined,
  };
  for (const [what, isThere] of Object.entries(further))
    if (isThere)
      throw new RangeError(`exportTrajectory: the training had ${what}, for which the folder has no place`);
}
