/** What an attack on a text is asked and what it gives back, as plain values: no run, no files. */
import type { TextModel } from "../../../models/text-model.ts";
import type { RandomStream } from "../../../numeric/random.ts";
import type { BagOfWords } from "./bag-of-words.ts";
import type { Confirmation } from "./confirm.ts";
import type { TextDistance } from "./matching.ts";
import type { TextMetrics } from "./metrics.ts";
import type { SpanCheck } from "./span-check.ts";
import type { WordOrder } from "./word-order.ts";
import type { WordPiece } from "./word-piece.ts";

/**
 * How the matching attack comes by the masked tokens: `known` is told them, `infer` reads them off the gradient of the last
 * bias where one token is masked (and else does as `joint`), `joint` optimises them with the embeddings.
 */
export type TextLabels = "known" | "infer" | "joint";

export interface TextAttackParameters {
  /** The part of the words that is masked, at least one; BERT's is 0.15. */
  readonly masked: number;
  readonly labels: TextLabels;
  readonly distance: TextDistance;
  readonly optimizer: "lbfgs" | "adam";
  /** Iterations of the matching attack from each start; 0 leaves it out. */
  readonly iterations: number;
  readonly starts: number;
  /** Rounds in which each start puts its tokens in order by the matching loss. */
  readonly reorderings: number;
  readonly dtype: "float64" | "float32";
  /** What the client does to its gradient, as `parseDefences` reads it; nothing by default. */
  readonly defence?: string;
}

export interface TextAttackRequest {
  readonly sentence: string;
  readonly tokenizer: WordPiece;
  /** A model of texts of as many tokens as this one has, or more, from the tokenizer's vocabulary. */
  readonly model: TextModel;
  readonly parameters: TextAttackParameters;
  /** Where the attack's randomness comes from: it spawns streams of it, and draws nothing from it itself. */
  readonly stream: RandomStream;
  readonly onProgress?: (progress: TextProgress) => void;
  readonly signal?: AbortSignal;
}

export interface TextProgress {
  readonly done: number;
  readonly total: number;
  readonly matchingLoss: number;
}

/** One way of recovering the text, and the judge's word on it. */
export interface RecoveredText {
  /** The token at each position, masked ones filled in; `undefined` where nothing was found. */
  readonly tokens: readonly (number | undefined)[];
  readonly metrics: TextMetrics;
}

export interface TextOutcome {
  readonly sentence: string;
  readonly vocabulary: readonly string[];
  /** The text's tokens, [CLS] and [SEP] included. */
  readonly original: readonly number[];
  /** Positions whose token was replaced by [MASK]; what the loss is taken of. */
  readonly masked: readonly number[];
  /** The positions that are scored: those that the attacker was not told. */
  readonly scored: readonly number[];
  /** The class with which a classifier's gradient was computed, and the one read off its last bias. */
  readonly label?: number;
  readonly recoveredLabel?: number;
  /** Absent where the gradient was shared as it is; `adaptation` is what the attacker does about it, in words. */
  readonly defence?: { readonly description: string; readonly adaptation?: string };
  /** The masked tokens as read off the last bias, in any order; absent where the model has no such bias. */
  readonly maskedTokens?: readonly number[];
  readonly bagOfWords: BagOfWords & { readonly bagRecall: number; readonly bagPrecision: number };
  readonly wordOrder: WordOrder & RecoveredText;
  readonly spanCheck: SpanCheck & RecoveredText;
  /** Whether the gradient of the text that the closed forms gave is the shared one; absent where they left gaps. */
  readonly confirmation?: Confirmation;
  readonly matching?: RecoveredText & {
    readonly labels: TextLabels;
    readonly matchingLoss: number;
    readonly evaluations: number;
    readonly seconds: number;
    /** The matching loss and the token accuracy of every start. */
    readonly starts: readonly { readonly matchingLoss: number; readonly tokenAccuracy: number }[];
    readonly ending: string;
  };
  readonly model: {
    readonly description: string;
    /** Whether its parameters are a file's, and not drawn at random. */
    readonly isFromFile: boolean;
    /** Whether it gives one row of logits for a text, and is no masked language model. */
    readonly isClassifier: boolean;
    readonly classes: number;
    readonly parameters: number;
    /** Features of a token. */
    readonly width: number;
    readonly tied: boolean;
  };
  readonly dtype: "float64" | "float32";
}

/** Computes the gradient of a text and recovers the text from it. */
export type AttackText = (request: TextAttackRequest) => Promise<TextOutcome>;
