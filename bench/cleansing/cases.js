/**
 * The trainings of the cleansing workloads, made by formula so that both sides have them: overlapping classes with a tenth of
 * the labels drawn anew, batches from permutations by hash, ReLU networks. `Training` in peers/cleansing_cases.py makes the same.
 */
import { readFile } from "node:fs/promises";
import { labels, uniform } from "../harness/data.js";

const cases = JSON.parse(await readFile(new URL("./cases.json", import.meta.url), "utf8"));

/**
 * @param {string} name one of cases.json
 * @param {string} dtype
 * @param {number} threads
 * @returns the options for `train`, which records every step, and the validation examples
 */
export async function cleansingCase(name, dtype, threads) {
  const { rows, batchSize, epochs, features, widths, classes, learningRate, rateFalls, rowPenalty } =
    cases[name];
  const [engineName, modelsName, trainingName] = ["fallline/engine", "fallline/models", "fallline/training"];
  const { ndarray } = await import(engineName);
  const { logistic, mlp } = await import(modelsName);
  const { givenBatches } = await import(trainingName);

  const { x, y } = examples(cases[name]);
  const part = (from, to) => ({
    x: ndarray(x.subarray(from * features, to * features), [to - from, features], dtype),
    y: ndarray(y.slice(from, to), [to - from], "int64"),
  });
  const shape = { inputShape: [features], classes };
  const model = widths.length === 0 ? logistic(shape) : mlp({ ...shape, widths });
  const sizes = [features, ...widths, classes];
  const layer = (index) => {
    const [inputs, outputs] = sizes.slice(index, index + 2);
    const bound = 1 / Math.sqrt(inputs);
    const draw = (count, seed) => uniform(count, seed, -bound, bound);
    return {
      weight: ndarray(draw(outputs * inputs, 10 + 2 * index), [outputs, inputs], dtype),
      bias: ndarray(draw(outputs, 11 + 2 * index), [outputs], dtype),
    };
  };
  const parameters = Object.fromEntries(
    Object.keys(model.parameters(dtype)).map((path, index) => [path, layer(index)]),
  );
  const list = batches(rows, batchSize, epochs);
  return {
    options: {
      model,
      parameters,
      data: part(0, rows),
      batchSize,
      steps: list.length,
      sampler: () => givenBatches(list),
      schedule: (step) => learningRate / (rateFalls ? Math.sqrt(step + 1) : 1),
      rowPenalty,
      record: { states: "all" },
      compile: { threads },
    },
    validation: part(rows, y.length),
  };
}

function examples({ rows, validationRows, features, separation, classes: outputs }) {
  const [count, classes] = [rows + validationRows, Math.max(2, outputs)];
  const truth = labels(count, classes, 1);
  const centres = uniform(classes * features, 2, -1, 1);
  const x = uniform(count * features, 3, -1, 1);
  for (let i = 0; i < x.length; i++)
    x[i] += separation * centres[truth[Math.floor(i / features)] * features + (i % features)];
  const [isWrong, wrong] = [uniform(count, 4), labels(count, classes, 5)];
  return { x, y: truth.map((label, i) => (isWrong[i] < 0.1 ? wrong[i] : label)) };
}

/** Every row once an epoch, in an order drawn anew for each; what is left over is a short batch. */
function batches(rows, batchSize, epochs) {
  const list = [];
  for (let epoch = 0; epoch < epochs; epoch++) {
    const keys = uniform(rows, 100 + epoch);
    const order = Int32Array.from(keys.keys()).sort((a, b) => keys[a] - keys[b]);
    for (let start = 0; start < rows; start += batchSize) list.push(order.slice(start, start + batchSize));
  }
  return list;
}

/** Our side of the workloads of influence: the walk back from a query that is given. */
export async function influenceWork({ threads, parameters: { case: name, dtype } }) {
  const cleansing = "fallline/cleansing";
  const { linearInfluence, lossQuery, train } = await import(cleansing);
  const { options, validation } = await cleansingCase(name, dtype, threads);
  const { record } = await train(options);
  const query = await lossQuery(record, validation);
  const run = () => linearInfluence(record, [query]);
  const [{ scores }] = await run();
  return { run, unit: 1, check: scoreCheck(scores, dtype) };
}

/**
 * What the two sides compare of their scores: norm, sums of magnitudes (all, the first half of the rows, the harmful), and in
 * float64 the most harmful and the most helpful row. Rounding in float32 moves a ReLU's kinks, and with them single scores by
 * some percent within 1880 steps.
 */
function scoreCheck(scores, dtype) {
  const magnitude = (list) => list.reduce((sum, score) => sum + Math.abs(score), 0);
  const half = scores.subarray(0, Math.floor(scores.length / 2));
  const sums = [scores, half, scores.filter((score) => score < 0)].map(magnitude);
  const [least, most] = [Math.min(...scores), Math.max(...scores)];
  const extremes = [least, most, scores.indexOf(least) + 1, scores.indexOf(most) + 1];
  return [Math.hypot(...scores), ...sums, ...(dtype === "float64" ? extremes : [])];
}
