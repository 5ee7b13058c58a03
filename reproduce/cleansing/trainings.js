// The trainings of the paper's first experiment and how one of them is made and recorded.

import {
  logistic,
  lossQuery,
  mlp,
  randomStream,
  rowFunctions,
  train,
} from "../../dist/methods/cleansing/index.js";
import { momentsOf } from "../../dist/numeric/statistics/moments.js";
import { inverseSquareRoot } from "../../dist/training/schedule.js";
import { crossValidatedPenalty } from "./penalty.js";
import { drawProblem } from "./problems.js";

const perceptron = { rate: 0.1, epochs: 10, batchSize: 20, penalty: 0.001 };

/** By name: a data set, an activation (none: logistic regression, its rate over the root of the step), and how it is trained. */
export const trainings = {
  "Adult, logistic": { set: "adult", rate: 0.1, epochs: 20, batchSize: 5 },
  "20 Newsgroups, logistic": { set: "newsgroups", rate: 0.01, epochs: 10, batchSize: 5 },
  "MNIST 1 or 7, logistic": { set: "mnist", rate: 0.1, epochs: 5, batchSize: 5 },
  "Adult, 8-8 ReLU": { set: "adult", activation: "relu", ...perceptron },
  "Adult, 8-8 tanh": { set: "adult", activation: "tanh", ...perceptron },
  "MNIST 1 or 7, 8-8 ReLU": { set: "mnist", activation: "relu", ...perceptron },
  "MNIST 1 or 7, 8-8 tanh": { set: "mnist", activation: "tanh", ...perceptron },
};

/**
 * One training on data of its own, with its record; the caller frees it by `dispose`.
 *
 * @param {keyof typeof trainings} name
 * @param {{ data?: string, seed: number }} options
 */
export async function recordTraining(name, { data, seed }) {
  const { set, activation, rate, epochs, batchSize, penalty } = trainings[name];
  const [drawing, folding, stream, spare] = randomStream(seed).spawn(4);
  const { width, ...parts } = await drawProblem(set, { data, stream: drawing });
  const shape = { inputShape: [width], classes: 1 };
  const rowPenalty = penalty ?? crossValidatedPenalty(parts.train, folding);
  const { record, parameters } = await train({
    model: activation === undefined ? logistic(shape) : mlp({ ...shape, widths: [8, 8], activation }),
    data: parts.train,
    dtype: "float64",
    schedule: activation === undefined ? inverseSquareRoot({ initial: rate }) : rate,
    batchSize,
    epochs,
    rowPenalty,
    stream,
    record: { states: "all" },
    compile: { threads: 1 },
  });
  const functions = rowFunctions(record, parts.validation);
  const lossAt = async (each) => momentsOf((await functions.losses(each)).losses).mean;
  const usual = await lossAt(parameters);
  return {
    ...{ record, parameters, validation: parts.validation, rowPenalty },
    query: await lossQuery(record, parts.validation),
    /** A stream that neither drew the data nor the training. */
    stream: spare,
    /** How much the mean validation loss of other final parameters is above that of the training's own. */
    change: async (each) => (await lossAt(each)) - usual,
    async dispose() {
      await functions.dispose();
      await record.dispose();
    },
  };
}
