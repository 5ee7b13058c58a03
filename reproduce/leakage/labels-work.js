// The label that iDLG reads off the gradient, for some images, each in a network of its own.
import { ndarray } from "../../dist/engine/index.js";
import { inferLabel, lenet, randomStream, sharedGradient } from "../../dist/methods/leakage/index.js";

/** @returns how many labels were right */
export default async function inferLabels({ examples, seed }, { signal }) {
  let right = 0;
  for (const [i, { channels, pixels, label }] of examples.entries()) {
    signal.throwIfAborted();
    const model = lenet({ channels });
    const parameters = model.init(randomStream(seed + i), "float64");
    const x = ndarray(pixels, [1, ...model.inputShape], "float64");
    const gradient = await sharedGradient({ model, parameters, x, labels: [label], dtype: "float64" });
    if (inferLabel(gradient.fc.bias) === label) right++;
  }
  return right;
}
