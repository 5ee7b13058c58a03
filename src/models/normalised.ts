import { ndarray } from "../engine/ndarray.ts";
import * as op from "../engine/ops/index.ts";
import type { Tensor } from "../engine/tensor.ts";
import type { ApplyOptions, Model, Named } from "./model.ts";

/** What is taken off each channel and what it is then divided by. */
export interface ChannelStatistics {
  /** One number for each channel, or one for all. */
  readonly mean: readonly number[];
  /** Standard deviations, above 0. */
  readonly deviation: readonly number[];
}

/** A model that is given images as they are and normalises them itself. */
export interface NormalisedModel extends Model {
  /** The model that takes normalised images. */
  readonly inner: Model;
  /** The image [channels, height, width] that was normalised to these values. */
  imageOf(normalised: Float64Array): Float64Array;
}

/**
 * A model of images [channels, height, width] with the normalisation of its training set in front: (x − mean) / deviation
 * in each channel, as torchvision's `Normalize`.
 *
 * @throws RangeError when the model does not take images, or the numbers are not as many as its channels or out of range
 */
export function normalised(model: Model, { mean, deviation }: ChannelStatistics): NormalisedModel {
  const [channels = 0, height = 0, width = 0] = model.inputShape;
  if (model.inputShape.length !== 3 || model.inputDType !== undefined)
    throw new RangeError(
      `normalisation: inputs [${model.inputShape.join(", ")}]; expected images [channels, height, width]`,
    );
  const perChannel = (name: string, values: readonly number[], isRight: (value: number) => boolean) => {
    if (values.length !== 1 && values.length !== channels)
      throw new RangeError(
        `normalisation: ${name} has ${values.length} numbers; expected 1, or ${channels}, one for each channel`,
      );
    const bad = values.find((value) => !isRight(value));
    if (bad !== undefined) throw new RangeError(`normalisation: ${name} holds ${bad}`);
    return Float64Array.from({ length: channels }, (_, c) => values[values.length === 1 ? 0 : c] ?? 0);
  };
  const means = perChannel("mean", mean, Number.isFinite);
  const deviations = perChannel("deviation", deviation, (value) => value > 0 && value < Infinity);
  const area = height * width;
  const front = (x: Tensor): Tensor => {
    const each = (values: Float64Array): Tensor =>
      op.cast(op.constant(ndarray(values, [channels, 1, 1], "float64")), x.dtype);
    return op.div(op.sub(x, each(means)), each(deviations));
  };
  const { applyTraining } = model;
  return {
    ...model,
    inner: model,
    imageOf: (values) =>
      values.map((value, i) => {
        const channel = Math.floor(i / area) % channels;
        return value * (deviations[channel] ?? 1) + (means[channel] ?? 0);
      }),
    apply: (parameters: Named<Tensor>, x: Tensor, options?: ApplyOptions) =>
      model.apply(parameters, front(x), options),
    ...(applyTraining && {
      applyTraining: (parameters, buffers, x, options) =>
        applyTraining.call(model, parameters, buffers, front(x), options),
    }),
  };
}

export function isNormalised(model: Model): model is NormalisedModel {
  return "imageOf" in model;
}
