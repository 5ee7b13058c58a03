/** The attacks on text, as a library: see the README's section on text. */

export { attackText } from "./attack.ts";
export { type BagOfWords, type BagOfWordsOptions, bagOfWords, type RowErrors } from "./bag-of-words.ts";
export { type ClientText, type ClientTextRequest, clientText, textTokens } from "./client.ts";
export { type Confirmation, type ConfirmTextRequest, confirmText } from "./confirm.ts";
export { type SharedTextGradientRequest, sharedTextGradient, type TextTargets } from "./gradient.ts";
export {
  type TextGridCell,
  type TextGridOptions,
  type TextGridRow,
  textGrid,
  textGridCells,
} from "./grid.ts";
export { inferTextLabels } from "./infer-labels.ts";
export {
  compileTextMatching,
  type TextDistance,
  type TextMatching,
  type TextMatchingRequest,
} from "./matching.ts";
export { bagMetrics, type TextMetrics, textMetrics } from "./metrics.ts";
export { type Nearest, type NearestTokensRequest, nearestTokens } from "./nearest-tokens.ts";
export type {
  RecoveredText,
  TextAttackParameters,
  TextAttackRequest,
  TextLabels,
  TextOutcome,
} from "./outcome.ts";
export { type PlaceLabelsRequest, placeLabels } from "./place-labels.ts";
export { type RecoverTextOptions, recoverText, type TextRecovery, type TextStart } from "./recover.ts";
export { longestCommonSubsequence, type RougeScore, rougeL, rougeN } from "./rouge.ts";
export { distanceToSpan, principalSpan, type RowSpace, rowSpace } from "./row-space.ts";
export { type SpanCandidate, type SpanCheck, type SpanCheckRequest, spanCheck } from "./span-check.ts";
export { type FirstLayer, readTextStructure, type TextStructure } from "./structure.ts";
export { type WordOrder, type WordOrderRequest, wordOrder } from "./word-order.ts";
export {
  readWordPiece,
  vocabularyOfWords,
  type WordPiece,
  type WordPieceOptions,
  wordPiece,
} from "./word-piece.ts";
