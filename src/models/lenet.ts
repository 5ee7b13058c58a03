import { castArray, ndarray } from "../engine/ndarray.ts";
import * as op from "../engine/ops/index.ts";
import { spec } from "../engine/runtime/compile.ts";
import { sizeOf } from "../engine/shape.ts";
import type { Tensor } from "../engine/tensor.ts";
import * as tree from "../engine/tree.ts";
import { type Model, type Named, parameterAt } from "./model.ts";

export interface LenetOptions {
  /** 3 for 32 x 32 colour images (the default), 1 for 28 x 28 grey ones. */
  readonly channels?: 1 | 3;
  /** 100 for colour images and 10 for grey ones by default. */
  readonly classes?: number;
}

const convolutions = [
  { layer: "conv1", stride: 2 },
  { layer: "conv2", stride: 2 },
  { layer: "conv3", stride: 1 },
] as const;
const width = 12;
const kernel = 5;

/**
 * The LeNet of gradient-leakage research: three 5 x 5 convolutions to 12 channels with padding 2, strides 2, 2 and 1,
 * a sigmoid after each, and one fully connected layer. Twice differentiable everywhere, as the attack needs. All
 * weights and biases are drawn from U(-0.5, 0.5).
 *
 * Source: L. Zhu, Z. Liu, S. Han, "Deep Leakage from Gradients", NeurIPS 2019; the variant for grey images is that of
 * B. Zhao, K. R. Mopuri, H. Bilen, "iDLG: Improved Deep Leakage from Gradients", 2020. 85,036 parameters for colour
 * images with 100 classes, 13,426 for grey ones with 10.
 */
export function lenet({ channels = 3, classes = channels === 3 ? 100 : 10 }: LenetOptions = {}): Model {
  const side = channels === 3 ? 32 : 28;
  const features = width * (side / 4) ** 2;
  const parameters: Model["parameters"] = (dtype) => ({
    conv1: { weight: spec([width, channels, kernel, kernel], dtype), bias: spec([width], dtype) },
    conv2: { weight: spec([width, width, kernel, kernel], dtype), bias: spec([width], dtype) },
    conv3: { weight: spec([width, width, kernel, kernel], dtype), bias: spec([width], dtype) },
    fc: { weight: spec([classes, features], dtype), bias: spec([classes], dtype) },
  });
  return {
    description: "LeNet with sigmoids",
    inputShape: [channels, side, side],
    classes,
    parameters,
    init: (stream, dtype) =>
      tree.map(
        ({ shape }) => castArray(ndarray(stream.uniform(sizeOf(shape), -0.5, 0.5), shape, "float64"), dtype),
        parameters(dtype),
      ),
    apply(values: Named<Tensor>, x: Tensor): Tensor {
      let h = x;
      for (const { layer, stride } of convolutions)
        h = op.sigmoid(
          op.conv(h, parameterAt(values, `${layer}.weight`), {
            stride,
            padding: 2,
            bias: parameterAt(values, `${layer}.bias`),
          }),
        );
      const flat = op.reshape(h, [x.shape[0] ?? 0, features]);
      const weight = op.transpose(parameterAt(values, "fc.weight"));
      return op.add(op.matmul(flat, weight), parameterAt(values, "fc.bias"));
    },
  };
}
