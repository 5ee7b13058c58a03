import { type NDArray, ndarray } from "../../engine/ndarray.ts";
import type { Model, Named } from "../../models/model.ts";
import { isNormalised } from "../../models/normalised.ts";
import { type Attack, content, type Found, mismatchOf, requireLabels, requireSingle } from "./attack-task.ts";
import { closedForm } from "./closed-form.ts";
import { invertLinearLayer } from "./invert-linear-layer.ts";
import { findFirstLayer, layerOf } from "./outer-layers.ts";

/** Attacks that read the input off the gradient, without a search. */

/** The input of a fully connected first layer. */
export async function readLinear(attack: Attack): Promise<Found> {
  requireSingle(attack, "linear");
  const { model, parameters, gradient } = attack.request;
  const images = await readFirstLayer(model, parameters, gradient);
  return readOff(attack, images, requireLabels(attack, "linear"));
}

/** LeNet's input, layer by layer from the output. */
export async function readClosedForm(attack: Attack): Promise<Found> {
  requireSingle(attack, "closed-form");
  const { model, parameters, gradient } = attack.request;
  const [channels = 0, height = 0, width = 0] = model.inputShape;
  const found = await closedForm({ parameters, gradient, inputShape: [channels, height, width] });
  return readOff(attack, found.images, attack.known.labels ?? [found.label]);
}

/** @throws RangeError when the network does not begin with a linear layer, or none of its units was active */
async function readFirstLayer(
  model: Model,
  parameters: Named<NDArray>,
  gradient: Named<NDArray>,
): Promise<NDArray<"float64">> {
  const imageOf = isNormalised(model) ? model.imageOf : (input: Float64Array) => input;
  const place = await findFirstLayer(isNormalised(model) ? model.inner : model, parameters);
  const { weight, bias } = place === undefined ? {} : layerOf(gradient, place);
  if (weight === undefined || bias === undefined)
    throw new RangeError(
      `linear: ${model.description} does not begin with a fully connected layer with a bias that takes the input as it is`,
    );
  return ndarray(imageOf(invertLinearLayer({ weight, bias })), [1, ...model.inputShape], "float64");
}

/** Inputs that were read off, with the check that the attacker can make of them. */
async function readOff(
  { request, matching }: Attack,
  images: NDArray<"float64">,
  labels: readonly number[],
): Promise<Found> {
  const { matchingLoss, mismatch } = await mismatchOf({ ...matching, labels }, images);
  const meanSquaredError = request.errorOf?.(images.data) ?? Number.NaN;
  return {
    recovered: images,
    recoveredLabels: labels,
    curve: [{ evaluation: 1, matchingLoss, meanSquaredError }],
    frames: [],
    mismatch,
    attempts: [],
    chosen: 0,
    evaluations: 1,
    ending: mismatch <= content ? "the gradients match" : "what is read off cannot be bettered",
  };
}
