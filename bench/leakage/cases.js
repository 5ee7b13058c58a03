/**
 * A client of the leakage attack, made by formula so that both sides have it: the published LeNet (three 5x5 convolutions
 * to 12 channels, sigmoids, one linear layer) with all parameters from U(-0.5, 0.5), an image of U(0, 1), its label, and the
 * attacker's start. `attack_case` in peers/leakage_cases.py makes the same.
 */
import { lcg } from "../harness/data.js";

/**
 * @param {number} channels 1 for 28 x 28 pixels and 10 classes, 3 for 32 x 32 and 100
 * @param {number} seed
 */
export async function attackCase(channels, seed) {
  const engineName = "fallline/engine";
  const { ndarray, tree } = await import(engineName);
  const modelsName = "fallline/models";
  const { lenet } = await import(modelsName);
  const model = lenet({ channels });
  const numbers = lcg(seed);
  const size = (shape) => shape.reduce((product, dimension) => product * dimension, 1);
  const parameters = tree.map(
    ({ shape }) => ndarray(numbers.uniform(size(shape), -0.5, 0.5), shape, "float64"),
    model.parameters("float64"),
  );
  const shape = [1, ...model.inputShape];
  const x = ndarray(numbers.uniform(size(shape)), shape, "float64");
  const label = Math.floor(model.classes * numbers.uniform(1)[0]);
  return { model, parameters, x, label, start: numbers.normal(size(shape) + model.classes) };
}
