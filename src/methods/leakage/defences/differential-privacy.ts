import { type NDArray, ndarray } from "../../../engine/ndarray.ts";
import * as op from "../../../engine/ops/index.ts";
import { compile, spec } from "../../../engine/runtime/compile.ts";
import type { Tensor } from "../../../engine/tensor.ts";
import { grad } from "../../../engine/transforms/grad.ts";
import { vmap } from "../../../engine/transforms/vmap.ts";
import type { Model, Named } from "../../../models/model.ts";
import type { RandomStream } from "../../../numeric/random.ts";
import { meanOfClippedRows } from "../../../training/row-clip.ts";
import type { NamedTensors } from "../../../training/trees.ts";
import { checkLabels, type Float } from "../shared-gradient.ts";
import { clipNorm } from "./clip.ts";
import { checkPositive, type Defence, type Gradient } from "./defence.ts";
import { addGaussianNoise } from "./noise.ts";
import { gaussianMechanismEpsilon } from "./privacy.ts";

/** The gradient of differentially private training (M. Abadi et al., "Deep Learning with Differential Privacy", 2016). */

export interface PrivateGradientRequest {
  readonly model: Model;
  readonly parameters: Named<NDArray>;
  /** [N, ...model.inputShape]. */
  readonly x: NDArray;
  readonly labels: readonly number[];
  readonly dtype: Float;
  /** The norm to which the gradient of each example is clipped. */
  readonly norm: number;
  /** The noise's standard deviation over that norm; 0 for none. */
  readonly noiseMultiplier: number;
  readonly stream: RandomStream;
}

/**
 * The mean of the examples' gradients, each clipped to the norm by itself, with N(0, (multiplier · norm)²) / N on every
 * entry.
 *
 * @throws RangeError when a label is not a class, the norm not positive or the multiplier negative
 */
export async function privateGradient(request: PrivateGradientRequest): Promise<Gradient> {
  const { model, parameters, x, labels, dtype, norm, noiseMultiplier, stream } = request;
  const examples = x.shape[0] ?? 0;
  checkLabels(labels, examples, model.classes);
  checkPositive("private gradient", "norm", norm);
  if (!(noiseMultiplier >= 0 && noiseMultiplier < Infinity))
    throw new RangeError(`private gradient: noiseMultiplier ${noiseMultiplier} is not a number from 0 up`);
  const gradientOfOne = (values: Named<Tensor>, example: Tensor, target: Tensor): Named<Tensor> =>
    grad((w: Named<Tensor>) =>
      op.softmaxCrossEntropy(model.apply(w, op.unsqueeze(example, 0)), op.unsqueeze(target, 0)),
    )(values);
  const step = await compile(
    (values, batch, classes) => {
      const targets = op.oneHot(classes, model.classes, dtype);
      const each = vmap(gradientOfOne, [null, 0, 0])(values as Named<Tensor>, batch, targets);
      return meanOfClippedRows(each as NamedTensors, norm);
    },
    [model.parameters(dtype), spec(x.shape, dtype), spec([examples], "int64")] as const,
    { threads: 1, checkFinite: true },
  );
  const mean = (await step.run(parameters, x, ndarray(labels, [examples], "int64"))) as Gradient;
  await step.dispose();
  if (noiseMultiplier === 0) return mean;
  return addGaussianNoise(mean, { scale: (noiseMultiplier * norm) / examples }, stream);
}

/** A defence with a promise: clipping, then noise in proportion to the norm. */
export interface PrivateDefence extends Defence {
  /** The epsilon of one release of one example's gradient (adding or removing the example), by the analytic Gaussian mechanism. */
  epsilon(delta: number): number;
}

/**
 * Clips a gradient to `norm` and adds N(0, (multiplier · norm)²) to every entry. For the gradient of one example this is
 * {@link privateGradient}; a mean over several must be clipped example by example, by that function, for its promise.
 */
export function clipAndNoise(norm: number, noiseMultiplier: number): PrivateDefence {
  checkPositive("dp", "norm", norm);
  checkPositive("dp", "noiseMultiplier", noiseMultiplier);
  return {
    text: `dp:${norm}:${noiseMultiplier}`,
    description: `clipping to norm ${norm}, then Gaussian noise of standard deviation ${noiseMultiplier * norm}`,
    effects: [{ kind: "scaling" }, { kind: "noise", deviation: noiseMultiplier * norm }],
    perExample: { norm, noise: noiseMultiplier * norm },
    apply: async (gradient, { stream }) =>
      addGaussianNoise(clipNorm(gradient, norm), { scale: noiseMultiplier * norm }, stream),
    epsilon: (delta) => gaussianMechanismEpsilon(noiseMultiplier, delta),
  };
}
