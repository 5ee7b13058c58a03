/** Attacks that are no attacks: they mix the image with noise that fades, for tests of all that is written. */
import { type NDArray, ndarray } from "../../engine/ndarray.ts";
import type { AttackImage, AttackOutcome } from "./attack-outcome.ts";

/** A fixed sequence of numbers in [-0.5, 0.5] that looks like noise. */
function noise(index: number): number {
  const value = Math.sin(index * 12.9898 + 4.1) * 43758.5453;
  return value - Math.floor(value) - 0.5;
}

function fade(image: NDArray, part: number): NDArray {
  const data = Float64Array.from(image.data as ArrayLike<number>, (value, i) => value + part * 3 * noise(i));
  return ndarray(data, image.shape, "float64");
}

function errorOf(part: number): number {
  return part ** 2 * 0.75;
}

/** An attack that ends where the noise is `rest` of what it started with. */
export function fakeAttack(rest: number, changes: Partial<AttackOutcome> = {}): AttackImage {
  const steps = 200;
  return async ({ image, parameters, onProgress, signal }) => {
    const parts = Array.from({ length: steps + 1 }, (_, step) => rest ** ((step / steps) ** 1.5));
    for (const [step, part] of parts.entries()) {
      signal?.throwIfAborted();
      onProgress?.({
        evaluation: step * 10,
        evaluations: parameters.evaluations,
        matchingLoss: 40 * part ** 2,
      });
    }
    const meanSquaredError = errorOf(rest);
    return {
      original: image,
      recovered: fade(image, rest),
      label: 3,
      recoveredLabel: 3,
      labelKnowledge:
        parameters.label === "infer" || parameters.label === "joint" ? parameters.label : "known",
      curve: parts.map((part, step) => ({
        evaluation: step * 10,
        matchingLoss: 40 * part ** 2 * (1 + 0.4 * noise(step)),
        meanSquaredError: errorOf(part),
      })),
      frames: parts
        .map((part, step) => ({ evaluation: step * 10, image: fade(image, part) }))
        .filter((_, step) => step % 25 === 0 && step !== 25),
      evaluations: steps * 10,
      seconds: 2.4,
      meanSquaredError,
      psnr: -10 * Math.log10(meanSquaredError),
      ssim: 1 - rest,
      ending: "its budget of gradient evaluations was spent",
      model: { description: "LeNet with sigmoids", parameters: 85_036, classes: 100 },
      dtype: parameters.dtype,
      ...changes,
    };
  };
}
