import { mapBodies, TensorMap, topologicalOrder } from "../graph.ts";
import { ndarray } from "../ndarray.ts";
import { constant, constantOp } from "../ops/constants.ts";
import { convInputOp, convOp } from "../ops/convolution.ts";
import { type ConvolutionAttributes, onnxConvolution, outputSize } from "../ops/convolution-geometry.ts";
import { take } from "../ops/indexing.ts";
import { reshape, transpose } from "../ops/shape.ts";
import { pad } from "../ops/slicing.ts";
import { sizeOf } from "../shape.ts";
import { applyOne, type Node, type Op, Tensor } from "../tensor.ts";
import { convWithBiasOp } from "./fuse.ts";

/**
 * Convolutions in the layout that ONNX Runtime's fastest kernel wants: channels in blocks of as many as a vector register
 * holds, [N, C / block, H, W, block] (called NCHWc there; E. Georganas et al., "Anatomy of high-performance deep learning
 * convolutions on SIMD architectures", SC 2018). The runtime takes that kernel by itself only where weights are constants
 * of the graph; in training they change from step to step, and are laid out in the graph instead.
 *
 * The operators are the runtime's own, not ONNX's, and the block is that of the machine: this pass is for the graph that
 * is run here and now, never for one that is written to a file.
 */
export function blockConvolutions(outputs: readonly Tensor[], block: number): Tensor[] {
  const values = new TensorMap<Tensor>();
  const reordered = new TensorMap<Tensor>();
  const intoBlocks = (x: Tensor): Tensor => {
    if ((x.shape[1] ?? 0) < block) return x;
    const known = reordered.get(x) ?? applyOne(intoBlocksOp, [x], {});
    reordered.set(x, known);
    return known;
  };
  for (const node of topologicalOrder(outputs)) {
    const inputs = node.inputs.map((input) => values.get(input) ?? input);
    const rebuilt = mapBodies(
      inputs.every((input, i) => input === node.inputs[i]) ? node : { ...node, inputs },
      (results) => blockConvolutions(results, block),
    );
    const convolution = isFasterInBlocks(rebuilt, block) ? asConvolution(rebuilt, block) : undefined;
    if (convolution === undefined) {
      if (rebuilt !== node)
        for (const index of node.outputs.keys())
          values.set(new Tensor(node, index), new Tensor(rebuilt, index));
      continue;
    }
    const { x, weight, bias, channels, attributes } = convolution;
    const y = applyOne(blockedConvOp, [intoBlocks(x), weight, ...bias], attributes);
    values.set(new Tensor(node, 0), applyOne(outOfBlocksOp, [y], { channels }));
  }
  return outputs.map((output) => values.get(output) ?? output);
}

/** Whether a graph has a convolution that {@link blockConvolutions} would change, for some size of blocks. */
export function hasBlockableConvolutions(outputs: readonly Tensor[]): boolean {
  let found = false;
  const search = (results: readonly Tensor[]): Tensor[] => {
    for (const node of topologicalOrder(results)) {
      found ||= [8, 16].some((block) => isFasterInBlocks(node, block));
      mapBodies(node, search);
    }
    return [...results];
  };
  search(outputs);
  return found;
}

interface BlockedConvolution {
  readonly x: Tensor;
  /** [outputs, inputs, ...kernel] in shape, blocked in order; outputs filled up with zeros to whole blocks. */
  readonly weight: Tensor;
  readonly bias: readonly Tensor[];
  /** Of the output, without those that fill up its last block. */
  readonly channels: number;
  readonly attributes: ConvolutionAttributes;
}

/** The least positions, over all examples, for which laying out the weights pays. */
const fewestPositions = 1024;
/** A product of this many for each element of input and output outweighs their laying out. */
const fewestProducts = 30;

/** Measured: where blocks are faster than Conv and ConvTranspose. */
function isFasterInBlocks({ op, inputs, attributes }: Node, block: number): boolean {
  const [x, w] = inputs;
  const isTransposed = op === (convInputOp as Op);
  const isConvolution = isTransposed || op === (convOp as Op) || op === (convWithBiasOp as Op);
  if (!isConvolution || x?.dtype !== "float32" || x.rank !== 4 || w === undefined) return false;
  // The runtime blocks these itself.
  if (w.node.op === (constantOp as Op)) return false;
  const { groups, stride, dilation, padding, kernelSize, inputSize } = attributes as ConvolutionAttributes;
  const [examples = 0, channels = 0] = x.shape;
  if (groups !== 1 || (channels >= block && channels % block !== 0)) return false;
  if (isTransposed) {
    const fits = padding.every((pair, axis) =>
      pair.every((count) => count <= (dilation[axis] ?? 1) * ((kernelSize[axis] ?? 1) - 1)),
    );
    if (!fits || stride.some((step) => step !== 1)) return false;
  }
  const positions = isTransposed ? inputSize : outputSize(attributes as ConvolutionAttributes);
  const [outputs = 0, inner = 0] = w.shape;
  return (
    examples * sizeOf(positions) >= fewestPositions &&
    outputs * inner * sizeOf(kernelSize) >= fewestProducts * (outputs + inner)
  );
}

function asConvolution({ op, inputs, attributes }: Node, block: number): BlockedConvolution | undefined {
  const [x, w, bias] = inputs;
  if (x === undefined || w === undefined) return undefined;
  const given = attributes as ConvolutionAttributes;
  if (op !== (convInputOp as Op)) {
    const [channels = 0] = w.shape;
    const filled = bias && pad(bias, [[0, wholeBlocks(channels, block) - channels]]);
    return {
      x,
      weight: blockedWeight(w, block),
      bias: filled === undefined ? [] : [filled],
      channels,
      attributes: given,
    };
  }
  // The transpose in the input is a convolution with the kernel turned around and its channels exchanged.
  const { dilation, padding, kernelSize } = given;
  const turnedPadding = padding.map(([before, after], axis) => {
    const reach = (dilation[axis] ?? 1) * ((kernelSize[axis] ?? 1) - 1);
    return [reach - before, reach - after] as const;
  });
  return {
    x,
    weight: turnedWeight(w, block),
    bias: [],
    channels: w.shape[1] ?? 0,
    attributes: { ...given, padding: turnedPadding, inputSize: x.shape.slice(2) },
  };
}

function wholeBlocks(channels: number, block: number): number {
  return Math.ceil(channels / block) * block;
}

/** w [K, C, kh, kw] in the order [K / block, C / block, kh, kw, C's block, K's block], C undivided where it has no block. */
function blockedWeight(w: Tensor, block: number): Tensor {
  const [outputs = 0, inputs = 0, height = 1, width = 1] = w.shape;
  const whole = wholeBlocks(outputs, block);
  const filled = pad(w, [
    [0, whole - outputs],
    [0, 0],
    [0, 0],
    [0, 0],
  ]);
  const inner = inputs < block ? 1 : block;
  const split = reshape(filled, [whole / block, block, inputs / inner, inner, height, width]);
  return reshape(transpose(split, [0, 2, 4, 5, 3, 1]), [whole, inputs, height, width]);
}

/** w [K, C, kh, kw] as the blocked weight [C, K, kh, kw] of the transpose, the kernel from its end to its start. */
function turnedWeight(w: Tensor, block: number): Tensor {
  const [inputs = 0, outputs = 0, height = 1, width = 1] = w.shape;
  const whole = wholeBlocks(outputs, block);
  const filled = pad(w, [
    [0, 0],
    [0, whole - outputs],
    [0, 0],
    [0, 0],
  ]);
  const inner = inputs < block ? 1 : block;
  const split = reshape(filled, [inputs / inner, inner, whole / block, block, height * width]);
  const taps = height * width;
  const ordered = reshape(transpose(split, [2, 0, 4, 1, 3]), [
    (whole / block) * (inputs / inner),
    taps,
    inner * block,
  ]);
  const backwards = Array.from({ length: taps }, (_, tap) => taps - 1 - tap);
  const turned = take(ordered, constant(ndarray(backwards, [taps], "int64")), 1);
  return reshape(turned, [whole, inputs, height, width]);
}

const domain = "com.microsoft.nchwc";

function neverTransformed(): never {
  throw new Error("blocked operations are made after all transforms");
}

const intoBlocksOp: Op<Record<never, never>> = {
  name: "intoBlocks",
  outputs: ([x]) => [{ shape: x?.shape ?? [], dtype: "float32" }],
  batch: neverTransformed,
  emit: (emitter, inputs) => emitter.node(`${domain}::ReorderInput`, inputs),
  flops: () => 0,
};

const outOfBlocksOp: Op<{ readonly channels: number }> = {
  name: "outOfBlocks",
  outputs: ([x], { channels }) => [
    { shape: [x?.shape[0] ?? 0, channels, ...(x?.shape.slice(2) ?? [])], dtype: "float32" },
  ],
  batch: neverTransformed,
  emit: (emitter, inputs, _, { channels }) => emitter.node(`${domain}::ReorderOutput`, inputs, { channels }),
  flops: () => 0,
};

const blockedConvOp: Op<ConvolutionAttributes> = {
  name: "blockedConv",
  outputs: ([x, w], attributes) => [
    { shape: [x?.shape[0] ?? 0, w?.shape[0] ?? 0, ...outputSize(attributes)], dtype: "float32" },
  ],
  batch: neverTransformed,
  emit: (emitter, inputs, _, attributes) =>
    emitter.node(`${domain}::Conv`, inputs, onnxConvolution(attributes)),
};

/** x [N, C, H, W] laid out in blocks and handed out as it lies in memory: for finding out the runtime's block. */
export function asBlocks(x: Tensor): Tensor {
  return applyOne(intoBlocksOp, [x], {});
}
