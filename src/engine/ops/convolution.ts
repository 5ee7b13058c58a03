import { fail } from "../errors.ts";
import { formatShape, type Shape, sizeOf } from "../shape.ts";
import { applyOne, type BatchArguments, type Node, type Op, type Spec, type Tensor } from "../tensor.ts";
import { expand } from "./broadcast.ts";
import { describe, requireFloat, requireSameDType } from "./check.ts";
import { zeros } from "./constants.ts";
import { lowerConv } from "./convolution-forward.ts";
import {
  type ConvolutionAttributes,
  onnxConvolution,
  outputSize,
  transposedSize,
} from "./convolution-geometry.ts";
import { lowerConvInput } from "./convolution-input.ts";
import { lowerConvWeight } from "./convolution-weight.ts";
import { add } from "./elementwise.ts";
import { both, moveAxis, reshape, unsqueeze } from "./shape.ts";
import { perAxis } from "./window.ts";

/**
 * Convolution (cross-correlation, as everywhere in deep learning) over 1 to 3 spatial axes.
 *
 * A convolution is bilinear in its input x and its weight w, so it has two transposes: one gives back something
 * shaped like x (from the output's cotangent and w), one something shaped like w. The derivatives of each of the three
 * are the other two: the family is closed under differentiation, and a derivative of any order is made of three
 * well-tuned operations.
 */

/** Every output element of every example meets every element of its channel's weights; `w` is the weight among them. */
function convolutionFlops({ attributes, inputs }: Node, w: Spec | undefined): number {
  const positions = sizeOf(outputSize(attributes as ConvolutionAttributes));
  return 2 * (inputs[0]?.shape[0] ?? 0) * sizeOf(w?.shape ?? []) * positions;
}

function convolve(x: Tensor, w: Tensor, attributes: ConvolutionAttributes): Tensor {
  return applyOne(convOp, [x, w], attributes);
}

/** x [N, C, ...], w [K, C/groups, ...] to y [N, K, ...]. */
export const convOp: Op<ConvolutionAttributes> = {
  name: "conv",
  outputs: ([x, w], attributes) => [
    { shape: [x?.shape[0] ?? 0, w?.shape[0] ?? 0, ...outputSize(attributes)], dtype: x?.dtype ?? "float32" },
  ],
  gradient: ({ inputs, attributes, cotangents: [ct], wanted }) => {
    const [x, w] = both(inputs);
    return [
      ct && wanted[0] ? applyOne(convInputOp, [ct, w], attributes) : undefined,
      ct && wanted[1] ? applyOne(convWeightOp, [x, ct], attributes) : undefined,
    ];
  },
  batch: (args) => [batchBilinear(convOp, args)],
  lower: (inputs, attributes) => lowerConv(...both(inputs), attributes),
  emit: (emitter, inputs, _, attributes) => emitter.node("Conv", inputs, onnxConvolution(attributes)),
  flops: (node) => convolutionFlops(node, node.inputs[1]),
};

/** The transpose in x: ct [N, K, ...], w [K, C/groups, ...] to x [N, C, ...]. */
export const convInputOp: Op<ConvolutionAttributes> = {
  name: "convTranspose",
  outputs: ([ct, w], { inputSize, groups }) => [
    { shape: [ct?.shape[0] ?? 0, (w?.shape[1] ?? 0) * groups, ...inputSize], dtype: ct?.dtype ?? "float32" },
  ],
  gradient: ({ inputs, attributes, cotangents: [tangent], wanted }) => {
    const [ct, w] = both(inputs);
    return [
      tangent && wanted[0] ? applyOne(convOp, [tangent, w], attributes) : undefined,
      tangent && wanted[1] ? applyOne(convWeightOp, [tangent, ct], attributes) : undefined,
    ];
  },
  batch: (args) => [batchBilinear(convInputOp, args)],
  lower: (inputs, attributes) => lowerConvInput(...both(inputs), attributes, convolve),
  emit: (emitter, inputs, _, attributes) => {
    const smallest = transposedSize(outputSize(attributes), attributes);
    return emitter.node("ConvTranspose", inputs, {
      ...onnxConvolution(attributes),
      output_padding: attributes.inputSize.map((size, i) => size - (smallest[i] ?? 0)),
    });
  },
  flops: (node) => convolutionFlops(node, node.inputs[1]),
};

/** The transpose in w: x [N, C, ...], ct [N, K, ...] to w [K, C/groups, ...]. */
export const convWeightOp: Op<ConvolutionAttributes> = {
  name: "convWeight",
  outputs: ([x, ct], { kernelSize, groups }) => [
    { shape: [ct?.shape[1] ?? 0, (x?.shape[1] ?? 0) / groups, ...kernelSize], dtype: x?.dtype ?? "float32" },
  ],
  gradient: ({ inputs, attributes, cotangents: [tangent], wanted }) => {
    const [x, ct] = both(inputs);
    return [
      tangent && wanted[0] ? applyOne(convInputOp, [ct, tangent], attributes) : undefined,
      tangent && wanted[1] ? applyOne(convOp, [x, tangent], attributes) : undefined,
    ];
  },
  batch: (args) => batchWeight(args),
  lower: (inputs, attributes) => lowerConvWeight(...both(inputs), attributes, convolve),
  emit: () => fail("convWeight", "has no ONNX form of its own; it is lowered"),
  flops: (node) => convolutionFlops(node, node.outputs[0]),
};

/** Folds a batch into the examples (axis 0) of a tensor [B, N, ...]. */
function foldExamples(x: Tensor): Tensor {
  return reshape(x, [(x.shape[0] ?? 1) * (x.shape[1] ?? 1), ...x.shape.slice(2)]);
}

/**
 * Batching of conv and convTranspose. Batched examples are more examples. Batched weights are groups: the batch is
 * folded into the channels and every member of it is a group of its own.
 */
function batchBilinear(op: Op<ConvolutionAttributes>, args: BatchArguments<ConvolutionAttributes>): Tensor {
  const [first, w] = both(args.inputs);
  const { batchSize, attributes } = args;
  const shape = memberShape(op, args);
  if (batchSize === 0) return zeros([0, ...shape], first.dtype);
  if (!args.batched[1]) {
    const y = applyOne(op, [foldExamples(first), w], attributes);
    return reshape(y, [batchSize, ...shape]);
  }
  const batchedFirst = args.batched[0] ? first : expand(unsqueeze(first, 0), [batchSize, ...first.shape]);
  const [, examples = 0, channels = 0] = batchedFirst.shape;
  const merged = reshape(moveAxis(batchedFirst, 0, 1), [
    examples,
    batchSize * channels,
    ...batchedFirst.shape.slice(3),
  ]);
  const weights = reshape(w, [batchSize * (w.shape[1] ?? 0), ...w.shape.slice(2)]);
  const y = applyOne(op, [merged, weights], { ...attributes, groups: attributes.groups * batchSize });
  return moveAxis(reshape(y, [examples, batchSize, ...shape.slice(1)]), 1, 0);
}

/** The shape of the result of one member of a batch. */
function memberShape(
  op: Op<ConvolutionAttributes>,
  { inputs, batched, attributes }: BatchArguments<ConvolutionAttributes>,
): Shape {
  const members = inputs.map(({ shape, dtype }, i) => ({
    shape: batched[i] ? shape.slice(1) : shape,
    dtype,
  }));
  return op.outputs(members, attributes)[0]?.shape ?? [];
}

/** Batching of the weight gradient: always one group for each member of the batch. */
function batchWeight(args: BatchArguments<ConvolutionAttributes>): Tensor[] {
  const { batchSize, attributes } = args;
  const shape = memberShape(convWeightOp, args);
  if (batchSize === 0) return [zeros([0, ...shape], args.inputs[0]?.dtype)];
  const [x, ct] = args.inputs.map((input, i) => {
    const batched = args.batched[i] ? input : expand(unsqueeze(input, 0), [batchSize, ...input.shape]);
    const [, examples = 0, channels = 0] = batched.shape;
    return reshape(moveAxis(batched, 0, 1), [examples, batchSize * channels, ...batched.shape.slice(3)]);
  });
  if (x === undefined || ct === undefined) throw new Error("convWeight has two inputs");
  const w = applyOne(convWeightOp, [x, ct], { ...attributes, groups: attributes.groups * batchSize });
  return [reshape(w, [batchSize, ...shape])];
}

export interface ConvolutionOptions {
  /** A number stands for all spatial axes. */
  readonly stride?: number | readonly number[];
  readonly dilation?: number | readonly number[];
  /** Zeros around the input: a number, one for each axis, or `[before, after]` for each axis; `same` keeps sizes at stride 1. */
  readonly padding?: number | "same" | readonly (number | readonly [number, number])[];
  readonly groups?: number;
  /** One number for each output channel, [K]. */
  readonly bias?: Tensor;
}

function resolvePadding(
  operation: string,
  padding: NonNullable<ConvolutionOptions["padding"]>,
  kernelSize: readonly number[],
  dilation: readonly number[],
): (readonly [number, number])[] {
  if (padding === "same")
    return kernelSize.map((size, i) => {
      const total = (dilation[i] ?? 1) * (size - 1);
      return [Math.floor(total / 2), Math.ceil(total / 2)];
    });
  const list = typeof padding === "number" ? kernelSize.map(() => padding) : padding;
  if (list.length !== kernelSize.length)
    fail(operation, `padding for ${list.length} axes, there are ${kernelSize.length}`);
  if (list.flat().some((count) => !Number.isInteger(count) || count < 0))
    fail(operation, `padding ${JSON.stringify(padding)} is not a count of zeros for each side`);
  return list.map((pair) => (typeof pair === "number" ? [pair, pair] : pair));
}

function addBias(operation: string, y: Tensor, bias: Tensor | undefined): Tensor {
  if (bias === undefined) return y;
  if (bias.rank !== 1 || bias.size !== y.shape[1])
    fail(operation, `bias ${describe(bias)} is not one number for each of ${y.shape[1]} channels`);
  return add(y, reshape(bias, [bias.size, ...y.shape.slice(2).map(() => 1)]));
}

/**
 * The convolution of x [N, C, ...] with w [K, C/groups, ...] over 1 to 3 spatial axes: y [N, K, ...].
 *
 * @throws GraphError naming the shapes when they do not fit
 * @example conv(images, kernels, { stride: 2, padding: 2, bias })
 */
export function conv(
  x: Tensor,
  w: Tensor,
  { stride = 1, dilation = 1, padding = 0, groups = 1, bias }: ConvolutionOptions = {},
): Tensor {
  const axes = x.rank - 2;
  requireFloat("conv", x, w);
  requireSameDType("conv", [x, w]);
  if (axes < 1 || axes > 3 || w.rank !== x.rank)
    fail(
      "conv",
      `needs x [N, C, ...] and w [K, C, ...] with 1 to 3 spatial axes, got ${describe(x)} and ${describe(w)}`,
    );
  if (
    !Number.isInteger(groups) ||
    groups < 1 ||
    x.shape[1] !== (w.shape[1] ?? 0) * groups ||
    (w.shape[0] ?? 0) % groups !== 0
  )
    fail(
      "conv",
      `channels do not fit: x ${formatShape(x.shape)}, w ${formatShape(w.shape)}, groups ${groups}`,
    );
  const kernelSize = w.shape.slice(2);
  const dilations = perAxis("conv", dilation, axes, "dilation");
  const attributes = {
    stride: perAxis("conv", stride, axes, "stride"),
    dilation: dilations,
    padding: resolvePadding("conv", padding, kernelSize, dilations),
    groups,
    inputSize: x.shape.slice(2),
    kernelSize,
  };
  if (outputSize(attributes).some((size) => size < 1))
    fail("conv", `the kernel ${formatShape(kernelSize)} does not fit into ${describe(x)} with this padding`);
  return addBias("conv", applyOne(convOp, [x, w], attributes), bias);
}

export interface ConvolutionTransposeOptions extends ConvolutionOptions {
  /** Rows and columns added at the end, where the stride leaves the size open. */
  readonly outputPadding?: number | readonly number[];
}

/**
 * The transposed convolution of x [N, K, ...] with w [K, C/groups, ...]: y [N, C, ...], PyTorch's conventions.
 *
 * @throws GraphError naming the shapes when they do not fit
 */
export function convTranspose(
  x: Tensor,
  w: Tensor,
  {
    stride = 1,
    dilation = 1,
    padding = 0,
    outputPadding = 0,
    groups = 1,
    bias,
  }: ConvolutionTransposeOptions = {},
): Tensor {
  const axes = x.rank - 2;
  requireFloat("convTranspose", x, w);
  requireSameDType("convTranspose", [x, w]);
  if (
    axes < 1 ||
    axes > 3 ||
    w.rank !== x.rank ||
    x.shape[1] !== w.shape[0] ||
    !Number.isInteger(groups) ||
    groups < 1 ||
    (x.shape[1] ?? 0) % groups !== 0
  )
    fail(
      "convTranspose",
      `needs x [N, K, ...] and w [K, C, ...] with 1 to 3 spatial axes, got ${describe(x)} and ${describe(w)}, groups ${groups}`,
    );
  const kernelSize = w.shape.slice(2);
  const strides = perAxis("convTranspose", stride, axes, "stride");
  const dilations = perAxis("convTranspose", dilation, axes, "dilation");
  const pads = resolvePadding("convTranspose", padding, kernelSize, dilations);
  const extra = typeof outputPadding === "number" ? strides.map(() => outputPadding) : outputPadding;
  const geometry = { stride: strides, dilation: dilations, padding: pads, groups, kernelSize };
  const inputSize = transposedSize(x.shape.slice(2), geometry).map((size, i) => size + (extra[i] ?? 0));
  if (inputSize.some((size) => size < 1))
    fail(
      "convTranspose",
      `the padding ${JSON.stringify(padding)} leaves nothing of the output, ${formatShape(inputSize)}`,
    );
  const attributes = { ...geometry, inputSize };
  if (outputSize(attributes).some((size, i) => size !== x.shape[i + 2]))
    fail(
      "convTranspose",
      `outputPadding ${JSON.stringify(outputPadding)} must be smaller than the stride or the dilation`,
    );
  return addBias("convTranspose", applyOne(convInputOp, [x, w], attributes), bias);
}
