import * as op from "../engine/ops/index.ts";
import { type Activation, activate } from "./activation.ts";
import type { Initialisation } from "./initialisation.ts";
import { layeredModel } from "./layered.ts";
import { convolution, convolutionParameters } from "./layers/convolution.ts";
import { linear, linearParameters } from "./layers/linear.ts";
import type { Model } from "./model.ts";

export interface ConvSmallOptions {
  /** [channels, height, width], at least 5 x 5. */
  readonly inputShape: readonly number[];
  readonly classes: number;
  /** Channels after the first convolution; 32 by default. */
  readonly width?: number;
  /** `relu` by default; the others make it twice differentiable, but at ties of its maximum pooling. */
  readonly activation?: Activation;
  /** `pytorch` by default. */
  readonly initialisation?: Initialisation;
}

/**
 * A small convolutional network without normalisation: four 3 x 3 convolutions (the last two of stride 2) to 1, 2, 4 and 4
 * times `width` channels, 3 x 3 maximum pooling before the last, a mean over the image, and a linear layer. It is the
 * "ConvNetSmall" of the breaching framework (J. Geiping), whose names it has: conv0 to conv3 and linear.
 *
 * @throws RangeError when the images are too small
 */
export function convSmall({
  inputShape,
  classes,
  width = 32,
  activation = "relu",
  initialisation = "pytorch",
}: ConvSmallOptions): Model {
  const [channels = 0, height = 0, columns = 0] = inputShape;
  if (inputShape.length !== 3 || height < 5 || columns < 5)
    throw new RangeError(
      `ConvSmall: images [${inputShape.join(", ")}]: expected [channels, height, width] of 5 x 5 and more`,
    );
  const shapes = [
    { inputs: channels, outputs: width, stride: 1 },
    { inputs: width, outputs: 2 * width, stride: 1 },
    { inputs: 2 * width, outputs: 4 * width, stride: 2 },
    { inputs: 4 * width, outputs: 4 * width, stride: 2 },
  ];
  return layeredModel({
    description: `ConvSmall with ${activation}, width ${width}`,
    inputShape,
    classes,
    initialisation,
    parameters: (dtype) => ({
      ...Object.fromEntries(
        shapes.map(({ inputs, outputs }, i) => [
          `conv${i}`,
          convolutionParameters({ inputs, outputs, kernel: 3 }, dtype),
        ]),
      ),
      linear: linearParameters(4 * width, classes, dtype),
    }),
    forward(pass, x) {
      let h = x;
      for (const [i, { stride }] of shapes.entries()) {
        if (i === 3) h = op.maxPool(h, { kernel: 3 });
        h = activate(activation, convolution(pass.at(`conv${i}`), h, { stride, padding: 1 }));
      }
      return linear(pass.at("linear"), op.reshape(op.globalAveragePool(h), [x.shape[0] ?? 0, 4 * width]));
    },
  });
}
