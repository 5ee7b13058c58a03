// Two-class problems of a few hundred rows, drawn anew for each seed and standardised by the rows to train on.
import { openDataset } from "../../dist/data/dataset.js";
import { ndarray } from "../../dist/engine/index.js";
import { placeOf } from "../harness/images.js";
import { adultRows } from "./adult.js";
import { newsgroupRows } from "./newsgroups.js";

/**
 * @typedef {{ classes: readonly number[], width: number, features: (rows: ArrayLike<number>) => Float64Array }} Rows
 * a data set of classes 0 and 1; `features` [rows, width]
 */

/** Ones and sevens of the 10,000 test images. */
async function onesAndSevens(data) {
  const { images, labels } = await openDataset(placeOf("mnist", data), { split: "test", dtype: "float64" });
  const chosen = [...labels.data.keys()].filter((i) => [1n, 7n].includes(labels.data[i]));
  const width = images.data.length / labels.data.length;
  return {
    classes: chosen.map((i) => (labels.data[i] === 7n ? 1 : 0)),
    width,
    features(rows) {
      const out = new Float64Array(rows.length * width);
      for (const [i, row] of [...rows].entries())
        out.set(images.data.subarray(chosen[row] * width, (chosen[row] + 1) * width), i * width);
      return out;
    },
  };
}

const readers = { adult: adultRows, mnist: onesAndSevens, newsgroups: newsgroupRows };
const read = new Map();

/**
 * 200 rows each to train, to judge by and to test with, drawn from all.
 *
 * @param {keyof typeof readers} set
 */
export async function drawProblem(set, { data, stream }) {
  const rows = read.get(set) ?? readers[set](data);
  read.set(set, rows);
  const { classes, width, features } = await rows;
  const size = 200;
  const chosen = stream.choice(3 * size, classes.length);
  const all = standardised(features(chosen), { width, training: size });
  const part = (i) => ({
    x: ndarray(all.slice(i * size * width, (i + 1) * size * width), [size, width], "float64"),
    y: ndarray(
      BigInt64Array.from(chosen.slice(i * size, (i + 1) * size), (row) => BigInt(classes[row])),
      [size],
      "int64",
    ),
  });
  return { train: part(0), validation: part(1), test: part(2), width };
}

/** By means and deviations of the first rows; a feature that these have constant is only shifted. */
function standardised(values, { width, training }) {
  const out = new Float64Array(values.length);
  for (let k = 0; k < width; k++) {
    let [sum, squares] = [0, 0];
    for (let row = 0; row < training; row++) sum += values[row * width + k];
    const mean = sum / training;
    for (let row = 0; row < training; row++) squares += (values[row * width + k] - mean) ** 2;
    const deviation = Math.sqrt(squares / training);
    const scale = deviation > 1e-12 ? deviation : 1;
    for (let at = k; at < values.length; at += width) out[at] = (values[at] - mean) / scale;
  }
  return out;
}
