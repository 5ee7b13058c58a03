/** All that is read off a text's gradient without optimisation: words, order, span check, labels, and whether it is right. */
import type { NDArray } from "../../../engine/ndarray.ts";
import { type Named, parameterAt } from "../../../models/model.ts";
import type { TextModel } from "../../../models/text-model.ts";
import type { DefencePlan } from "../defences/parse.ts";
import { type BagOfWords, bagOfWords, type RowErrors } from "./bag-of-words.ts";
import { type Confirmation, confirmText } from "./confirm.ts";
import { entryErrors } from "./entry-errors.ts";
import { inferTextLabels } from "./infer-labels.ts";
import { type SpanCheck, spanCheck } from "./span-check.ts";
import type { TextStructure } from "./structure.ts";
import { type WordOrder, wordOrder } from "./word-order.ts";

/** All that the attacker of a text has. */
export interface TextMessage {
  readonly model: TextModel;
  readonly structure: TextStructure;
  readonly parameters: Named<NDArray>;
  /** As it was shared. */
  readonly gradient: Named<NDArray>;
  readonly dtype: "float64" | "float32";
  /** Rows of logits that the loss was taken of: the masked positions, or row 0 of a classifier. */
  readonly rows: readonly number[];
  /** The tokens that the attacker is told, at their positions. */
  readonly known: readonly (number | undefined)[];
  /** What the client did to the gradient. */
  readonly plan: DefencePlan;
}

export interface ClosedForms {
  readonly bag: BagOfWords;
  readonly order: WordOrder;
  readonly span: SpanCheck;
  /** The classes of the rows in any order; absent where the model adds no bias to its logits. */
  readonly labels?: readonly number[];
  /** Of the first text without gaps that a closed form gave. */
  readonly confirmation?: Confirmation;
}

/** The largest differences that rounding makes in a gradient of each precision. */
const tolerances = {
  float64: { bag: 1e-6, order: 1e-6, span: 1e-5, rank: 1e-7 },
  float32: { bag: 1e-3, order: 1e-3, span: 1e-2, rank: 1e-5 },
} as const;

/** Reads all closed forms off a gradient; with a defence, within the errors that it makes. */
export async function closedForms(message: TextMessage): Promise<ClosedForms> {
  const { model, structure, parameters, gradient, dtype, rows, plan } = message;
  const tolerance = tolerances[dtype];
  const errors = entryErrors(plan);
  const errorsOf = (path: string): RowErrors => ({
    noise: errors.noise,
    absolute: errors.absolute(parameterAt(gradient, path)),
    relative: errors.relative,
  });
  const labels =
    structure.outputBias === undefined
      ? undefined
      : inferTextLabels(parameterAt(gradient, structure.outputBias), rows.length);
  const bag = bagOfWords(parameterAt(gradient, model.embeddingPath), {
    ...(structure.isTied && { tiedOutputs: rows.length }),
    tolerance: tolerance.bag,
    ...(!errors.areZero && { errors: errorsOf(model.embeddingPath), mostTokens: structure.length, labels }),
  });
  const order = wordOrder({
    model,
    structure,
    gradient,
    tokens: bag.tokens,
    outputSpan: bag.outputSpan,
    known: message.known,
    tolerance: tolerance.order,
    ...(!errors.areZero &&
      structure.positions && {
        errors: { words: errorsOf(model.embeddingPath), positions: errorsOf(structure.positions.path) },
      }),
  });
  const span = await spanCheck({
    model,
    structure,
    parameters,
    gradient,
    tolerance: tolerance.span,
    rankTolerance: tolerance.rank,
    ...(!errors.areZero && { errors: errorsOf }),
  });
  // Where errors hide a position, the attacker still knows what it was told.
  const withKnown = (tokens: readonly (number | undefined)[]) =>
    errors.areZero ? tokens : tokens.map((token, position) => message.known[position] ?? token);
  const complete = [order.tokens, span.tokens]
    .map(withKnown)
    .find((found): found is readonly number[] => found.length > 0 && !found.includes(undefined));
  const confirmation =
    complete === undefined || labels === undefined
      ? undefined
      : await confirmText({ model, parameters, gradient, ids: complete, rows, labels, dtype, plan });
  return {
    bag,
    order,
    span,
    ...(labels && { labels }),
    ...(confirmation && { confirmation }),
  };
}
