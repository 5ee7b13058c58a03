/** The gradient that a client shares of one text, as a function of the tokens it was computed from. */
import { type NDArray, ndarray } from "../../../engine/ndarray.ts";
import * as op from "../../../engine/ops/index.ts";
import { compile, spec } from "../../../engine/runtime/compile.ts";
import type { Tensor } from "../../../engine/tensor.ts";
import { grad } from "../../../engine/transforms/grad.ts";
import { type Named, parameterAt } from "../../../models/model.ts";
import type { TextModel } from "../../../models/text-model.ts";
import type { Float } from "../shared-gradient.ts";

/**
 * What the loss is taken of: the logits at some positions of the text (the masked ones), or the text's one row of
 * logits, row 0, for a classifier.
 */
export interface TextTargets {
  readonly rows: readonly number[];
  /** The class of each of these rows: the token that was masked, or the text's class. */
  readonly labels: readonly number[];
}

/** The mean cross entropy over the given rows of logits, with probabilities [rows, classes] as labels. */
export function textLoss(logits: Tensor, rows: readonly number[], probabilities: Tensor): Tensor {
  const places = op.constant(ndarray(rows, [rows.length], "int64"));
  return op.softmaxCrossEntropy(takeRows(logits, places), probabilities);
}

/**
 * Rows of logits, whose last axis are the classes, without computing the others: the rows of a product with a matrix are
 * the products of those rows. For 30,000 classes most of a gradient's time goes into that product.
 */
function takeRows(logits: Tensor, places: Tensor): Tensor {
  const classes = logits.shape.at(-1) ?? 0;
  const [a, b] = logits.inputs;
  if (logits.op === "reshape" && a?.shape.at(-1) === classes) return takeRows(a, places);
  if (logits.op === "add" && a !== undefined && b !== undefined)
    for (const [sum, bias] of [
      [a, b],
      [b, a],
    ] as const)
      if (sum.size === logits.size && bias.rank === 1) return op.add(takeRows(sum, places), bias);
  if (logits.op === "matmul" && a?.rank === 2 && b?.rank === 2) return op.matmul(op.take(a, places), b);
  return op.take(op.reshape(logits, [logits.size / classes, classes]), places);
}

/** The gradient of a text as a function of its tokens and labels, compiled for one length and some rows of logits. */
export interface TextGradient {
  /** A tree like the parameters. */
  of(parameters: Named<NDArray>, ids: readonly number[], labels: readonly number[]): Promise<Named<NDArray>>;
  dispose(): Promise<void>;
}

/** Compiles the gradient, for every parameter, of {@link textLoss}. It runs on one thread, so that its bits never change. */
export async function compileTextGradient({
  model,
  length,
  rows,
  dtype,
}: {
  readonly model: TextModel;
  readonly length: number;
  readonly rows: readonly number[];
  readonly dtype: Float;
}): Promise<TextGradient> {
  const step = await compile(
    (parameters, tokens, classes) =>
      grad((values: Named<Tensor>) =>
        textLoss(model.apply(values, tokens), rows, op.oneHot(classes, model.classes, dtype)),
      )(parameters),
    [model.parameters(dtype), spec([1, length], "int64"), spec([rows.length], "int64")] as const,
    { threads: 1, checkFinite: true },
  );
  return {
    of: (parameters, ids, labels) =>
      step.run(parameters, ndarray(ids, [1, length], "int64"), ndarray(labels, [rows.length], "int64")),
    dispose: () => step.dispose(),
  };
}

export interface SharedTextGradientRequest {
  readonly model: TextModel;
  readonly parameters: Named<NDArray>;
  /** The ids that the model is fed, [MASK] where a token is masked. */
  readonly ids: readonly number[];
  readonly targets: TextTargets;
  readonly dtype: Float;
}

/**
 * The gradient of one training step on one text, for every parameter: of the mean cross entropy over the masked
 * positions (or of the text's class).
 *
 * @returns a tree like the parameters
 * @throws RangeError when the text is empty, an id is not of the vocabulary, or a row or label is not the model's
 */
export async function sharedTextGradient(request: SharedTextGradientRequest): Promise<Named<NDArray>> {
  const { model, parameters, ids, targets, dtype } = request;
  const { rows, labels } = targets;
  if (ids.length === 0) throw new RangeError("sharedTextGradient: the text has no tokens");
  if (rows.length === 0 || rows.length !== labels.length)
    throw new RangeError(
      `sharedTextGradient: ${labels.length} labels for ${rows.length} rows of logits; expected one each, for at least one`,
    );
  const vocabularySize = parameterAt(parameters, model.embeddingPath).shape[0] ?? 0;
  for (const id of ids)
    if (!Number.isInteger(id) || id < 0 || id >= vocabularySize)
      throw new RangeError(`sharedTextGradient: id ${id} is not a token from 0 to ${vocabularySize - 1}`);
  for (const label of labels)
    if (!Number.isInteger(label) || label < 0 || label >= model.classes)
      throw new RangeError(
        `sharedTextGradient: label ${label} is not a class from 0 to ${model.classes - 1}`,
      );
  const step = await compileTextGradient({ model, length: ids.length, rows, dtype });
  try {
    return await step.of(parameters, ids, labels);
  } finally {
    await step.dispose();
  }
}
