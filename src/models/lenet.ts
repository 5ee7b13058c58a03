import * as op from "../engine/ops/index.ts";
import { type Activation, activate } from "./activation.ts";
import type { Initialisation } from "./initialisation.ts";
import { layeredModel } from "./layered.ts";
import { convolution, convolutionParameters } from "./layers/convolution.ts";
import { linear, linearParameters } from "./layers/linear.ts";
import type { Model } from "./model.ts";

export interface LenetOptions {
  /**
   * Whose network: `dlg` (the default) has three convolutions, for 32 x 32 images in 100 classes; `idlg` the same for 28 x
   * 28 images in 10; `soteria` a fourth convolution of stride 1, for 32 x 32 images in 10.
   */
  readonly variant?: "dlg" | "idlg" | "soteria";
  /** Channels of the image: 3 by default, 1 for `idlg`. */
  readonly channels?: number;
  /** Height and width of the image, a multiple of 4; by default 28 for one channel and 32 for more. */
  readonly side?: number;
  /** By default 10 for one channel, else those of the variant. */
  readonly classes?: number;
  /** `sigmoid` by default. */
  readonly activation?: Activation;
  /** `uniform:0.5` by default, as in the papers' code. */
  readonly initialisation?: Initialisation;
}

const width = 12;
const kernel = 5;

/**
 * The LeNet of gradient-leakage research: 5 x 5 convolutions to 12 channels with padding 2, the first two of stride 2, a
 * sigmoid after each, and one fully connected layer. Twice differentiable everywhere, as the attack needs. All weights
 * and biases are drawn from U(-0.5, 0.5).
 *
 * Source: L. Zhu, Z. Liu, S. Han, "Deep Leakage from Gradients", NeurIPS 2019; the variant for grey images is that of
 * B. Zhao, K. R. Mopuri, H. Bilen, "iDLG: Improved Deep Leakage from Gradients", 2020; the one with four convolutions
 * that of J. Sun et al., "Soteria: Provable Defense against Privacy Leakage in Federated Learning from Representation
 * Perspective", CVPR 2021. 85,036 parameters for colour images with 100 classes, 13,426 for grey ones with 10.
 *
 * Parameters are named conv1, conv2, ... and fc; the released code calls the same layers body.0, body.2, ... and fc.0.
 *
 * @throws RangeError when the side is not a multiple of 4
 */
export function lenet({
  variant = "dlg",
  channels = variant === "idlg" ? 1 : 3,
  side = channels === 1 ? 28 : 32,
  classes = variant === "dlg" && channels !== 1 ? 100 : 10,
  activation = "sigmoid",
  initialisation = "uniform:0.5",
}: LenetOptions = {}): Model {
  if (!(Number.isInteger(side / 4) && side > 0))
    throw new RangeError(`LeNet: images of side ${side}: expected a multiple of 4`);
  const strides = variant === "soteria" ? [2, 2, 1, 1] : [2, 2, 1];
  const features = width * (side / 4) ** 2;
  return layeredModel({
    description: `LeNet with ${activation}s`,
    inputShape: [channels, side, side],
    classes,
    initialisation,
    parameters: (dtype) => ({
      ...Object.fromEntries(
        strides.map((_, i) => [
          `conv${i + 1}`,
          convolutionParameters({ inputs: i === 0 ? channels : width, outputs: width, kernel }, dtype),
        ]),
      ),
      fc: linearParameters(features, classes, dtype),
    }),
    forward(pass, x) {
      let h = x;
      for (const [i, stride] of strides.entries())
        h = activate(activation, convolution(pass.at(`conv${i + 1}`), h, { stride, padding: 2 }));
      return linear(pass.at("fc"), op.reshape(h, [x.shape[0] ?? 0, features]));
    },
  });
}
