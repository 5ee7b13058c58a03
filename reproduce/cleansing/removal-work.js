// One split of MNIST's test images: a training, the rankings of its rows, and the same training without the first of each:
// the same start and the same batches, as the paper retrains.

import { openDataset } from "../../dist/data/dataset.js";
import { addLabelNoise } from "../../dist/data/label-noise.js";
import { ndarray, takeRows } from "../../dist/engine/ndarray.js";
import { mostHarmful, randomStream, retrainWithout } from "../../dist/methods/cleansing/index.js";
import { scoreRows } from "../../dist/methods/cleansing/score-rows.js";
import { testResult } from "../../dist/methods/cleansing/test-result.js";
import { trainingOptions, trainRecorded } from "../../dist/methods/cleansing/training-setup.js";
import { momentsOf } from "../../dist/numeric/statistics/moments.js";
import { placeOf } from "../harness/images.js";

const training = 6000;

/** 6,000 images to train on, 2,000 to judge by and 2,000 to test with. */
async function partsOf(data, { pixels, stream }) {
  const { images, labels } = await openDataset(placeOf("mnist", data), { split: "test" });
  const [rows] = labels.shape;
  const x = ndarray(images.data, [rows, images.data.length / rows], images.dtype);
  const order = stream.permutation(rows);
  if (pixels === "standardised") {
    const moments = momentsOf(takeRows(x, order.slice(0, training)).data);
    const deviation = Math.sqrt(moments.squares / moments.count);
    for (let i = 0; i < x.data.length; i++) x.data[i] = (x.data[i] - moments.mean) / deviation;
  }
  const part = (from, to) => {
    const chosen = order.slice(from, to);
    return { x: takeRows(x, chosen), y: takeRows(labels, chosen) };
  };
  return { train: part(0, training), validation: part(training, 8000), test: part(8000, rows) };
}

/**
 * @param task.pixels `standardised` by the mean and the deviation of all training pixels, or `unit`: in [0, 1]
 * @param task.rate the share of the training labels that are wrong
 * @param task.remove how many rows are deleted
 * @returns test errors with all rows and without some, by ranking and number, and how well each ranking finds wrong labels
 */
export default async function cleanse(task, { signal }) {
  const { data, seed, activation, pixels, rate, rankings, remove } = task;
  const [splitting, flipping, stream, choice] = randomStream(seed).spawn(4);
  const parts = await partsOf(data, { pixels, stream: splitting });
  const noise = { rate, classes: 10, kind: "symmetric", stream: flipping };
  const { labels, flipped } = addLabelNoise(parts.train.y, noise);
  const setup = {
    ...{ model: "mlp:32", activation, inputShape: [784], classNames: Array.from("0123456789") },
    ...{ epochs: 20, batch: 64, learningRate: 0.05, optimizer: "sgd", rowPenalty: 0, dtype: "float32" },
  };
  const options = await trainingOptions(setup, { x: parts.train.x, y: labels }, { stream, signal });
  const { record, parameters } = await trainRecorded(options, { states: "sqrt" });
  try {
    const orders = [];
    for (const ranking of rankings) {
      const context = { record, validation: parts.validation, stream: choice, rowPenalty: 0, signal };
      orders.push(mostHarmful(await scoreRows(ranking, context)));
    }
    const removals = orders.flatMap((order) => remove.map((count) => order.slice(0, count)));
    const errors = [];
    for (const end of [parameters, ...(await retrainWithout(record, removals, { signal }))])
      errors.push((await testResult(record, end, parts.test)).error);
    const [base, ...without] = errors;
    const wrong = new Set(flipped);
    return {
      base,
      errors: rankings.map((_, r) => without.slice(r * remove.length, (r + 1) * remove.length)),
      found: orders.map((order) => (rate > 0 ? areaUnderCurve(order, wrong) : undefined)),
    };
  } finally {
    await record.dispose();
  }
}

/** The chance that one of the wanted comes before one that is not. */
function areaUnderCurve(order, wanted) {
  let [before, pairs] = [0, 0];
  for (const row of order) {
    if (wanted.has(row)) before++;
    else pairs += before;
  }
  return pairs / (wanted.size * (order.length - wanted.size));
}
