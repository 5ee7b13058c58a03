import type { RandomStream } from "../../../numeric/random.ts";
import { checkPositive, type Defence, type Gradient, mapTensors } from "./defence.ts";

/**
 * Noise on every entry. Papers and code give its strength in different numbers, so both are asked for by name: the paper
 * of the attack speaks of the variance, many of its re-implementations draw with that number as the scale.
 */
export type NoiseStrength = { readonly scale: number } | { readonly variance: number };

/** Independent N(0, scale²) on every entry: the scale is the standard deviation. */
export function addGaussianNoise(
  gradient: Gradient,
  strength: NoiseStrength,
  stream: RandomStream,
): Gradient {
  const scale = "scale" in strength ? strength.scale : Math.sqrt(strength.variance);
  checkPositive("gaussian noise", "the scale or variance", scale);
  return mapTensors(gradient, (entries) => {
    const noise = stream.normal(entries.length, 0, scale);
    return entries.map((entry, i) => entry + (noise[i] ?? 0));
  });
}

/** Independent Laplace(0, scale) on every entry: its density falls by e over one scale, its variance is 2 scale². */
export function addLaplacianNoise(
  gradient: Gradient,
  strength: NoiseStrength,
  stream: RandomStream,
): Gradient {
  const scale = "scale" in strength ? strength.scale : Math.sqrt(strength.variance / 2);
  checkPositive("laplacian noise", "the scale or variance", scale);
  return mapTensors(gradient, (entries) => {
    // The difference of two exponential numbers is a Laplace one.
    const plus = stream.exponential(entries.length, scale);
    const minus = stream.exponential(entries.length, scale);
    return entries.map((entry, i) => entry + ((plus[i] ?? 0) - (minus[i] ?? 0)));
  });
}

/** {@link addGaussianNoise} as a defence. */
export function gaussianNoise(strength: NoiseStrength): Defence {
  return {
    text: `noise:gaussian:${textOf(strength)}`,
    description: `Gaussian noise of ${wordsOf(strength, "standard deviation")} on every entry`,
    effects: [
      { kind: "noise", deviation: "scale" in strength ? strength.scale : Math.sqrt(strength.variance) },
    ],
    apply: async (gradient, { stream }) => addGaussianNoise(gradient, strength, stream),
  };
}

/** {@link addLaplacianNoise} as a defence. */
export function laplacianNoise(strength: NoiseStrength): Defence {
  return {
    text: `noise:laplacian:${textOf(strength)}`,
    description: `Laplacian noise of ${wordsOf(strength, "scale")} on every entry`,
    effects: [
      {
        kind: "noise",
        deviation: "scale" in strength ? Math.SQRT2 * strength.scale : Math.sqrt(strength.variance),
      },
    ],
    apply: async (gradient, { stream }) => addLaplacianNoise(gradient, strength, stream),
  };
}

function textOf(strength: NoiseStrength): string {
  return "scale" in strength ? `${strength.scale}` : `variance=${strength.variance}`;
}

function wordsOf(strength: NoiseStrength, scale: string): string {
  return "scale" in strength ? `${scale} ${strength.scale}` : `variance ${strength.variance}`;
}
