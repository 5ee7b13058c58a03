import { type NDArray, ndarray, zerosArray } from "../../engine/ndarray.ts";
import * as op from "../../engine/ops/index.ts";
import type { Spec, Tensor } from "../../engine/tensor.ts";
import type { ParameterSpec } from "../initialisation.ts";
import { type FloatDType, type Named, parameterAt } from "../model.ts";

/** Normalisation with a learned scale (`weight`) and shift (`bias`) of `features` numbers each. */

export function normalisationParameters(features: number, dtype: FloatDType): Named<ParameterSpec> {
  const fans = { fanIn: features, fanOut: features };
  return {
    weight: { shape: [features], dtype, role: "scale", ...fans },
    bias: { shape: [features], dtype, role: "shift", ...fans },
  };
}

/** The running statistics of batch normalisation, named as torch.nn.BatchNorm2d names them. */
export function batchNormBuffers(channels: number, dtype: FloatDType): Named<Spec> {
  return {
    running_mean: { shape: [channels], dtype },
    running_var: { shape: [channels], dtype },
    num_batches_tracked: { shape: [], dtype: "int64" },
  };
}

/** Mean 0, variance 1, no batches. */
export function initialBatchNormBuffers(channels: number, dtype: FloatDType): Named<NDArray> {
  return {
    running_mean: zerosArray([channels], dtype),
    running_var: ndarray(new Float64Array(channels).fill(1), [channels], dtype),
    num_batches_tracked: zerosArray([], "int64"),
  };
}

const momentum = 0.1;

/**
 * Batch normalisation of x [N, C, H, W] by the statistics of the batch. The running statistics move by a tenth towards
 * those of the batch, the variance with Bessel's correction, as in torch.nn.BatchNorm2d (momentum 0.1, epsilon 1e-5).
 *
 * @throws RangeError when a channel has a single number, which has no variance
 */
export function batchNormTraining(
  parameters: Named<Tensor>,
  x: Tensor,
): { readonly output: Tensor; readonly updated: (buffers: Named<Tensor>) => Named<Tensor> } {
  const [, channels = 1] = x.shape;
  const count = x.size / channels;
  if (count < 2)
    throw new RangeError(
      "batch normalisation in training needs more than 1 number for each channel: a larger batch or larger images",
    );
  const { output, mean, variance } = op.batchNorm(
    x,
    parameterAt(parameters, "weight"),
    parameterAt(parameters, "bias"),
  );
  const towards = (running: Tensor, now: Tensor): Tensor =>
    op.add(op.mul(running, 1 - momentum), op.mul(now, momentum));
  return {
    output,
    updated: (buffers) => ({
      running_mean: towards(parameterAt(buffers, "running_mean"), mean),
      running_var: towards(parameterAt(buffers, "running_var"), op.mul(variance, count / (count - 1))),
      num_batches_tracked: op.add(parameterAt(buffers, "num_batches_tracked"), 1),
    }),
  };
}

/** Batch normalisation of x [N, C, H, W] by the running statistics. */
export function batchNormInference(parameters: Named<Tensor>, buffers: Named<Tensor>, x: Tensor): Tensor {
  return op.batchNorm(x, parameterAt(parameters, "weight"), parameterAt(parameters, "bias"), {
    statistics: {
      mean: parameterAt(buffers, "running_mean"),
      variance: parameterAt(buffers, "running_var"),
    },
  }).output;
}

/** Groups of channels for {@link groupNorm}: at most 32, with two channels at least in each where there are two. */
export function groupsOf(channels: number): number {
  for (let groups = Math.min(32, channels >> 1); groups > 1; groups--)
    if (channels % groups === 0) return groups;
  return 1;
}

/** Group normalisation of x [N, C, H, W] (Wu, He 2018), in {@link groupsOf} groups, epsilon 1e-5. */
export function groupNorm(parameters: Named<Tensor>, x: Tensor): Tensor {
  const [examples = 0, channels = 1] = x.shape;
  const grouped = op.reshape(x, [examples, groupsOf(channels), x.size / examples / groupsOf(channels)]);
  const centred = op.sub(grouped, op.mean(grouped, { axes: -1, keepAxes: true }));
  const variance = op.mean(op.square(centred), { axes: -1, keepAxes: true });
  const normal = op.reshape(op.mul(centred, op.rsqrt(op.add(variance, 1e-5))), x.shape);
  const perChannel = (name: string): Tensor =>
    op.reshape(parameterAt(parameters, name), [channels, ...x.shape.slice(2).map(() => 1)]);
  return op.add(op.mul(normal, perChannel("weight")), perChannel("bias"));
}

/** Layer normalisation over the last axis (Ba et al. 2016). */
export function layerNorm(
  parameters: Named<Tensor>,
  x: Tensor,
  options: { readonly epsilon: number },
): Tensor {
  return op.layerNorm(x, parameterAt(parameters, "weight"), parameterAt(parameters, "bias"), options);
}
