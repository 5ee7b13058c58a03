import * as op from "../../engine/ops/index.ts";
import type { Tensor } from "../../engine/tensor.ts";

/** What an attacker believes of an image before any gradient: terms added to the matching loss, each with its weight. */
export interface Priors {
  /**
   * The anisotropic total variation: the mean of |differences| down the rows plus that along them, over all images and
   * channels (Geiping et al. 2020, whose weight is 0.1 beside the cosine distance). Images must have two axes of pixels.
   */
  readonly totalVariation?: number;
  /** Rounds the corners of the total variation: |d| becomes √(d² + smoothing²). 0 by default; L-BFGS moves better with 0.01. */
  readonly smoothing?: number;
  /** The mean of the squared distances of the pixels from [0, 1]: a box for a minimiser that cannot be clamped. */
  readonly box?: number;
  /** The mean of the squared pixels. */
  readonly squares?: number;
}

/**
 * The priors' terms for a batch of inputs, weighted, or undefined where no weight is above 0.
 *
 * @param x [N, ..., height, width]
 * @throws RangeError when a weight is negative or not finite, or total variation is asked of inputs without two axes of
 *   two pixels
 */
export function priorTerms(
  x: Tensor,
  { totalVariation = 0, smoothing = 0, box = 0, squares = 0 }: Priors,
): Tensor | undefined {
  for (const [name, weight] of Object.entries({ totalVariation, smoothing, box, squares }))
    if (!(weight >= 0 && weight < Infinity))
      throw new RangeError(`prior: the weight of ${name} is ${weight}; it must be a number from 0 up`);
  const terms: Tensor[] = [];
  if (totalVariation > 0) terms.push(op.mul(variation(x, smoothing), totalVariation));
  if (box > 0) {
    const outside = op.add(op.relu(op.neg(x)), op.relu(op.sub(x, 1)));
    terms.push(op.mul(op.mean(op.square(outside)), box));
  }
  if (squares > 0) terms.push(op.mul(op.mean(op.square(x)), squares));
  return terms.length === 0 ? undefined : terms.reduce((total, term) => op.add(total, term));
}

function variation(x: Tensor, smoothing: number): Tensor {
  const [height = 0, width = 0] = x.rank > 2 ? x.shape.slice(-2) : [];
  if (height < 2 || width < 2)
    throw new RangeError(
      `prior: total variation needs images of at least 2 x 2 pixels, the inputs have shape [${x.shape}]`,
    );
  const along = (axis: "down" | "across"): Tensor => {
    const part = (from: number, to: number): Tensor =>
      op.slice(
        x,
        ...x.shape.slice(0, -2).map(() => [] as const),
        axis === "down" ? [from, height + to] : [],
        axis === "across" ? [from, width + to] : [],
      );
    const step = op.sub(part(1, 0), part(0, -1));
    return op.mean(smoothing === 0 ? op.abs(step) : op.sqrt(op.add(op.square(step), smoothing ** 2)));
  };
  return op.add(along("down"), along("across"));
}
