import { fail } from "../errors.ts";
import { broadcastShapes, formatShape, normalizeAxis, sameShape } from "../shape.ts";
import { applyOne, type Op, type Tensor, type TensorLike } from "../tensor.ts";
import { spread, sum } from "./broadcast.ts";
import { describe, requireFloat, requireSameDType } from "./check.ts";
import { toTensor } from "./constants.ts";
import { add, cast, mul, neg, rsqrt, square, sub } from "./elementwise.ts";
import { takeAlongAxis } from "./indexing.ts";
import { mean } from "./reduction.ts";
import { only, reshape, unsqueeze } from "./shape.ts";
import { softplus } from "./special.ts";

/** Losses and normalisations. */

type Axis = { readonly axis: number };

function alongAxis(
  name: string,
  onnx: string,
  gradient: (ct: Tensor, x: Tensor, y: Tensor, axis: number) => Tensor,
): Op<Axis> {
  return {
    name,
    outputs: ([x]) => [{ shape: x?.shape ?? [], dtype: x?.dtype ?? "float32" }],
    gradient: ({ inputs, outputs, attributes: { axis }, cotangents: [ct] }) => [
      ct && gradient(ct, only(inputs), only(outputs), axis),
    ],
    batch({ inputs, attributes: { axis } }) {
      return [applyOne(this, inputs, { axis: axis + 1 })];
    },
    emit: (emitter, inputs, _, { axis }) => emitter.node(onnx, inputs, { axis }),
    flops: (node) => 5 * (node.inputs[0]?.size ?? 0),
  };
}

const softmaxOp = alongAxis("softmax", "Softmax", (ct, _, y, axis) =>
  mul(y, sub(ct, sum(mul(ct, y), { axes: axis, keepAxes: true }))),
);
const logSoftmaxOp = alongAxis("logSoftmax", "LogSoftmax", (ct, x, _, axis) =>
  sub(ct, mul(softmax(x, { axis }), sum(ct, { axes: axis, keepAxes: true }))),
);

function applyAlong(op: Op<Axis>, x: TensorLike, axis: number): Tensor {
  const tensor = toTensor(x);
  requireFloat(op.name, tensor);
  return applyOne(op, [tensor], { axis: normalizeAxis(axis, tensor.rank, op.name) });
}

/** exp(x) / sum(exp(x)) along an axis. */
export function softmax(x: TensorLike, { axis = -1 } = {}): Tensor {
  return applyAlong(softmaxOp, x, axis);
}

/** log(softmax(x)), without underflow. */
export function logSoftmax(x: TensorLike, { axis = -1 } = {}): Tensor {
  return applyAlong(logSoftmaxOp, x, axis);
}

export interface LossOptions {
  /** The mean over the samples (default), their sum, or one loss for each. */
  readonly reduction?: "mean" | "sum" | "none";
}

function reduceLoss(perSample: Tensor, { reduction = "mean" }: LossOptions): Tensor {
  if (reduction === "none") return perSample;
  return reduction === "mean" ? mean(perSample) : sum(perSample);
}

/**
 * The cross entropy between labels and softmax(logits).
 *
 * @param logits [..., classes]
 * @param labels integer classes [...], or probabilities [..., classes] (differentiable)
 * @throws GraphError when the labels' shape is neither
 */
export function softmaxCrossEntropy(logits: Tensor, labels: Tensor, options: LossOptions = {}): Tensor {
  requireFloat("softmaxCrossEntropy", logits);
  const samples = logits.shape.slice(0, -1);
  const logProbabilities = logSoftmax(logits);
  if (labels.dtype === "int64" || labels.dtype === "int32") {
    if (formatShape(labels.shape) !== formatShape(samples))
      fail(
        "softmaxCrossEntropy",
        `integer labels ${describe(labels)} are not one for each sample of logits ${describe(logits)}`,
      );
    const chosen = takeAlongAxis(logProbabilities, unsqueeze(labels, labels.rank), -1);
    return reduceLoss(neg(reshape(chosen, samples)), options);
  }
  requireSameDType("softmaxCrossEntropy", [logits, labels]);
  if (formatShape(labels.shape) !== formatShape(logits.shape))
    fail(
      "softmaxCrossEntropy",
      `probabilities ${describe(labels)} do not have the shape of logits ${describe(logits)}`,
    );
  return reduceLoss(neg(sum(mul(labels, logProbabilities), { axes: -1 })), options);
}

/** Targets that would make more losses than there are predictions are a mistake, most often a column for a vector. */
function requireTargets(operation: string, predictions: Tensor, targets: TensorLike): void {
  if (typeof targets === "number") return;
  const common = broadcastShapes(predictions.shape, targets.shape);
  if (common === undefined || !sameShape(common, predictions.shape))
    fail(operation, `targets ${describe(targets)} do not broadcast to predictions ${describe(predictions)}`);
}

/** -y log sigmoid(x) - (1 - y) log(1 - sigmoid(x)) for logits x and targets y in [0, 1], without overflow. */
export function binaryCrossEntropyWithLogits(
  logits: Tensor,
  targets: TensorLike,
  options: LossOptions = {},
): Tensor {
  requireFloat("binaryCrossEntropyWithLogits", logits);
  requireTargets("binaryCrossEntropyWithLogits", logits, targets);
  return reduceLoss(sub(softplus(logits), mul(logits, targets)), options);
}

/** The mean (or sum, or each) of the squared differences. */
export function meanSquaredError(
  predictions: Tensor,
  targets: TensorLike,
  options: LossOptions = {},
): Tensor {
  requireFloat("meanSquaredError", predictions);
  requireTargets("meanSquaredError", predictions, targets);
  return reduceLoss(square(sub(predictions, targets)), options);
}

interface LayerNormAttributes extends Axis {
  readonly epsilon: number;
}

/** x less its mean over axes, divided by its standard deviation there, and one over that. */
function normalised(
  x: Tensor,
  axes: readonly number[],
  epsilon: number,
): { readonly normal: Tensor; readonly inverse: Tensor } {
  const centred = sub(x, mean(x, { axes, keepAxes: true }));
  const inverse = rsqrt(add(mean(square(centred), { axes, keepAxes: true }), epsilon));
  return { normal: mul(centred, inverse), inverse };
}

/** x, scale, shift to the normalised x; all axes from `axis` on are normalised together. */
const layerNormOp: Op<LayerNormAttributes> = {
  name: "layerNorm",
  outputs: ([x]) => [{ shape: x?.shape ?? [], dtype: x?.dtype ?? "float32" }],
  gradient: ({ inputs, attributes: { axis, epsilon }, cotangents: [ct], wanted }) => {
    const [x, scale, shift] = inputs;
    if (ct === undefined || x === undefined || scale === undefined || shift === undefined) return [];
    const axes = x.shape.map((_, i) => i).filter((i) => i >= axis);
    const leading = x.shape.map((_, i) => i).filter((i) => i < axis);
    const { normal, inverse } = normalised(x, axes, epsilon);
    const flow = mul(ct, scale);
    const along = mean(mul(flow, normal), { axes, keepAxes: true });
    return [
      wanted[0]
        ? mul(inverse, sub(sub(flow, mean(flow, { axes, keepAxes: true })), mul(normal, along)))
        : undefined,
      wanted[1] ? sum(mul(ct, normal), { axes: leading }) : undefined,
      wanted[2] ? sum(ct, { axes: leading }) : undefined,
    ];
  },
  batch: ({ inputs, batched, attributes }) => {
    const [x, scale, shift] = inputs;
    if (x === undefined || scale === undefined || shift === undefined)
      throw new Error("layerNorm has three inputs");
    if (!batched[1] && !batched[2])
      return [applyOne(layerNormOp, inputs, { ...attributes, axis: attributes.axis + 1 })];
    const rank = x.rank - (batched[0] ? 1 : 0);
    const axes = Array.from({ length: rank - attributes.axis }, (_, i) => i - (rank - attributes.axis));
    const lift = (parameter: Tensor, isBatched: boolean | undefined): Tensor =>
      isBatched
        ? reshape(parameter, [
            parameter.shape[0] ?? 1,
            ...new Array<number>(attributes.axis).fill(1),
            ...parameter.shape.slice(1),
          ])
        : parameter;
    const { normal } = normalised(x, axes, attributes.epsilon);
    return [add(mul(normal, lift(scale, batched[1])), lift(shift, batched[2]))];
  },
  lower: ([x, scale, shift], { axis, epsilon }) => {
    // The kernel's epsilon is a float32, which is not exact enough for float64.
    if (x?.dtype !== "float64" || scale === undefined || shift === undefined) return undefined;
    const axes = x.shape.map((_, i) => i).filter((i) => i >= axis);
    return [add(mul(normalised(x, axes, epsilon).normal, scale), shift)];
  },
  emit: (emitter, inputs, _, { axis, epsilon }) =>
    emitter.node("LayerNormalization", inputs, { axis, epsilon: { float: epsilon } }),
  flops: (node) => 8 * (node.inputs[0]?.size ?? 0),
};

/**
 * Layer normalisation over the trailing axes that `scale` and `shift` span: (x - mean) / sqrt(variance + epsilon),
 * scaled and shifted (Ba, Kiros, Hinton 2016).
 */
export function layerNorm(x: Tensor, scale: Tensor, shift: Tensor, { epsilon = 1e-5 } = {}): Tensor {
  requireFloat("layerNorm", x, scale, shift);
  requireSameDType("layerNorm", [x, scale, shift]);
  const axis = x.rank - scale.rank;
  const span = formatShape(x.shape.slice(Math.max(0, axis)));
  if (axis < 0 || scale.rank === 0 || formatShape(scale.shape) !== span || formatShape(shift.shape) !== span)
    fail(
      "layerNorm",
      `scale ${describe(scale)} and shift ${describe(shift)} must span the last axes of ${describe(x)}`,
    );
  return applyOne(layerNormOp, [x, scale, shift], { axis, epsilon });
}

export interface BatchNormOptions {
  readonly epsilon?: number;
  /** Statistics to normalise with (inference); without them, those of this batch (training). */
  readonly statistics?: { readonly mean: Tensor; readonly variance: Tensor };
}

/**
 * Batch normalisation of x [N, C, ...] for each channel (Ioffe, Szegedy 2015).
 *
 * @returns the output and the mean and (biased) variance [C] that were used, for running averages
 */
export function batchNorm(
  x: Tensor,
  scale: Tensor,
  shift: Tensor,
  { epsilon = 1e-5, statistics }: BatchNormOptions = {},
): { readonly output: Tensor; readonly mean: Tensor; readonly variance: Tensor } {
  requireFloat("batchNorm", x, scale, shift);
  const channels = x.shape[1];
  if (
    x.rank < 2 ||
    scale.rank !== 1 ||
    scale.size !== channels ||
    shift.rank !== 1 ||
    shift.size !== channels
  )
    fail(
      "batchNorm",
      `scale ${describe(scale)} and shift ${describe(shift)} must have one number for each channel of ${describe(x)}`,
    );
  const axes = x.shape.map((_, axis) => axis).filter((axis) => axis !== 1);
  const average = statistics?.mean ?? mean(x, { axes });
  const centred = sub(x, spread(average, x.shape, axes));
  const spreadOf = statistics?.variance ?? mean(square(centred), { axes });
  const factor = mul(scale, rsqrt(add(spreadOf, epsilon)));
  const broadcast = (parameter: Tensor): Tensor =>
    reshape(parameter, [parameter.size, ...x.shape.slice(2).map(() => 1)]);
  return {
    output: add(mul(centred, broadcast(factor)), broadcast(shift)),
    mean: average,
    variance: spreadOf,
  };
}

/**
 * Dropout with a mask made outside the graph: x where the mask is true, scaled by 1 / (1 - rate), 0 elsewhere
 * (Srivastava et al. 2014).
 *
 * @param mask bool or the dtype of x, broadcast against x; 1 keeps
 */
export function dropout(x: Tensor, mask: Tensor, { rate }: { readonly rate: number }): Tensor {
  if (!(rate >= 0 && rate < 1)) fail("dropout", `rate ${rate} is not in [0, 1)`);
  const keep = mask.dtype === "bool" ? cast(mask, x.dtype) : mask;
  return mul(x, mul(keep, 1 / (1 - rate)));
}
