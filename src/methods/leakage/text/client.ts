/** The client of a text: what it feeds the model, and what its loss is taken of. */
import type { RandomStream } from "../../../numeric/random.ts";
import type { TextTargets } from "./gradient.ts";
import type { TextStructure } from "./structure.ts";
import { specialTokens, type WordPiece } from "./word-piece.ts";

export interface ClientText {
  /** The text's tokens, [CLS] and [SEP] included where the vocabulary has them. */
  readonly original: readonly number[];
  /** What the model is fed: [MASK] at the masked positions, [PAD] behind a text that is shorter than the model's. */
  readonly fed: readonly number[];
  /** The positions whose token was replaced by [MASK]; none for a classifier. */
  readonly masked: readonly number[];
  /** Rows of logits and their classes: the masked tokens, or the text's class. */
  readonly targets: TextTargets;
  /** What the attacker is told of the fed tokens: [CLS], [SEP], [MASK] and [PAD] at their positions. */
  readonly known: readonly (number | undefined)[];
}

export interface ClientTextRequest {
  readonly sentence: string;
  readonly tokenizer: WordPiece;
  readonly structure: Pick<TextStructure, "isClassifier" | "length">;
  /** Classes of a classifier. */
  readonly classes: number;
  /** The part of the words that is masked, at least one. */
  readonly masked: number;
  /** Draws the masks, or the class. */
  readonly stream: RandomStream;
}

/**
 * Prepares a text: masks a random part of its words, or draws the class of a classifier's text.
 *
 * Every masked token becomes [MASK]; BERT leaves a tenth of them as they are and puts random tokens for another.
 *
 * @throws RangeError when the text has no token or more than the model takes, or the vocabulary lacks [MASK]
 */
export function clientText(request: ClientTextRequest): ClientText {
  const { sentence, tokenizer, structure, classes, stream } = request;
  const { isClassifier, length } = structure;
  const original = textTokens(sentence, tokenizer);
  if (original.length > length)
    throw new RangeError(
      `clientText: the text has ${original.length} tokens, the model takes ${length} at most`,
    );
  const ends = [specialTokens.start, specialTokens.end].map((token) => tokenizer.idOf(token));
  const words = [...original.keys()].filter(
    (position) =>
      !(position === 0 && ends[0] !== undefined) &&
      !(position === original.length - 1 && ends[1] !== undefined),
  );
  const masked = isClassifier ? [] : maskedPositions(words, request.masked, stream);
  const mask = isClassifier ? undefined : requiredToken(tokenizer, specialTokens.mask);
  const padding = tokenizer.idOf(specialTokens.padding) ?? 0;
  const fed = Array.from({ length }, (_, position) =>
    masked.includes(position) ? (mask ?? padding) : (original[position] ?? padding),
  );
  const targets = isClassifier
    ? { rows: [0], labels: [stream.integers(1, 0, classes)[0] ?? 0] }
    : { rows: masked, labels: masked.map((position) => original[position] ?? 0) };
  const isTold = (position: number): boolean => masked.includes(position) || !words.includes(position);
  return {
    original,
    fed,
    masked,
    targets,
    known: fed.map((token, position) => (isTold(position) ? token : undefined)),
  };
}

/**
 * The ids of a text as BERT is fed it: [CLS], its pieces, [SEP]; without those that the vocabulary lacks.
 *
 * @throws RangeError when the text has no token
 */
export function textTokens(sentence: string, tokenizer: WordPiece): number[] {
  const ids = tokenizer.encode(sentence);
  if (ids.length === 0) throw new RangeError("textTokens: the text has no token");
  const of = (token: string): number[] => [tokenizer.idOf(token)].filter((id) => id !== undefined);
  return [...of(specialTokens.start), ...ids, ...of(specialTokens.end)];
}

function requiredToken(tokenizer: WordPiece, token: string): number {
  const id = tokenizer.idOf(token);
  if (id === undefined) throw new RangeError(`clientText: the vocabulary has no ${token}`);
  return id;
}

/** A random part of the given positions, ascending; one at least. */
function maskedPositions(words: readonly number[], part: number, stream: RandomStream): number[] {
  const count = Math.min(words.length, Math.max(1, Math.round(part * words.length)));
  return Array.from(stream.choice(count, words.length), (place) => words[place] ?? 0).sort((a, b) => a - b);
}
