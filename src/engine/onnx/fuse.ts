import { isFloat } from "../dtype.ts";
import { mapBodies, TensorMap, topologicalOrder } from "../graph.ts";
import { fullOp } from "../ops/constants.ts";
import { convOp } from "../ops/convolution.ts";
import { type ConvolutionAttributes, onnxConvolution } from "../ops/convolution-geometry.ts";
import { addOp, mulOp, negOp, subOp } from "../ops/elementwise.ts";
import { matmulOp } from "../ops/linear.ts";
import { reshape, reshapeOp, transposeOp } from "../ops/shape.ts";
import { broadcastShapes, sameShape, sizeOf } from "../shape.ts";
import { applyOne, attributesIf, type Node, type Op, Tensor } from "../tensor.ts";

/**
 * Patterns of several operations that have a kernel of their own: a matrix product with transposes, a factor and an
 * addend is one Gemm; a convolution with a bias one Conv. A pattern is taken only where nothing else reads what it
 * swallows, so that no work is done twice. Runs after simplification, and last: the fused operations have no gradients.
 */
export function fuse(outputs: readonly Tensor[]): Tensor[] {
  const order = topologicalOrder(outputs);
  const uses = countUses(order, outputs);
  const values = new TensorMap<Tensor>();
  /** A fused tensor stands for an original one; what reads it asks how often that was read. */
  const origin = new TensorMap<Tensor>();
  const readOnce = (tensor: Tensor): boolean => (uses.get(origin.get(tensor) ?? tensor) ?? 0) <= 1;
  for (const node of order) {
    const inputs = node.inputs.map((input) => values.get(input) ?? input);
    const rebuilt = mapBodies(
      inputs.every((input, i) => input === node.inputs[i]) ? node : { ...node, inputs },
      fuse,
    );
    const fused = fuseNode(rebuilt, readOnce);
    for (const index of node.outputs.keys()) {
      const before = new Tensor(node, index);
      const after = fused ?? new Tensor(rebuilt, index);
      values.set(before, after);
      origin.set(after, before);
    }
  }
  return outputs.map((output) => values.get(output) ?? output);
}

function countUses(order: readonly Node[], outputs: readonly Tensor[]): TensorMap<number> {
  const uses = new TensorMap<number>();
  const count = (tensor: Tensor): void => uses.set(tensor, (uses.get(tensor) ?? 0) + 1);
  for (const node of order) node.inputs.forEach(count);
  outputs.forEach(count);
  return uses;
}

type ReadOnce = (tensor: Tensor) => boolean;

function fuseNode(node: Node, readOnce: ReadOnce): Tensor | undefined {
  const [a, b] = node.inputs;
  switch (node.op) {
    case matmulOp as Op:
      return a?.rank === 2 && b?.rank === 2 && isFloat(a.dtype) ? fuseTransposes(a, b) : undefined;
    case transposeOp as Op:
      return a && fuseTransposedProduct(a, readOnce);
    case mulOp as Op:
      return a && b && scaleProduct(a, factorOf(b), readOnce);
    case negOp as Op:
      return a && scaleProduct(a, -1, readOnce);
    case addOp as Op:
      return (
        a &&
        b &&
        (addToProduct(a, b, 1, readOnce) ?? addToProduct(b, a, 1, readOnce) ?? addBias(a, b, readOnce))
      );
    case subOp as Op:
      return a && b && addToProduct(b, a, -1, readOnce);
    default:
      return undefined;
  }
}

interface GemmAttributes {
  readonly transA: boolean;
  readonly transB: boolean;
  /** The product's factor; the addend's is 1. ONNX stores it in float32. */
  readonly alpha: number;
}

function neverTransformed(): never {
  throw new Error("fused operations are made after all transforms");
}

/** alpha A B + C for matrices, with A and B transposed on the way in. */
export const gemmOp: Op<GemmAttributes> = {
  name: "gemm",
  outputs: ([a, b], { transA, transB }) => [
    { shape: [a?.shape[transA ? 1 : 0] ?? 0, b?.shape[transB ? 0 : 1] ?? 0], dtype: a?.dtype ?? "float32" },
  ],
  batch: neverTransformed,
  emit: (emitter, inputs, _, { transA, transB, alpha }) =>
    emitter.node("Gemm", inputs, { transA: Number(transA), transB: Number(transB), alpha: { float: alpha } }),
  flops: (node, { transA }) =>
    2 * sizeOf(node.outputs[0]?.shape ?? []) * (node.inputs[0]?.shape[transA ? 0 : 1] ?? 0),
};

/** The matrix whose transpose `x` is, if it is one. */
function untransposed(x: Tensor): Tensor | undefined {
  return x.rank === 2 && x.node.op === (transposeOp as Op) ? x.node.inputs[0] : undefined;
}

function fuseTransposes(a: Tensor, b: Tensor): Tensor | undefined {
  const left = untransposed(a);
  const right = untransposed(b);
  if (left === undefined && right === undefined) return undefined;
  const attributes = { transA: left !== undefined, transB: right !== undefined, alpha: 1 };
  return applyOne(gemmOp, [left ?? a, right ?? b], attributes);
}

/** The transpose of a product is the product of the transposes in the other order. */
function fuseTransposedProduct(product: Tensor, readOnce: ReadOnce): Tensor | undefined {
  if (product.rank !== 2 || !readOnce(product)) return undefined;
  const gemm = asGemm(product);
  if (gemm === undefined || gemm.addend !== undefined) return undefined;
  const { a, b, transA, transB, alpha } = gemm;
  return applyOne(gemmOp, [b, a], { transA: !transB, transB: !transA, alpha });
}

interface Product extends GemmAttributes {
  readonly a: Tensor;
  readonly b: Tensor;
  readonly addend: Tensor | undefined;
}

function asGemm(x: Tensor): Product | undefined {
  const [a, b, addend] = x.node.inputs;
  // The runtime has Gemm for floats only.
  if (a === undefined || b === undefined || x.rank !== 2 || !isFloat(x.dtype)) return undefined;
  if (x.node.op === (matmulOp as Op)) return { a, b, addend, transA: false, transB: false, alpha: 1 };
  const attributes = attributesIf(x, gemmOp);
  return attributes && { a, b, addend, ...attributes };
}

/** A number that a tensor is everywhere. */
function factorOf(x: Tensor): number | undefined {
  return x.rank === 0 ? attributesIf(x, fullOp)?.value : undefined;
}

/** Whether a factor survives being stored in float32, as ONNX attributes are. */
function representable(factor: number, x: Tensor): boolean {
  return x.dtype === "float32" || Math.fround(factor) === factor;
}

function scaleProduct(product: Tensor, factor: number | undefined, readOnce: ReadOnce): Tensor | undefined {
  const gemm = readOnce(product) ? asGemm(product) : undefined;
  if (gemm === undefined || factor === undefined || gemm.addend !== undefined) return undefined;
  const { a, b, transA, transB } = gemm;
  const alpha = gemm.alpha * factor;
  return representable(alpha, product) ? applyOne(gemmOp, [a, b], { transA, transB, alpha }) : undefined;
}

function addToProduct(
  product: Tensor,
  addend: Tensor,
  factor: number,
  readOnce: ReadOnce,
): Tensor | undefined {
  const gemm = readOnce(product) ? asGemm(product) : undefined;
  if (gemm === undefined || gemm.addend !== undefined) return undefined;
  const spread = broadcastShapes(addend.shape, product.shape);
  if (spread === undefined || !sameShape(spread, product.shape) || addend.rank === 0) return undefined;
  const { a, b, transA, transB, alpha } = gemm;
  return applyOne(gemmOp, [a, b, addend], { transA, transB, alpha: alpha * factor });
}

/** A convolution plus one number for each channel. */
export const convWithBiasOp: Op<ConvolutionAttributes> = {
  ...convOp,
  name: "convWithBias",
  batch: neverTransformed,
  emit: (emitter, inputs, _, attributes) => emitter.node("Conv", inputs, onnxConvolution(attributes)),
};

/** A convolution plus one number for each channel, given as [K, 1, ...] or [1, K, 1, ...]. */
function addBias(y: Tensor, bias: Tensor, readOnce: ReadOnce): Tensor | undefined {
  const attributes = attributesIf(y, convOp);
  const channels = y.shape[1] ?? 0;
  const perChannel = [channels, ...y.shape.slice(2).map(() => 1)];
  const fits = sameShape(bias.shape, perChannel) || sameShape(bias.shape, [1, ...perChannel]);
  if (attributes === undefined || !fits || !readOnce(y)) return undefined;
  const inner = bias.node.op === (reshapeOp as Op) ? bias.node.inputs[0] : undefined;
  const vector =
    inner !== undefined && sameShape(inner.shape, [channels]) ? inner : reshape(bias, [channels]);
  return applyOne(convWithBiasOp, [...y.node.inputs, vector], attributes);
}
