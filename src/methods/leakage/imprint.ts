import { type NDArray, ndarray } from "../../engine/ndarray.ts";
import * as op from "../../engine/ops/index.ts";
import { spec } from "../../engine/runtime/compile.ts";
import { sizeOf } from "../../engine/shape.ts";
import type { Tensor } from "../../engine/tensor.ts";
import { type Model, type Named, parameterAt } from "../../models/model.ts";
import { normalQuantile } from "../../numeric/special/normal.ts";
import { checkedLayer, type LinearLayerGradient } from "./invert-linear-layer.ts";

/**
 * Robbing the Fed (L. Fowl et al., "Robbing the Fed: Directly Obtaining Private Data in Federated Learning with Modified
 * Models", ICLR 2022): a malicious server puts a layer before the network that sorts examples into bins, and the shared
 * gradient then holds every example that is alone in its bin, verbatim.
 */

export interface ImprintOptions {
  /** How many bins; more than examples, so that most are alone in theirs. */
  readonly bins: number;
  /** The mean and the standard deviation of the measured quantity over the data: the mean pixel of an example. */
  readonly mean: number;
  readonly standardDeviation: number;
}

/** The three arrays of an imprint block; see {@link imprintLayer}. */
export interface ImprintLayer {
  /** [bins, features]: every row measures the mean of the input. */
  readonly weight: NDArray<"float64">;
  /** [bins]: minus the quantiles at which the bins begin, ascending. */
  readonly bias: NDArray<"float64">;
  /** [features, bins]: all columns are equal, so that the loss pulls at every active bin alike. */
  readonly output: NDArray<"float64">;
}

/**
 * The malicious layer: unit k is ReLU(mean(x) − q_k) with q_k the k / (bins + 1) quantile of N(mean, standardDeviation²),
 * so that an example activates every unit up to its bin.
 *
 * @param features entries of one example
 * @throws RangeError when the bins are not a positive integer or the standard deviation not a positive number
 */
export function imprintLayer(features: number, options: ImprintOptions): ImprintLayer {
  const { bins, mean, standardDeviation } = options;
  if (!Number.isInteger(bins) || bins < 1)
    throw new RangeError(`imprint: bins ${bins} is not a positive integer`);
  if (!(standardDeviation > 0 && standardDeviation < Infinity))
    throw new RangeError(`imprint: standardDeviation ${standardDeviation} is not a positive number`);
  const thresholds = Array.from(
    { length: bins },
    (_, k) => mean + standardDeviation * normalQuantile((k + 1) / (bins + 1)),
  );
  const filled = (rows: number, columns: number, value: number): NDArray<"float64"> =>
    ndarray(new Float64Array(rows * columns).fill(value), [rows, columns], "float64");
  return {
    weight: filled(bins, features, 1 / features),
    bias: ndarray(
      thresholds.map((threshold) => -threshold),
      [bins],
      "float64",
    ),
    output: filled(features, bins, 1 / bins),
  };
}

/**
 * A model behind an imprint block: x becomes x + output ReLU(weight x + bias), in the shape of x. Its parameters are the
 * model's and `imprint.weight`, `imprint.bias`, `imprint.output`.
 */
export function imprintedModel(model: Model, options: ImprintOptions): Model {
  const features = sizeOf(model.inputShape);
  const layer = imprintLayer(features, options);
  return {
    ...model,
    description: `${model.description} behind an imprint block of ${options.bins} bins`,
    parameters: (dtype) => ({
      imprint: {
        weight: spec(layer.weight.shape, dtype),
        bias: spec(layer.bias.shape, dtype),
        output: spec(layer.output.shape, dtype),
      },
      ...model.parameters(dtype),
    }),
    init: (stream, dtype) => ({
      imprint: {
        weight: ndarray(layer.weight.data, layer.weight.shape, dtype),
        bias: ndarray(layer.bias.data, layer.bias.shape, dtype),
        output: ndarray(layer.output.data, layer.output.shape, dtype),
      },
      ...model.init(stream, dtype),
    }),
    apply(values: Named<Tensor>, x: Tensor): Tensor {
      const { imprint: _, ...rest } = values;
      const flat = op.reshape(x, [x.shape[0] ?? 0, features]);
      const measured = op.add(
        op.matmul(flat, op.transpose(parameterAt(values, "imprint.weight"))),
        parameterAt(values, "imprint.bias"),
      );
      const through = op.matmul(op.relu(measured), op.transpose(parameterAt(values, "imprint.output")));
      return model.apply(rest, op.reshape(op.add(flat, through), x.shape));
    },
  };
}

/** What one bin gave. */
export interface ImprintedExample {
  /** The bin, from 0 for the smallest measured values. */
  readonly bin: number;
  /** [features]: an example verbatim where it was alone in the bin, else a weighted mean of those in it. */
  readonly input: Float64Array;
}

/**
 * The examples that an imprint block caught: the difference of neighbouring rows of the gradient holds those in one bin
 * alone, divided by that of the biases.
 *
 * @param gradient of `imprint.weight` and `imprint.bias`
 * @param options.tolerance a bin whose difference of bias gradients is below this part of the largest is empty; default 1e-9
 * @throws RangeError when the shapes do not belong together or an entry is not finite
 */
export function invertImprint(
  gradient: LinearLayerGradient,
  options: { readonly tolerance?: number } = {},
): ImprintedExample[] {
  const { tolerance = 1e-9 } = options;
  const { units, features, weight, bias } = checkedLayer(gradient);
  const difference = (values: Float64Array, bin: number, i: number, width: number): number =>
    (values[bin * width + i] ?? 0) - (bin + 1 < units ? (values[(bin + 1) * width + i] ?? 0) : 0);
  const largest = bias.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return Array.from({ length: units }, (_, bin) => ({ bin, delta: difference(bias, bin, 0, 1) }))
    .filter(({ delta }) => Math.abs(delta) > tolerance * largest)
    .map(({ bin, delta }) => ({
      bin,
      input: Float64Array.from({ length: features }, (_, i) => difference(weight, bin, i, features) / delta),
    }));
}
