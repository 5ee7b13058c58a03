import * as op from "../engine/ops/index.ts";
import { sizeOf } from "../engine/shape.ts";
import type { Tensor } from "../engine/tensor.ts";
import { type Activation, activate } from "./activation.ts";
import type { Initialisation, ParameterSpec } from "./initialisation.ts";
import { type LayeredModel, layeredModel, type Pass } from "./layered.ts";
import {
  convolution,
  convolutionParameters,
  transposedConvolution,
  transposedParameters,
} from "./layers/convolution.ts";
import { perceptron, perceptronParameters } from "./mlp.ts";
import type { Model, Named } from "./model.ts";

export interface AutoencoderOptions {
  /** One example; an image [channels, height, width] for `convolutional`. */
  readonly inputShape: readonly number[];
  /** Fully connected layers (`mlp`, the default), or convolutions of stride 2. */
  readonly kind?: "mlp" | "convolutional";
  /** Units of the encoder's layers, the code last ([128, 32] by default), or their channels ([16, 32]). */
  readonly widths?: readonly number[];
  /** Between layers; none after the code and after the output. `relu` by default. */
  readonly activation?: Activation;
  /** `pytorch` by default. */
  readonly initialisation?: Initialisation;
}

export interface Autoencoder extends Model {
  /** The codes of examples [N, ...inputShape]: [N, last width], or [N, last width, height', width']. */
  encode(parameters: Named<Tensor>, x: Tensor): Tensor;
}

/**
 * An autoencoder, its decoder the mirror image of its encoder (G. Hinton, R. Salakhutdinov, Science 2006). It gives the
 * reconstruction flattened, [N, features], so that `classes` is the number of features.
 *
 * The names are those of two torch.nn.Sequential, encoder and decoder, with a layer at every even place: encoder.0.weight,
 * decoder.2.bias. Convolutions are 3 x 3 with padding 1; the decoder's are ConvTranspose2d with an output padding of 1.
 *
 * @throws RangeError when an image cannot be halved as often as there are convolutions
 */
export function autoencoder({
  inputShape,
  kind = "mlp",
  widths = kind === "mlp" ? [128, 32] : [16, 32],
  activation = "relu",
  initialisation = "pytorch",
}: AutoencoderOptions): Autoencoder {
  const features = sizeOf(inputShape);
  const layers = widths.length;
  const sizes = [kind === "mlp" ? features : (inputShape[0] ?? 0), ...widths];
  if (layers === 0)
    throw new RangeError("autoencoder: widths are empty: expected one at least, that of the code");
  if (
    kind === "convolutional" &&
    (inputShape.length !== 3 || inputShape.slice(1).some((side) => side % 2 ** layers))
  )
    throw new RangeError(
      `autoencoder: images [${inputShape.join(", ")}]: expected [channels, height, width] with sides that are multiples of ${2 ** layers}`,
    );

  const flatten = (x: Tensor): Tensor => op.reshape(x, [x.shape[0] ?? 0, features]);
  const encode = (pass: Pass, x: Tensor): Tensor =>
    kind === "mlp"
      ? perceptron(pass, "encoder.", flatten(x), { layers, activation })
      : convolutions(x, layers, activation, (h, i) =>
          convolution(pass.at(`encoder.${2 * i}`), h, { stride: 2, padding: 1 }),
        );
  const decode = (pass: Pass, code: Tensor): Tensor =>
    kind === "mlp"
      ? perceptron(pass, "decoder.", code, { layers, activation })
      : convolutions(code, layers, activation, (h, i) =>
          transposedConvolution(pass.at(`decoder.${2 * i}`), h, { stride: 2, padding: 1, outputPadding: 1 }),
        );
  const definition = {
    description: `${kind === "mlp" ? "" : "convolutional "}autoencoder ${sizes.join("-")} with ${activation}`,
    inputShape,
    classes: features,
    initialisation,
    parameters(dtype) {
      const mirrored = [...sizes].reverse();
      if (kind === "mlp")
        return {
          encoder: perceptronParameters(sizes, dtype),
          decoder: perceptronParameters(mirrored, dtype),
        };
      return {
        encoder: paired(sizes, (inputs, outputs) =>
          convolutionParameters({ inputs, outputs, kernel: 3 }, dtype),
        ),
        decoder: paired(mirrored, (inputs, outputs) =>
          transposedParameters({ inputs, outputs, kernel: 3 }, dtype),
        ),
      };
    },
    forward: (pass, x) => flatten(decode(pass, encode(pass, x))),
  } satisfies LayeredModel;
  return { ...layeredModel(definition), encode: layeredModel({ ...definition, forward: encode }).apply };
}

/** A layer between each pair of neighbouring sizes, at the even places. */
function paired(
  sizes: readonly number[],
  layer: (inputs: number, outputs: number) => Named<ParameterSpec>,
): Named<ParameterSpec> {
  return Object.fromEntries(
    sizes.slice(1).map((outputs, i) => [String(2 * i), layer(sizes[i] ?? 0, outputs)]),
  );
}

/** Layers in turn with an activation between them. */
function convolutions(
  x: Tensor,
  layers: number,
  activation: Activation,
  layer: (h: Tensor, i: number) => Tensor,
): Tensor {
  let h = x;
  for (let i = 0; i < layers; i++) {
    h = layer(h, i);
    if (i < layers - 1) h = activate(activation, h);
  }
  return h;
}
