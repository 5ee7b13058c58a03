import type { NDArray } from "../../../engine/ndarray.ts";
import { sizeOf } from "../../../engine/shape.ts";
import type { Named } from "../../../models/model.ts";
import type { RandomStream } from "../../../numeric/random.ts";
import { bagOfWords } from "./bag-of-words.ts";
import { type Confirmation, confirmText } from "./confirm.ts";
import { sharedTextGradient, type TextTargets } from "./gradient.ts";
import { inferTextLabels } from "./infer-labels.ts";
import { bagMetrics, textMetrics } from "./metrics.ts";
import {
  bertNames,
  findParameter,
  isTied,
  namedLeaves,
  outputBiases,
  parameterEndingIn,
  type TextModel,
} from "./model.ts";
import type { RecoveredText, TextAttackRequest, TextOutcome } from "./outcome.ts";
import { recoverText } from "./recover.ts";
import { type SpanCheck, spanCheck } from "./span-check.ts";
import { wordOrder } from "./word-order.ts";
import { specialTokens, type WordPiece } from "./word-piece.ts";

/** The largest differences that rounding makes in a gradient of each precision, for the closed forms. */
const tolerances = {
  float64: { bag: 1e-6, order: 1e-6, span: 1e-5, rank: 1e-7 },
  float32: { bag: 1e-3, order: 1e-3, span: 1e-2, rank: 1e-5 },
} as const;

/**
 * One attack on a text from end to end, for a demonstration or an audit: plays the client, who masks tokens of the text
 * and computes the gradient of a randomly initialised masked language model; then the attacker, who sees the model, the
 * gradient and which positions were masked; then the judge, who compares with the text.
 *
 * Three streams spawned from the given one draw the parameters, the masks, and the starts of the matching attack. Every
 * masked token becomes [MASK]; BERT leaves a tenth of them as they are and puts random tokens for another.
 *
 * @throws RangeError when the text has no token, or the vocabulary lacks [CLS], [SEP] or [MASK]
 * @throws the signal's reason when it is aborted
 */
export async function attackText(request: TextAttackRequest): Promise<TextOutcome> {
  const { sentence, tokenizer, makeModel, parameters: asked, stream, signal } = request;
  const { dtype } = asked;
  const [weightStream, maskStream, startStream] = stream.spawn(3);
  if (weightStream === undefined || maskStream === undefined || startStream === undefined)
    throw new Error("spawn(3) gives three streams");

  // The client.
  const original = textTokens(sentence, tokenizer);
  const masked = maskedPositions(original.length, asked.masked, maskStream);
  const maskToken = requiredToken(tokenizer, specialTokens.mask);
  const fed = original.map((token, position) => (masked.includes(position) ? maskToken : token));
  const model = makeModel({ tokens: original.length, vocabulary: tokenizer.vocabulary.length });
  const parameters = model.init(weightStream, dtype);
  const targets: TextTargets = { rows: masked, labels: masked.map((position) => original[position] ?? 0) };
  const gradient = await sharedTextGradient({ model, parameters, ids: fed, targets, dtype });
  signal?.throwIfAborted();

  // The attacker, who is told the positions of the masks, of [CLS] and of [SEP].
  const message: Message = { model, parameters, gradient, dtype, rows: masked, length: original.length };
  const closed = await closedForms(message);
  const known = fed.map((token, position) =>
    masked.includes(position) || position === 0 || position === fed.length - 1 ? token : undefined,
  );
  const matched =
    asked.iterations === 0
      ? undefined
      : await match({
          ...request,
          message,
          known,
          startStream,
          told: targets.labels,
          inferred: closed.maskedTokens,
        });

  // The judge.
  const told = asked.labels === "known" ? masked : [];
  const scored = [...original.keys()].filter(
    (position) => position > 0 && position < original.length - 1 && !told.includes(position),
  );
  const judge = (tokens: readonly (number | undefined)[]): RecoveredText => ({
    tokens,
    metrics: textMetrics(
      scored.map((position) => original[position] ?? 0),
      scored.map((position) => tokens[position]),
    ),
  });
  const width = parameterEndingIn(parameters, model.embeddingPath).shape[1] ?? 0;
  return {
    sentence,
    vocabulary: tokenizer.vocabulary,
    original,
    masked,
    scored,
    ...(closed.maskedTokens && { maskedTokens: closed.maskedTokens }),
    bagOfWords: { ...closed.bag, ...bagMetrics(fed, closed.bag.tokens) },
    wordOrder: { ...closed.order, ...judge(closed.fillIn(closed.order.tokens)) },
    spanCheck: { ...closed.span, ...judge(closed.fillIn(closed.span.tokens)) },
    ...(closed.confirmation && { confirmation: closed.confirmation }),
    ...(matched && {
      matching: {
        ...judge(matched.tokens),
        labels: asked.labels,
        matchingLoss: matched.matchingLoss,
        evaluations: matched.evaluations,
        seconds: matched.seconds,
        starts: matched.starts.map(({ matchingLoss, tokens }) => ({
          matchingLoss,
          tokenAccuracy: judge(tokens).metrics.tokenAccuracy,
        })),
        ending: matched.reason,
      },
    }),
    model: {
      description: model.description,
      parameters: namedLeaves(parameters).reduce((total, { leaf }) => total + sizeOf(leaf.shape), 0),
      width,
      tied: isTied(model, model.parameters(dtype)),
    },
    dtype,
  };
}

/** The ids of a text as BERT is fed it: [CLS], its pieces, [SEP]. */
export function textTokens(sentence: string, tokenizer: WordPiece): number[] {
  const ids = tokenizer.encode(sentence);
  if (ids.length === 0) throw new RangeError("attackText: the text has no token");
  return [requiredToken(tokenizer, specialTokens.start), ...ids, requiredToken(tokenizer, specialTokens.end)];
}

function requiredToken(tokenizer: WordPiece, token: string): number {
  const id = tokenizer.idOf(token);
  if (id === undefined) throw new RangeError(`attackText: the vocabulary has no ${token}`);
  return id;
}

/** A random part of the positions between [CLS] and [SEP], ascending; one at least. */
function maskedPositions(length: number, part: number, stream: RandomStream): number[] {
  const words = length - 2;
  const count = Math.min(words, Math.max(1, Math.round(part * words)));
  return Array.from(stream.choice(count, words), (place) => place + 1).sort((a, b) => a - b);
}

/** All that the attacker has. */
interface Message {
  readonly model: TextModel;
  readonly parameters: Named<NDArray>;
  readonly gradient: Named<NDArray>;
  readonly dtype: "float64" | "float32";
  /** The masked positions. */
  readonly rows: readonly number[];
  readonly length: number;
}

async function closedForms(message: Message) {
  const { model, parameters, gradient, dtype, rows, length } = message;
  const tolerance = tolerances[dtype];
  const tied = isTied(model, model.parameters(dtype));
  const bag = bagOfWords(parameterEndingIn(gradient, model.embeddingPath), {
    ...(tied && { tiedOutputs: rows.length }),
    tolerance: tolerance.bag,
  });
  const { tokens, outputSpan } = bag;
  const read = wordOrder({ model, gradient, tokens, outputSpan, tolerance: tolerance.order });
  const order = { ...read, tokens: Array.from({ length }, (_, position) => read.tokens[position]) };
  const span = checkSpan(message);
  const biases = outputBiases.map((name) => findParameter(gradient, name));
  const bias = biases.find((found) => found !== undefined);
  const labels = bias && inferTextLabels(bias, rows.length);

  const complete = [order.tokens, span.tokens].find((found) => !found.includes(undefined));
  let confirmation: Confirmation | undefined;
  if (complete !== undefined && labels !== undefined) {
    const ids = complete.filter((token) => token !== undefined);
    confirmation = await confirmText({ model, parameters, gradient, ids, rows, labels, dtype });
  }
  // One label has one place; several are in the right order once their gradient is the shared one.
  const placed = confirmation?.confirmed ? confirmation.labels : labels?.length === 1 ? labels : undefined;
  const fillIn = (found: readonly (number | undefined)[]): (number | undefined)[] =>
    found.map((token, position) =>
      token !== undefined && rows.includes(position) ? placed?.[rows.indexOf(position)] : token,
    );
  return { bag, order, span, maskedTokens: labels, confirmation, fillIn };
}

function checkSpan({ model, parameters, gradient, dtype, length }: Message): SpanCheck {
  const needed = [bertNames.firstQuery, bertNames.positions, bertNames.normScale, bertNames.normShift];
  const missing = needed.find((name) => findParameter(gradient, name) === undefined);
  if (missing !== undefined)
    return {
      status: "refused",
      reason: `the model has no ${missing}: the check needs BERT's embeddings and first layer`,
      tokens: Array.from({ length }, () => undefined),
      candidates: [],
      rank: 0,
    };
  const { span: tolerance, rank: rankTolerance } = tolerances[dtype];
  return spanCheck({ model, parameters, gradient, length, tolerance, rankTolerance });
}

interface MatchRequest extends TextAttackRequest {
  readonly message: Message;
  readonly known: readonly (number | undefined)[];
  readonly startStream: RandomStream;
  /** The true labels, which are used where the attacker is told them. */
  readonly told: readonly number[];
  readonly inferred: readonly number[] | undefined;
}

async function match({ message, known, startStream, told, inferred, ...request }: MatchRequest) {
  const { parameters: asked, onProgress, signal } = request;
  const { distance, optimizer, iterations, starts, reorderings } = asked;
  // Each round of reordering may search on for as long as the first time.
  const longest = iterations * (1 + reorderings);
  const read = asked.labels === "infer" && inferred?.length === 1 ? inferred : undefined;
  const labels = asked.labels === "known" ? told : read;
  const started = performance.now();
  const recovery = await recoverText({
    ...message,
    known,
    labels,
    stream: startStream,
    distance,
    optimizer,
    iterations,
    starts,
    reorderings,
    ...(signal && { signal }),
    onStep: ({ start, iteration, matchingLoss }) =>
      onProgress?.({ done: start * longest + iteration, total: starts * longest, matchingLoss }),
  });
  const fillIn = (tokens: readonly number[], found: readonly number[]): number[] =>
    tokens.map((token, position) => found[message.rows.indexOf(position)] ?? token);
  return {
    ...recovery,
    tokens: fillIn(recovery.tokens, recovery.labels),
    starts: recovery.starts.map((start) => ({ ...start, tokens: fillIn(start.tokens, start.labels) })),
    seconds: (performance.now() - started) / 1000,
  };
}
