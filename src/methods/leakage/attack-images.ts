import { castArray, type NDArray, ndarray } from "../../engine/ndarray.ts";
import { sizeOf } from "../../engine/shape.ts";
import { attackGradient } from "./attack-gradient.ts";
import type { AttackOutcome, AttackRequest, Frame } from "./attack-outcome.ts";
import { clientGradients } from "./client.ts";
import { type MatchedImage, matchImages } from "./match-images.ts";

/**
 * One attack from end to end, for a demonstration: plays the client, who computes the gradient of its images and defends
 * it, then the attacker, who sees the network and the gradient alone, then the judge, who compares with the originals.
 *
 * @throws RangeError when a label is not a class of the model, or as {@link attackGradient}
 * @throws the signal's reason when it is aborted
 */
export async function attackImages(request: AttackRequest): Promise<AttackOutcome> {
  const { model, parameters, images, labels, noise, settings } = request;
  const { plan, dtype } = settings;
  const client = { model, parameters, x: images, labels, plan, noise, dtype };
  const { shared: gradient } = await clientGradients(client);
  const originals = castArray(images, "float64");
  const errors = (found: NDArray<"float64">): MatchedImage[] => matchImages(originals, found);
  const outcome = await attackGradient({
    ...request,
    gradient,
    examples: labels.length,
    errorOf: (found) => worstOf(errors(ndarray(found, originals.shape, "float64"))),
  });
  const matches = errors(outcome.recovered);
  const order = matches.map(({ recovered }) => recovered);
  return {
    ...outcome,
    originals,
    labels,
    matches,
    recovered: reordered(outcome.recovered, order),
    recoveredLabels: order.map((place) => outcome.recoveredLabels[place] ?? 0),
    frames: outcome.frames.map(
      ({ evaluation, images }): Frame => ({
        evaluation,
        images: reordered(castArray(images, "float64"), order),
      }),
    ),
  };
}

/** The largest mean squared error of a batch. */
export function worstOf(matches: readonly MatchedImage[]): number {
  return Math.max(...matches.map(({ meanSquaredError }) => meanSquaredError));
}

function reordered(images: NDArray<"float64">, order: readonly number[]): NDArray<"float64"> {
  const size = sizeOf(images.shape.slice(1));
  const data = new Float64Array(images.data.length);
  for (const [to, from] of order.entries())
    data.set(images.data.subarray(from * size, (from + 1) * size), to * size);
  return ndarray(data, images.shape, "float64");
}
