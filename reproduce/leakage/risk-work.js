// One image: the predicted error, that of the linear solution over many draws of the noise, and the errors of attacks and of
// the linear solution on the same draws.
import { ndarray } from "../../dist/engine/index.js";
import * as tree from "../../dist/engine/tree.js";
import {
  addGaussianNoise,
  leakageRisk,
  lenet,
  meanSquaredError,
  randomStream,
  recover,
  sharedGradient,
} from "../../dist/methods/leakage/index.js";

const noiseSd = 1e-3;

/**
 * @param task.draws attacks, each on a noise of its own
 * @param task.linearDraws further draws of the noise for the linear solution alone
 */
export default async function compare({ example, seed, draws, linearDraws, evaluations }, { signal }) {
  const { channels, pixels, label } = example;
  const model = lenet({ channels });
  const [weights, noises, starts] = randomStream(seed).spawn(3);
  const parameters = model.init(weights, "float64");
  const x = ndarray(pixels, [1, ...model.inputShape], "float64");
  const gradient = await sharedGradient({ model, parameters, x, labels: [label], dtype: "float64" });
  const risk = await leakageRisk({ model, parameters, x, labels: [label], signal });
  const zeros = tree.map(
    ({ shape, data }) => ndarray(new Float64Array(data.length), shape, "float64"),
    gradient,
  );
  const linearMse = async (noise) => {
    const error = await risk.linearError(noise);
    return error.reduce((sum, value) => sum + value * value, 0) / error.length;
  };
  const measured = [];
  for (const start of starts.spawn(draws)) {
    const noise = addGaussianNoise(zeros, { scale: noiseSd }, noises);
    const noised = tree.map(
      (a, b) =>
        ndarray(
          Float64Array.from(a.data, (value, i) => value + b.data[i]),
          a.shape,
          "float64",
        ),
      gradient,
      noise,
    );
    const { images, matchingLoss } = await recover({
      model,
      parameters,
      gradient: noised,
      labels: [label],
      stream: start,
      evaluations,
      workers: 1,
      signal,
    });
    measured.push({
      attack: meanSquaredError(x, images),
      linear: await linearMse(noise),
      reachedNoise: matchingLoss <= noiseSd ** 2 * risk.equations * (1 + 5 * Math.sqrt(2 / risk.equations)),
    });
  }
  const linear = [];
  for (let draw = 0; draw < linearDraws; draw++) {
    signal.throwIfAborted();
    linear.push(await linearMse(addGaussianNoise(zeros, { scale: noiseSd }, noises)));
  }
  const { effectiveDirections } = risk;
  const predicted = risk.predictedMse(noiseSd);
  await risk.dispose();
  return { predicted, effectiveDirections, linear, measured };
}
