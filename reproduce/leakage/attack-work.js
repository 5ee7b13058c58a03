// One attack, as a task of its own: client, attacker and judge.
import { ndarray } from "../../dist/engine/index.js";
import {
  applyDefences,
  inferLabel,
  lenet,
  matchImages,
  parseDefences,
  randomStream,
  recover,
  sharedGradient,
} from "../../dist/methods/leakage/index.js";

/** Pixels are recovered below this mean squared error. */
export const success = 1e-4;

/**
 * @param task.examples the client's batch: pixels and labels
 * @param task.seed of the network, the start and the noise
 * @param task.labels how the attacker comes by the labels: "joint", "infer" (one example), "known"
 * @param task.options more for `recover`: the mask and the distance of an attacker who knows the defence
 * @returns the worst example's mean squared error after matching, at the end of the attack; evaluations until it was first
 *   below `success`, which the judge notes and the attack does not hear of
 */
export default async function attack(
  { examples, seed, labels, defence = "none", evaluations, options = {} },
  { signal },
) {
  const model = lenet({ channels: examples[0].channels });
  const [weights, start, noise] = randomStream(seed).spawn(3);
  const parameters = model.init(weights, "float64");
  const shape = [examples.length, ...model.inputShape];
  const truth = examples.map(({ label }) => label);
  const x = ndarray(
    examples.flatMap(({ pixels }) => Array.from(pixels)),
    shape,
    "float64",
  );
  const exact = await sharedGradient({ model, parameters, x, labels: truth, dtype: "float64" });
  const gradient = await applyDefences(exact, parseDefences(defence).defences, {
    stream: noise,
    client: { model, parameters, x },
  });
  const known = labels === "known" ? truth : labels === "infer" ? [inferLabel(gradient.fc.bias)] : undefined;
  const worstOf = (data) =>
    Math.max(
      ...matchImages(x, ndarray(data, shape, "float64")).map(({ meanSquaredError }) => meanSquaredError),
    );
  let reached;
  const result = await recover({
    model,
    parameters,
    gradient,
    examples: examples.length,
    ...(known && { labels: known }),
    stream: start,
    evaluations,
    tolerance: 1e-10,
    workers: 1,
    signal,
    onStep: ({ evaluation, images }) => {
      if (reached === undefined && worstOf(images) < success) reached = evaluation;
    },
    ...options,
  });
  return {
    mse: worstOf(result.images.data),
    reached,
    evaluations: result.evaluations,
    labelsRight: [...result.labels].sort().join() === [...truth].sort().join(),
  };
}
