/** The command `cleansing import`: the ranking of a training that was recorded elsewhere. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { InputError } from "../../data/input-error.ts";
import { readNpy } from "../../data/npy.ts";
import { castArray, type NDArray } from "../../engine/ndarray.ts";
import type { CommandResult } from "../../runs/method.ts";
import type { Run } from "../../runs/run.ts";
import { type Examples, requireClasses, rowsOf } from "../../training/problem.ts";
import { replay } from "../../training/replay.ts";
import { retrainWithout } from "../../training/retrain.ts";
import { arraysOf } from "../../training/trees.ts";
import type { ImportParameters } from "./import-command.ts";
import { checked, importTrajectory } from "./import-trajectory.ts";
import { meanLosses } from "./mean-losses.ts";
import { openNetwork } from "./network.ts";
import type { DataPart, PreparedTable } from "./prepared-data.ts";
import { reportRank } from "./rank-report.ts";
import { rankRows } from "./rank-rows.ts";

/** @throws InputError when a file is missing or does not fit, or a step does not lead to the state after it */
export async function runImport(parameters: ImportParameters, run: Run): Promise<CommandResult> {
  const { trajectory: folder, model, activation, normalisation, logits } = parameters;
  const { signal } = run;
  const train = await examplesOf(folder, "");
  const validation = await examplesOf(folder, "-validation");
  const [, ...inputShape] = train.x.shape;
  const [, ...judgedShape] = validation.x.shape;
  if (String(inputShape) !== String(judgedShape))
    throw new InputError(
      `${join(folder, "x-validation.npy")}: examples [${judgedShape.join(", ")}]; expected [${inputShape.join(", ")}], as in x.npy`,
    );
  const prepared = arraysAsData(folder, train, validation);
  const choice = { model, activation, normalisation, logits };
  const network = await openNetwork(choice, { inputShape, classNames: prepared.classNames });
  checked(folder, () => {
    rowsOf("validation", { ...validation });
    requireClasses("validation", validation.y, network.model.classes);
  });
  const record = await importTrajectory(folder, {
    model: network.model,
    compile: { threads: 1 },
    signal,
    onProgress: (done, total) => run.progress(done, total, "checking the recorded steps"),
  });
  try {
    const { parameters: end } = await replay(record, record.lastStep);
    const dtype = arraysOf(end)[0]?.dtype ?? "float32";
    const judged = {
      examples: { x: castArray(validation.x, dtype), y: validation.y },
      words: "the validation loss",
    };
    for (const notice of network.notices) run.note(`${notice}.`);
    run.note(
      `${record.lastStep} recorded steps were taken again, each from the state before it, and led to the states that were recorded. Rows count from 0, as in the arrays.`,
    );
    const [stream] = run.rng.spawn(1);
    if (stream === undefined) throw new Error("spawn(1) gives a stream");
    const outcome = await rankRows({
      ...{ record, prepared, network, judged, run, stream },
      ...{ top: parameters.top, verify: parameters.verify, refine: parameters.refine },
      async verifyRemovals(removals, usualLoss) {
        const ends = await retrainWithout(record, removals, {
          signal,
          onProgress: (done, total) => run.progress(done, total, "retraining without rows"),
        });
        const losses = await meanLosses(record, ends, judged.examples);
        return { effects: Float64Array.from(losses, (loss) => loss - usualLoss) };
      },
    });
    return await reportRank(run, outcome);
  } finally {
    await record.dispose();
  }
}

async function examplesOf(folder: string, ending: string): Promise<Examples> {
  const paths = ["x", "y"].map((name) => join(folder, `${name}${ending}.npy`));
  const missing = paths.find((path) => !existsSync(path));
  if (missing !== undefined)
    throw new InputError(
      `${missing}: there is no such file; expected examples ${ending === "" ? "that were trained on" : "to judge by, beside x.npy and y.npy"}`,
    );
  const [x, y] = await Promise.all(paths.map((path) => readNpy(path)));
  if (x === undefined || y === undefined) throw new Error("two arrays were read");
  if (x.shape.length < 2 || y.shape.length !== 1 || x.shape[0] !== y.shape[0])
    throw new InputError(
      `${join(folder, `y${ending}.npy`)}: [${y.shape.join(", ")}] for x${ending}.npy [${x.shape.join(", ")}]; expected [rows] for [rows, ...]`,
    );
  if (y.dtype === "float32" || y.dtype === "float64")
    throw new InputError(
      `${join(folder, `y${ending}.npy`)}: holds ${y.dtype}; expected classes as whole numbers (int64)`,
    );
  return { x, y: castArray(y, "int64") };
}

/** Arrays as the data of a ranking: rows count from 0, classes are numbers, and no row tests. */
function arraysAsData(folder: string, train: Examples, validation: Examples): PreparedTable {
  const partOf = (examples: Examples): DataPart => ({
    examples,
    rows: Array.from({ length: examples.y.data.length }, (_, row) => row),
  });
  const labels = [train, validation].flatMap(({ y }) => Array.from(y.data, Number));
  const classes = labels.reduce((most, label) => Math.max(most, label), 1) + 1;
  const classNames = Array.from({ length: classes }, (_, i) => String(i));
  const none: Examples = { x: empty(train.x), y: empty(train.y) };
  const parts = { train: partOf(train), validation: partOf(validation), test: partOf(none) };
  const [, ...inputShape] = train.x.shape;
  return {
    kind: "table",
    classNames,
    inputShape,
    featureNames: [],
    dtype: train.x.dtype === "float32" ? "float32" : "float64",
    parts,
    notices: [],
    manifest: {
      data: folder,
      files: ["x.npy", "y.npy", "x-validation.npy", "y-validation.npy"],
      kind: "table",
      classNames,
      available: parts.train.rows.length,
      dtype: train.x.dtype === "float32" ? "float32" : "float64",
      fractions: {},
      parts: { train: parts.train.rows, validation: parts.validation.rows, test: [] },
    },
    describeRow: (part, index) => ({ row: index, label: String(parts[part].examples.y.data[index]) }),
  };
}

function empty(array: NDArray): NDArray {
  return { ...array, shape: [0, ...array.shape.slice(1)], data: array.data.slice(0, 0) } as NDArray;
}
