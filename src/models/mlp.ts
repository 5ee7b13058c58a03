import * as op from "../engine/ops/index.ts";
import { sizeOf } from "../engine/shape.ts";
import type { Tensor } from "../engine/tensor.ts";
import { type Activation, activate } from "./activation.ts";
import type { Initialisation, ParameterSpec } from "./initialisation.ts";
import { layeredModel, type Pass } from "./layered.ts";
import { linear, linearParameters } from "./layers/linear.ts";
import type { FloatDType, Model, Named } from "./model.ts";

export interface MlpOptions {
  /** One example; flattened. */
  readonly inputShape: readonly number[];
  readonly classes: number;
  /** Units of each hidden layer; [128] by default, and [] for none. */
  readonly widths?: readonly number[];
  /** `relu` by default. */
  readonly activation?: Activation;
  /** `pytorch` by default. */
  readonly initialisation?: Initialisation;
}

/**
 * A multilayer perceptron. The names are those of a torch.nn.Sequential of Linear and activation in turn: "0.weight",
 * "0.bias", "2.weight", ...
 */
export function mlp({
  inputShape,
  classes,
  widths = [128],
  activation = "relu",
  initialisation = "pytorch",
}: MlpOptions): Model {
  const features = sizeOf(inputShape);
  const sizes = [features, ...widths, classes];
  return layeredModel({
    description: `perceptron ${sizes.join("-")} with ${activation}`,
    inputShape,
    classes,
    initialisation,
    parameters: (dtype) => perceptronParameters(sizes, dtype),
    forward: (pass, x) =>
      perceptron(pass, "", op.reshape(x, [x.shape[0] ?? 0, features]), {
        layers: sizes.length - 1,
        activation,
      }),
  });
}

/** The parameters of the fully connected layers between `sizes`, at the even places of a torch.nn.Sequential. */
export function perceptronParameters(sizes: readonly number[], dtype: FloatDType): Named<ParameterSpec> {
  return Object.fromEntries(
    sizes
      .slice(1)
      .map((outputs, layer) => [String(2 * layer), linearParameters(sizes[layer] ?? 0, outputs, dtype)]),
  );
}

/** The layers of {@link perceptronParameters} under a prefix ("encoder."), an activation after each but the last. */
export function perceptron(
  pass: Pass,
  prefix: string,
  x: Tensor,
  { layers, activation }: { readonly layers: number; readonly activation: Activation },
): Tensor {
  let h = x;
  for (let layer = 0; layer < layers; layer++) {
    h = linear(pass.at(`${prefix}${2 * layer}`), h);
    if (layer < layers - 1) h = activate(activation, h);
  }
  return h;
}
