import * as op from "../engine/ops/index.ts";
import type { Spec, Tensor } from "../engine/tensor.ts";
import { type Activation, activate } from "./activation.ts";
import type { Initialisation, ParameterSpec } from "./initialisation.ts";
import { layeredModel, type Normalisation } from "./layered.ts";
import { convolution, convolutionParameters } from "./layers/convolution.ts";
import { linear, linearParameters } from "./layers/linear.ts";
import { normalisationParameters } from "./layers/normalisation.ts";
import type { FloatDType, Model, Named } from "./model.ts";

export interface VggOptions {
  /** [channels, height, width]; height and width are multiples of 32. */
  readonly inputShape: readonly number[];
  readonly classes: number;
  /** Channels of the first convolution; 64 by default. */
  readonly width?: number;
  /** `none` by default, as published. */
  readonly normalisation?: Normalisation;
  /** `relu` by default; the others make it twice differentiable, but at ties of its maximum pooling. */
  readonly activation?: Activation;
  /** Units of two fully connected layers before the last, with dropout of a half after each; 4096 as published. Absent: one linear layer, as is usual for small images. */
  readonly hidden?: number;
  /** `pytorch` by default. */
  readonly initialisation?: Initialisation;
}

/** Channels in multiples of the width, and where the image is halved. */
const plan = [1, "halve", 2, "halve", 4, 4, "halve", 8, 8, "halve", 8, 8, "halve"] as const;
const dropRate = 0.5;

/** Where in torchvision's `features` each convolution, its normalisation and each halving is. */
function placed(normalised: boolean): { readonly place: number; readonly step: (typeof plan)[number] }[] {
  let place = 0;
  return plan.map((step) => {
    const here = { place, step };
    place += step === "halve" ? 1 : normalised ? 3 : 2;
    return here;
  });
}

/**
 * VGG-11, configuration A of K. Simonyan, A. Zisserman, "Very Deep Convolutional Networks for Large-Scale Image
 * Recognition", ICLR 2015: eight 3 x 3 convolutions with biases and five halvings by maximum pooling.
 *
 * The names are torchvision's: features.0.weight, ... (those of vgg11_bn with normalisation); the last layers are
 * classifier.0, .3 and .6 with `hidden`, and else one layer called classifier.
 *
 * @throws RangeError when the images' sides are not multiples of 32
 */
export function vgg11({
  inputShape,
  classes,
  width = 64,
  normalisation = "none",
  activation = "relu",
  hidden,
  initialisation = "pytorch",
}: VggOptions): Model {
  const [channels = 0, height = 0, columns = 0] = inputShape;
  if (inputShape.length !== 3 || ![height, columns].every((side) => side > 0 && side % 32 === 0))
    throw new RangeError(
      `VGG-11: images [${inputShape.join(", ")}]: expected [channels, height, width] with sides that are multiples of 32`,
    );
  const steps = placed(normalisation !== "none");
  const features = 8 * width * (height / 32) * (columns / 32);

  const featureParameters = (dtype: FloatDType): Named<ParameterSpec> => {
    const layers: Record<string, Named<ParameterSpec>> = {};
    let inputs = channels;
    for (const { place, step } of steps) {
      if (step === "halve") continue;
      layers[place] = convolutionParameters({ inputs, outputs: step * width, kernel: 3 }, dtype);
      if (normalisation !== "none") layers[place + 1] = normalisationParameters(step * width, dtype);
      inputs = step * width;
    }
    return layers;
  };
  const masks = (examples: number, dtype: FloatDType): Named<Spec & { readonly rate: number }> => ({
    classifier: {
      "2": { shape: [examples, hidden ?? 0], dtype, rate: dropRate },
      "5": { shape: [examples, hidden ?? 0], dtype, rate: dropRate },
    },
  });
  return layeredModel({
    description: `VGG-11 with ${activation}, width ${width}, ${normalisation === "none" ? "no" : normalisation} normalisation`,
    inputShape,
    classes,
    initialisation,
    normalisation,
    parameters: (dtype) => ({
      features: featureParameters(dtype),
      classifier:
        hidden === undefined
          ? linearParameters(features, classes, dtype)
          : {
              "0": linearParameters(features, hidden, dtype),
              "3": linearParameters(hidden, hidden, dtype),
              "6": linearParameters(hidden, classes, dtype),
            },
    }),
    ...(hidden !== undefined && { masks }),
    forward(pass, x) {
      let h: Tensor = x;
      for (const { place, step } of steps)
        if (step === "halve") h = op.maxPool(h, { kernel: 2 });
        else {
          h = convolution(pass.at(`features.${place}`), h, { padding: 1 });
          h = activate(activation, pass.normalise(`features.${place + 1}`, h));
        }
      h = op.reshape(h, [x.shape[0] ?? 0, features]);
      if (hidden === undefined) return linear(pass.at("classifier"), h);
      for (const place of [0, 3])
        h = pass.drop(
          `classifier.${place + 2}`,
          activate(activation, linear(pass.at(`classifier.${place}`), h)),
        );
      return linear(pass.at("classifier.6"), h);
    },
  });
}
