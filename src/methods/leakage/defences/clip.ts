import { checkPositive, type Defence, type Gradient, gradientNorm, mapTensors } from "./defence.ts";

/** The gradient, scaled down to the norm where it is longer, as one vector over all tensors. */
export function clipNorm(gradient: Gradient, norm: number): Gradient {
  checkPositive("clip", "norm", norm);
  const factor = Math.min(1, norm / gradientNorm(gradient));
  return factor < 1 ? mapTensors(gradient, (entries) => entries.map((entry) => entry * factor)) : gradient;
}

/**
 * {@link clipNorm} as a defence. By itself it hides nothing: a cosine does not see the length, and the length follows
 * from the network (see the closed form).
 */
export function clip(norm: number): Defence {
  checkPositive("clip", "norm", norm);
  return {
    text: `clip:${norm}`,
    description: `clipping to norm ${norm}`,
    effects: [{ kind: "scaling" }],
    perExample: { norm, noise: 0 },
    apply: async (gradient) => clipNorm(gradient, norm),
  };
}
