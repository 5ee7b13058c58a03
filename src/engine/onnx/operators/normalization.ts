import { expand, sum } from "../../ops/broadcast.ts";
import { onesLike, zerosLike } from "../../ops/constants.ts";
import * as e from "../../ops/elementwise.ts";
import { batchNorm, layerNorm } from "../../ops/network.ts";
import { mean, norm, variance } from "../../ops/reduction.ts";
import { reshape } from "../../ops/shape.ts";
import { pad, sliceAxis } from "../../ops/slicing.ts";
import { normalizeAxis } from "../../shape.ts";
import type { Tensor } from "../../tensor.ts";
import {
  attribute,
  type Call,
  type OperatorTable,
  optionalNumbers,
  optionalTensor,
  tensor,
  type Value,
  value,
} from "./call.ts";

/** Normalisations, and dropout. */

/**
 * For inference with the stored statistics. A node that trains (the attribute `training_mode`; before operator set
 * 14, more than one output) uses the batch's and gives the new running averages.
 */
function batchNormalization(call: Call): readonly Value[] {
  const x = tensor(call, 0);
  const scale = tensor(call, 1);
  const shift = tensor(call, 2);
  const running = { mean: tensor(call, 3), variance: tensor(call, 4) };
  const epsilon = attribute(call, "epsilon", Math.fround(1e-5));
  const used = call.node.outputs.filter((name) => name !== "").length;
  const training = call.opset >= 14 ? attribute(call, "training_mode", 0) === 1 : used > 1;
  if (!training) return [batchNorm(x, scale, shift, { epsilon, statistics: running }).output];
  const result = batchNorm(x, scale, shift, { epsilon });
  const momentum = attribute(call, "momentum", Math.fround(0.9));
  const average = (old: Tensor, fresh: Tensor): Tensor =>
    e.add(e.mul(old, momentum), e.mul(fresh, 1 - momentum));
  return [
    result.output,
    average(running.mean, result.mean),
    average(running.variance, result.variance),
    ...(call.opset < 14 ? [result.mean, result.variance] : []),
  ];
}

/** (x - mean) / sqrt(variance + epsilon) over the given axes. */
function standardized(x: Tensor, axes: readonly number[], epsilon: number): Tensor {
  const centred = e.sub(x, mean(x, { axes, keepAxes: true }));
  return e.mul(centred, e.rsqrt(e.add(variance(x, { axes, keepAxes: true }), epsilon)));
}

function axesFrom(first: number, rank: number): number[] {
  return Array.from({ length: rank - first }, (_, i) => first + i);
}

/** One number for each channel of x [N, C, ...], shaped to broadcast. */
function perChannel(parameter: Tensor, rank: number): Tensor {
  return reshape(parameter, [parameter.size, ...new Array<number>(rank - 2).fill(1)]);
}

function instanceNormalization(call: Call): Tensor {
  const x = tensor(call, 0);
  const normal = standardized(x, axesFrom(2, x.rank), attribute(call, "epsilon", Math.fround(1e-5)));
  return e.add(e.mul(normal, perChannel(tensor(call, 1), x.rank)), perChannel(tensor(call, 2), x.rank));
}

/** Until operator set 20 scale and bias are one number a group, since 21 one a channel. */
function groupNormalization(call: Call): Tensor {
  const x = tensor(call, 0);
  const [examples = 0, channels = 0, ...spatial] = x.shape;
  const groups = attribute(call, "num_groups", 1);
  if (channels % groups !== 0) throw new Error(`${channels} channels are not ${groups} equal groups`);
  const grouped = reshape(x, [examples, groups, channels / groups, ...spatial]);
  const normal = standardized(
    grouped,
    axesFrom(2, grouped.rank),
    attribute(call, "epsilon", Math.fround(1e-5)),
  );
  const scale = tensor(call, 1);
  const shift = tensor(call, 2);
  if (scale.size === groups && groups !== channels)
    return reshape(
      e.add(e.mul(normal, perChannel(scale, grouped.rank)), perChannel(shift, grouped.rank)),
      x.shape,
    );
  return e.add(e.mul(reshape(normal, x.shape), perChannel(scale, x.rank)), perChannel(shift, x.rank));
}

function layerNormalization(call: Call): readonly Value[] {
  const x = tensor(call, 0);
  const axis = normalizeAxis(attribute(call, "axis", -1), x.rank, "LayerNormalization");
  const epsilon = attribute(call, "epsilon", Math.fround(1e-5));
  const span = x.shape.slice(axis);
  const scale = expand(tensor(call, 1), span);
  const bias = optionalTensor(call, 2);
  const shift = bias === undefined ? zerosLike(scale) : expand(bias, span);
  const output = layerNorm(x, scale, shift, { epsilon });
  if (call.node.outputs.slice(1).every((name) => name === "")) return [output];
  const axes = axesFrom(axis, x.rank);
  const average = mean(x, { axes, keepAxes: true });
  return [output, average, e.rsqrt(e.add(variance(x, { axes, keepAxes: true }), epsilon))];
}

/** x / sqrt(mean(x^2) + epsilon), scaled (Zhang, Sennrich 2019). */
function rootMeanSquareNormalization(call: Call): Tensor {
  const x = tensor(call, 0);
  const axis = normalizeAxis(attribute(call, "axis", -1), x.rank, call.node.type);
  const power = mean(e.square(x), { axes: axesFrom(axis, x.rank), keepAxes: true });
  const epsilon = attribute(call, "epsilon", Math.fround(1e-5));
  return e.mul(e.mul(x, e.rsqrt(e.add(power, epsilon))), tensor(call, 1));
}

/** x over its norm; zeros, whose norm is 0, stay zeros. */
function lpNormalization(call: Call): Tensor {
  const x = tensor(call, 0);
  const options = { axes: [attribute(call, "axis", -1)], keepAxes: true };
  const length = attribute(call, "p", 2) === 1 ? sum(e.abs(x), options) : norm(x, options);
  return e.div(x, e.where(e.equal(length, 0), 1, length));
}

/**
 * Local response normalisation over neighbouring channels (Krizhevsky et al. 2012). Channels that are not there count
 * as zeros, so that no window needs to reach further than the channels do.
 */
function localResponse(call: Call): Tensor {
  const x = tensor(call, 0);
  const size = attribute(call, "size", 1);
  const channels = x.shape[1] ?? 0;
  if (!(size >= 1)) throw new Error(`size ${size} is not a number of channels`);
  const reach = Math.max(0, channels - 1);
  const before = Math.min(reach, Math.floor((size - 1) / 2));
  const after = Math.min(reach, Math.ceil((size - 1) / 2));
  if (before + after > 10_000)
    throw new Error(`size ${size} over ${channels} channels is too much to add up`);
  const padded = pad(
    e.square(x),
    x.shape.map((_, axis): [number, number] => (axis === 1 ? [before, after] : [0, 0])),
  );
  const windows = Array.from({ length: before + 1 + after }, (_, i) => sliceAxis(padded, 1, i, i + channels));
  const total = windows.reduce((a, b) => e.add(a, b));
  const alpha = attribute(call, "alpha", Math.fround(1e-4));
  const base = e.add(e.mul(total, alpha / size), attribute(call, "bias", 1));
  return e.div(x, e.pow(base, attribute(call, "beta", 0.75)));
}

function meanVariance(call: Call): Tensor {
  const axes = call.node.attributes.get("axes");
  const list = axes?.kind === "numbers" ? axes.value : [0, 2, 3];
  const x = tensor(call, 0);
  const centred = e.sub(x, mean(x, { axes: list, keepAxes: true }));
  return e.div(centred, e.add(e.sqrt(mean(e.square(centred), { axes: list, keepAxes: true })), 1e-9));
}

/** The identity and a mask of ones, as for inference. A node that says it trains needs randomness: an error. */
function dropout(call: Call): readonly Value[] {
  const x = value(call, 0);
  const ratio = optionalNumbers(call, 1)?.[0] ?? 0.5;
  const training = (optionalNumbers(call, 2)?.[0] ?? 0) !== 0;
  if (training && ratio !== 0)
    throw new Error("it trains: randomness is never in a graph; export the model for inference");
  if ((call.node.outputs[1] ?? "") === "") return [x];
  return [x, e.cast(onesLike(tensor(call, 0)), "bool")];
}

export const normalizations: OperatorTable = {
  BatchNormalization: batchNormalization,
  InstanceNormalization: instanceNormalization,
  GroupNormalization: groupNormalization,
  LayerNormalization: layerNormalization,
  // ONNX Runtime's, which it registers in ONNX's own domain.
  SimplifiedLayerNormalization: rootMeanSquareNormalization,
  LpNormalization: lpNormalization,
  LRN: localResponse,
  MeanVarianceNormalization: meanVariance,
  Dropout: { apply: dropout, staticInputs: [1, 2] },
};
