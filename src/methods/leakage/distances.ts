import * as op from "../../engine/ops/index.ts";
import type { Tensor } from "../../engine/tensor.ts";

/** How far apart two gradients are, as terms of a sum over their tensors. */

/** One weight for all tensors of a gradient, or one for each in the order of the parameters. */
export type Weights = number | readonly number[];

/** A weighted sum of distances between two gradients g and g*; what is absent does not count. */
export interface DistanceTerms {
  /** Σ (g − g*)², over every entry of every tensor: no half, no mean (Zhu et al. 2019, equation 4). */
  readonly squared?: Weights;
  /** Σ |g − g*|. */
  readonly absolute?: Weights;
  /** 1 − ⟨g, g*⟩ / (‖g‖ ‖g*‖), over all tensors as one vector (Geiping et al. 2020, equation 4). */
  readonly cosine?: number;
  /** The mean over the tensors of 1 − ⟨g, g*⟩ / (‖g‖ ‖g*‖) of each (Balunović et al. 2022, "LAMP"). */
  readonly tensorCosine?: number;
}

/**
 * A distance by name: `squared` (DLG), `absolute`, `cosine` (Inverting Gradients: the length of the gradient does not
 * count, so that clipping does not help), `tensor-cosine`, or `tag` (Deng et al. 2021: squared, and a tenth of the absolute distance with weights that
 * fall linearly from the first tensor to the last).
 */
export type Distance = "squared" | "absolute" | "cosine" | "tensor-cosine" | "tag" | DistanceTerms;

/** The distance's terms for a gradient of so many tensors. */
export function distanceTerms(distance: Distance, tensors: number): DistanceTerms {
  switch (distance) {
    case "squared":
      return { squared: 1 };
    case "absolute":
      return { absolute: 1 };
    case "cosine":
      return { cosine: 1 };
    case "tensor-cosine":
      return { tensorCosine: 1 };
    case "tag":
      return {
        squared: 1,
        absolute: Array.from({ length: tensors }, (_, i) => 0.1 * (1 - i / tensors)),
      };
    default:
      return distance;
  }
}

/**
 * The distance between two gradients in the graph.
 *
 * @param found the tensors of one gradient, differentiable
 * @param target those of the other, of the same shapes
 * @throws RangeError when there are no terms, or a weight is negative, not finite or missing for a tensor
 */
export function gradientDistance(
  found: readonly Tensor[],
  target: readonly Tensor[],
  distance: Distance,
): Tensor {
  const terms = distanceTerms(distance, found.length);
  const pairs = found.map((entry, i): [Tensor, Tensor] => [entry, requireAt(target, i)]);
  const parts: Tensor[] = [];
  const weighted = (name: string, weights: Weights, part: (a: Tensor, b: Tensor) => Tensor): void => {
    for (const [i, [a, b]] of pairs.entries()) {
      const weight = typeof weights === "number" ? weights : weights[i];
      if (weight === undefined || !(weight >= 0 && weight < Infinity))
        throw new RangeError(
          `distance: the weight of ${name} is ${weight} for tensor ${i} of ${found.length}; it must be a number from 0 up`,
        );
      if (weight > 0) parts.push(scaled(part(a, b), weight));
    }
  };
  if (terms.squared !== undefined)
    weighted("squared", terms.squared, (a, b) => op.sum(op.square(op.sub(a, b))));
  if (terms.absolute !== undefined)
    weighted("absolute", terms.absolute, (a, b) => op.sum(op.abs(op.sub(a, b))));
  if (terms.cosine !== undefined)
    weighted("cosine", [terms.cosine, ...found.slice(1).map(() => 0)], () => {
      const total = (part: (a: Tensor, b: Tensor) => Tensor): Tensor =>
        addAll(pairs.map(([a, b]) => op.sum(part(a, b))));
      return oneMinusCosine(
        total((a, b) => op.mul(a, b)),
        total((a) => op.square(a)),
        total((_, b) => op.square(b)),
      );
    });
  if (terms.tensorCosine !== undefined)
    weighted("tensorCosine", terms.tensorCosine / found.length, (a, b) =>
      oneMinusCosine(op.sum(op.mul(a, b)), op.sum(op.square(a)), op.sum(op.square(b))),
    );
  if (parts.length === 0) throw new RangeError("distance: no term has a weight above 0");
  return addAll(parts);
}

function oneMinusCosine(product: Tensor, squaredA: Tensor, squaredB: Tensor): Tensor {
  return op.sub(1, op.div(product, op.mul(op.sqrt(squaredA), op.sqrt(squaredB))));
}

function scaled(x: Tensor, weight: number): Tensor {
  return weight === 1 ? x : op.mul(x, weight);
}

function addAll(terms: readonly Tensor[]): Tensor {
  return terms.reduce((total, term) => op.add(total, term));
}

function requireAt(tensors: readonly Tensor[], i: number): Tensor {
  const tensor = tensors[i];
  if (tensor === undefined)
    throw new RangeError(`distance: ${tensors.length} tensors, number ${i} is wanted`);
  return tensor;
}
