/** Attacks that are no attacks: they mix the image with noise that fades, for tests of all that is written. */
import { type NDArray, ndarray } from "../../engine/ndarray.ts";
import type { AttackImages, AttackOutcome } from "./attack-outcome.ts";

/** A fixed sequence of numbers in [-0.5, 0.5] that looks like noise. */
function noise(index: number): number {
  const value = Math.sin(index * 12.9898 + 4.1) * 43758.5453;
  return value - Math.floor(value) - 0.5;
}

function fade(image: NDArray, part: number): NDArray<"float64"> {
  const data = Float64Array.from(image.data as ArrayLike<number>, (value, i) => value + part * 3 * noise(i));
  return ndarray(data, image.shape, "float64");
}

function errorOf(part: number): number {
  return part ** 2 * 0.75;
}

/** An attack that ends where the noise is `rest` of what it started with. */
export function fakeAttack(rest: number, changes: Partial<AttackOutcome> = {}): AttackImages {
  const steps = 200;
  return async ({ images, labels, settings, onProgress, signal }) => {
    const parts = Array.from({ length: steps + 1 }, (_, step) => rest ** ((step / steps) ** 1.5));
    for (const [step, part] of parts.entries()) {
      signal?.throwIfAborted();
      onProgress?.({
        evaluation: step * 10,
        evaluations: settings.evaluations,
        matchingLoss: 40 * part ** 2,
      });
    }
    const meanSquaredError = errorOf(rest);
    const psnr = -10 * Math.log10(meanSquaredError);
    return {
      originals: images,
      recovered: fade(images, rest),
      labels,
      recoveredLabels: labels,
      matches: labels.map((_, i) => ({ original: i, recovered: i, meanSquaredError, psnr, ssim: 1 - rest })),
      labelKnowledge: typeof settings.labels === "string" ? settings.labels : "known",
      method: "dlg",
      distance: "squared",
      defence: undefined,
      attacker: "fades noise",
      curve: parts.map((part, step) => ({
        evaluation: step * 10,
        matchingLoss: 40 * part ** 2 * (1 + 0.4 * noise(step)),
        meanSquaredError: errorOf(part),
      })),
      frames: parts
        .map((part, step) => ({ evaluation: step * 10, images: fade(images, part) }))
        .filter((_, step) => step % 25 === 0 && step !== 25),
      mismatch: 1e-3 * rest ** 2,
      attempts: [
        {
          matchingLoss: 40 * rest ** 2,
          evaluations: steps * 10,
          status: "max-evaluations",
          reason: "all were used",
        },
      ],
      chosen: 0,
      evaluations: steps * 10,
      seconds: 2.4,
      ending: "its budget of gradient evaluations was spent",
      notes: [],
      model: { description: "LeNet with sigmoids", parameters: 85_036, classes: 100 },
      dtype: settings.dtype,
      ...changes,
    };
  };
}
