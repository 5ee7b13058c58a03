/** The gradient that a client shares of one text, as a function of the tokens it was computed from. */
import { type NDArray, ndarray } from "../../engine/ndarray.ts";
import * as op from "../../engine/ops/index.ts";
import { compile, spec } from "../../engine/runtime/compile.ts";
import type { Tensor } from "../../engine/tensor.ts";
import { grad } from "../../engine/transforms/grad.ts";
import type { Float } from "./gradient-matching.ts";
import type { Nested, TextModel } from "./text-model.ts";

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
  const classes = logits.shape.at(-1) ?? 0;
  const all = op.reshape(logits, [logits.size / classes, classes]);
  const chosen = op.take(all, op.constant(ndarray(rows, [rows.length], "int64")));
  return op.softmaxCrossEntropy(chosen, probabilities);
}

export interface SharedTextGradientRequest {
  readonly model: TextModel;
  readonly parameters: Nested<NDArray>;
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
export async function sharedTextGradient(request: SharedTextGradientRequest): Promise<Nested<NDArray>> {
  const { model, parameters, ids, targets, dtype } = request;
  const { rows, labels } = targets;
  if (ids.length === 0) throw new RangeError("sharedTextGradient: the text has no tokens");
  if (rows.length === 0 || rows.length !== labels.length)
    throw new RangeError(
      `sharedTextGradient: ${labels.length} labels for ${rows.length} rows of logits; expected one each, for at least one`,
    );
  for (const label of labels)
    if (!Number.isInteger(label) || label < 0 || label >= model.classes)
      throw new RangeError(
        `sharedTextGradient: label ${label} is not a class from 0 to ${model.classes - 1}`,
      );
  const step = await compile(
    (values: Nested<Tensor>, tokens: Tensor, classes: Tensor) =>
      grad((inner: Nested<Tensor>) =>
        textLoss(model.apply(inner, tokens), rows, op.oneHot(classes, model.classes, dtype)),
      )(values),
    [model.parameters(dtype), spec([1, ids.length], "int64"), spec([labels.length], "int64")] as never,
    { threads: 1, checkFinite: true },
  );
  try {
    const run = step.run as unknown as (...inputs: readonly unknown[]) => Promise<Nested<NDArray>>;
    return await run(
      parameters,
      ndarray(ids, [1, ids.length], "int64"),
      ndarray(labels, [labels.length], "int64"),
    );
  } finally {
    await step.dispose();
  }
}
