import * as op from "../engine/ops/index.ts";
import type { Tensor } from "../engine/tensor.ts";
import { type Activation, activate } from "./activation.ts";
import type { Initialisation, ParameterSpec } from "./initialisation.ts";
import { layeredModel, type Normalisation, type Pass } from "./layered.ts";
import { convolution, convolutionParameters } from "./layers/convolution.ts";
import { linear, linearParameters } from "./layers/linear.ts";
import { normalisationParameters } from "./layers/normalisation.ts";
import type { FloatDType, Model, Named } from "./model.ts";

export interface ResnetOptions {
  /** 18: four stages, 64 to 512 channels. 20 and 32: three stages, 16 to 64 channels, for 32 x 32 images. */
  readonly depth: 18 | 20 | 32;
  /** [channels, height, width]. */
  readonly inputShape: readonly number[];
  readonly classes: number;
  /** Channels of the first stage; by default 64 for depth 18, 16 for 20 and 32. */
  readonly width?: number;
  /** `batch` by default; with `none` the convolutions have biases. */
  readonly normalisation?: Normalisation;
  /** `relu` by default; the others make the network twice differentiable everywhere (with a stem of 3 x 3). */
  readonly activation?: Activation;
  /**
   * The start of depth 18: one 3 x 3 convolution (the default up to 64 x 64), or a 7 x 7 one of stride 2 and maximum
   * pooling, as published for ImageNet.
   */
  readonly stem?: "3x3" | "7x7";
  /** `pytorch` by default. */
  readonly initialisation?: Initialisation;
}

interface Block {
  readonly path: string;
  readonly inputs: number;
  readonly outputs: number;
  readonly stride: number;
}

/**
 * Residual networks of K. He et al., "Deep Residual Learning for Image Recognition", CVPR 2016: ResNet-18 (table 1), and
 * ResNet-20 and -32 (section 4.2). Where a block halves the image, depth 18 has a 1 x 1 convolution on the shortcut and
 * 20 and 32 take every second pixel and add channels of zeros (the paper's option A).
 *
 * The names are torchvision's for all: conv1, bn1, layer1.0.conv1, layer2.0.downsample.0, fc; with group normalisation,
 * too, the normalisations are called bn.
 *
 * @throws RangeError when the input is not an image, or the side is too small to be halved
 */
export function resnet({
  depth,
  inputShape,
  classes,
  width = depth === 18 ? 64 : 16,
  normalisation = "batch",
  activation = "relu",
  stem = depth === 18 && Math.max(...inputShape.slice(1)) > 64 ? "7x7" : "3x3",
  initialisation = "pytorch",
}: ResnetOptions): Model {
  const [channels = 0] = inputShape;
  if (inputShape.length !== 3 || inputShape.some((size) => !(Number.isInteger(size) && size > 0)))
    throw new RangeError(
      `ResNet: images [${inputShape.join(", ")}]: expected [channels, height, width] in whole numbers`,
    );
  const projects = depth === 18;
  const blocks = blocksOf(projects ? [2, 2, 2, 2] : Array(3).fill((depth - 2) / 6), width);
  const last = blocks.at(-1)?.outputs ?? width;
  const bias = { bias: normalisation === "none" };
  const normal = (features: number, dtype: FloatDType): Named<ParameterSpec> | undefined =>
    normalisation === "none" ? undefined : normalisationParameters(features, dtype);

  const blockParameters = ({ inputs, outputs, stride }: Block, dtype: FloatDType): Named<ParameterSpec> => {
    const bn = normal(outputs, dtype);
    return {
      conv1: convolutionParameters({ inputs, outputs, kernel: 3 }, dtype, bias),
      ...(bn && { bn1: bn }),
      conv2: convolutionParameters({ inputs: outputs, outputs, kernel: 3 }, dtype, bias),
      ...(bn && { bn2: bn }),
      ...(projects &&
        (stride > 1 || inputs !== outputs) && {
          downsample: {
            "0": convolutionParameters({ inputs, outputs, kernel: 1 }, dtype, bias),
            ...(bn && { "1": bn }),
          },
        }),
    };
  };
  const block = (pass: Pass, { path, inputs, outputs, stride }: Block, x: Tensor): Tensor => {
    let h = convolution(pass.at(`${path}.conv1`), x, { stride, padding: 1 });
    h = activate(activation, pass.normalise(`${path}.bn1`, h));
    h = convolution(pass.at(`${path}.conv2`), h, { padding: 1 });
    h = pass.normalise(`${path}.bn2`, h);
    if (stride === 1 && inputs === outputs) return activate(activation, op.add(h, x));
    const shortcut = projects
      ? pass.normalise(`${path}.downsample.1`, convolution(pass.at(`${path}.downsample.0`), x, { stride }))
      : paddedShortcut(x, outputs - inputs, stride);
    return activate(activation, op.add(h, shortcut));
  };
  return layeredModel({
    description: `ResNet-${depth} with ${activation}, width ${width}, ${normalisation === "none" ? "no" : normalisation} normalisation`,
    inputShape,
    classes,
    initialisation,
    normalisation,
    parameters(dtype) {
      const bn = normal(width, dtype);
      const kernel = stem === "7x7" ? 7 : 3;
      const stages: Record<string, Record<string, Named<ParameterSpec>>> = {};
      for (const each of blocks) {
        const [stage = "", place = ""] = each.path.split(".");
        stages[stage] = { ...stages[stage], [place]: blockParameters(each, dtype) };
      }
      return {
        conv1: convolutionParameters({ inputs: channels, outputs: width, kernel }, dtype, bias),
        ...(bn && { bn1: bn }),
        ...stages,
        fc: linearParameters(last, classes, dtype),
      };
    },
    forward(pass, x) {
      let h = convolution(
        pass.at("conv1"),
        x,
        stem === "7x7" ? { stride: 2, padding: 3 } : { stride: 1, padding: 1 },
      );
      h = activate(activation, pass.normalise("bn1", h));
      if (stem === "7x7") h = op.maxPool(h, { kernel: 3, stride: 2, padding: 1 });
      for (const each of blocks) h = block(pass, each, h);
      return linear(pass.at("fc"), op.reshape(op.globalAveragePool(h), [x.shape[0] ?? 0, last]));
    },
  });
}

/** The blocks of each stage; every stage after the first halves the image and doubles the channels. */
function blocksOf(counts: readonly number[], width: number): Block[] {
  let inputs = width;
  return counts.flatMap((count, stage) =>
    Array.from({ length: count }, (_, place) => {
      const outputs = width * 2 ** stage;
      const each = {
        path: `layer${stage + 1}.${place}`,
        inputs,
        outputs,
        stride: stage > 0 && place === 0 ? 2 : 1,
      };
      inputs = outputs;
      return each;
    }),
  );
}

/** Every second pixel, with half of the added channels before and half after (option A). */
function paddedShortcut(x: Tensor, added: number, stride: number): Tensor {
  const kept = op.slice(x, [], [], [null, null, stride], [null, null, stride]);
  const before = added >> 1;
  return op.pad(kept, [
    [0, 0],
    [before, added - before],
    [0, 0],
    [0, 0],
  ]);
}
