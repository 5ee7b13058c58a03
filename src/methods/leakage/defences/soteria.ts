import { type NDArray, ndarray } from "../../../engine/ndarray.ts";
import * as op from "../../../engine/ops/index.ts";
import { compile, spec } from "../../../engine/runtime/compile.ts";
import type { Tensor } from "../../../engine/tensor.ts";
import { jacobian } from "../../../engine/transforms/jvp.ts";
import * as tree from "../../../engine/tree.ts";
import type { Model, Named } from "../../../models/model.ts";
import { checkRange, type Defence, type Gradient } from "./defence.ts";

/** Soteria (J. Sun et al., "Soteria: Provable Defense against Privacy Leakage in Federated Learning", CVPR 2021). */

export interface SoteriaRequest {
  /** A network that ends in a linear layer with weight [classes, features] and bias. */
  readonly model: Model;
  readonly parameters: Named<NDArray>;
  /** The client's examples, [N, ...model.inputShape]. */
  readonly x: NDArray;
}

/**
 * How much each entry r_i of the representation, the input of the last linear layer, says of the example:
 * ‖∂r_i/∂x‖ / |r_i|, the mean over the examples. The defence hides those with the smallest.
 *
 * The representation is what the network gives with the identity in the place of its last linear layer.
 *
 * @returns one number for each feature
 * @throws RangeError when the model's last two parameters are not a linear layer's
 */
export async function soteriaScores({ model, parameters, x }: SoteriaRequest): Promise<Float64Array> {
  const features = lastLayer(parameters).weight.shape[1] ?? 0;
  const dtype = x.dtype as "float32" | "float64";
  const one = (values: Named<Tensor>, example: Tensor): readonly [Tensor, Tensor] => {
    const leaves = tree.leaves(values) as Tensor[];
    const { weightPlace, biasPlace } = lastLayer(parameters);
    leaves[weightPlace] = op.eye(features, features, dtype);
    leaves[biasPlace] = op.zeros([features], dtype);
    const identity = tree.unflatten(values, leaves) as Named<Tensor>;
    const represent = (pixels: Tensor): Tensor =>
      op.reshape(model.apply(identity, op.reshape(pixels, [1, ...model.inputShape])), [features]);
    const flat = op.reshape(example, [example.size]);
    const slopes = op.reshape(jacobian(represent)(flat), [features, example.size]);
    return [op.sum(op.square(slopes), { axes: 1 }), represent(flat)];
  };
  const size = model.inputShape.reduce((product, length) => product * length, 1);
  const step = await compile(
    (values, example) => one(values as Named<Tensor>, example),
    [model.parameters(dtype), spec([size], dtype)] as const,
    { threads: 1, checkFinite: true },
  );
  const scores = new Float64Array(features);
  const examples = x.shape[0] ?? 0;
  const data = x.data as Float64Array;
  for (let n = 0; n < examples; n++) {
    const example = ndarray(data.slice(n * size, (n + 1) * size), [size], dtype);
    const [squares, values] = (await step.run(parameters, example)) as readonly [NDArray, NDArray];
    for (let i = 0; i < features; i++) {
      const value = Math.abs(Number(values.data[i]));
      scores[i] = (scores[i] ?? 0) + Math.sqrt(Number(squares.data[i])) / (value * examples);
    }
  }
  await step.dispose();
  return scores;
}

/**
 * Sets the columns of the last layer's weight gradient to 0 that belong to the features with the smallest scores.
 *
 * @param ratio the part of the features that is hidden, from 0 to 1
 */
export function hideFeatures(gradient: Gradient, scores: Float64Array, ratio: number): Gradient {
  checkRange("soteria", "ratio", ratio, { low: 0, high: 1 });
  const { weight, weightPlace } = lastLayer(gradient);
  const [classes = 0, features = 0] = weight.shape;
  const hidden = new Set(
    Array.from(scores, (_, i) => i)
      .sort((a, b) => (scores[a] ?? 0) - (scores[b] ?? 0) || a - b)
      .slice(0, Math.round(ratio * features)),
  );
  const values = Array.from(weight.data as ArrayLike<number>);
  for (let k = 0; k < classes; k++) for (const i of hidden) values[k * features + i] = 0;
  const leaves = [...(tree.leaves(gradient) as NDArray[])];
  leaves[weightPlace] = ndarray(values, weight.shape, weight.dtype);
  return tree.unflatten(gradient, leaves) as Gradient;
}

/** {@link hideFeatures} by {@link soteriaScores} as a defence; it looks at the client's data. */
export function soteria(ratio: number): Defence {
  checkRange("soteria", "ratio", ratio, { low: 0, high: 1 });
  return {
    text: `soteria:${ratio}`,
    description: `Soteria: ${Number((100 * ratio).toPrecision(4))} % of the representation hidden`,
    effects: [{ kind: "hiding" }],
    apply: async (gradient, { client }) => {
      if (client === undefined)
        throw new RangeError("soteria: the client's model, parameters and examples are needed");
      return hideFeatures(gradient, await soteriaScores(client), ratio);
    },
  };
}

/** The last linear layer: the last two parameters, weight [classes, features] and bias [classes]. */
function lastLayer(parameters: Named<NDArray>) {
  const leaves = tree.leaves(parameters) as NDArray[];
  const [weight, bias] = leaves.slice(-2);
  if (weight === undefined || bias === undefined || weight.shape.length !== 2 || bias.shape.length !== 1)
    throw new RangeError(
      "soteria: the model's last two parameters are not the weight [classes, features] and the bias of a linear layer",
    );
  return { weight, weightPlace: leaves.length - 2, biasPlace: leaves.length - 1 };
}
