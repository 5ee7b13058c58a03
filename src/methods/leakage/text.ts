/** The attacks on text, as a library: see the README's section on text. */
export { type BagOfWords, type BagOfWordsOptions, bagOfWords } from "./bag-of-words.ts";
export { longestCommonSubsequence, type RougeScore, rougeL, rougeN } from "./rouge.ts";
export { distanceToSpan, type RowSpace, rowSpace } from "./row-space.ts";
export { type SpanCandidate, type SpanCheck, type SpanCheckRequest, spanCheck } from "./span-check.ts";
export { attackText, textTokens } from "./text-attack.ts";
export { type Confirmation, type ConfirmTextRequest, confirmText } from "./text-confirm.ts";
export { type SharedTextGradientRequest, sharedTextGradient, type TextTargets } from "./text-gradient.ts";
export {
  type TextGridCell,
  type TextGridOptions,
  type TextGridRow,
  textGrid,
  textGridCells,
} from "./text-grid.ts";
export { inferTextLabels } from "./text-labels.ts";
export {
  compileTextMatching,
  type TextDistance,
  type TextMatching,
  type TextMatchingRequest,
} from "./text-matching.ts";
export { bagMetrics, type TextMetrics, textMetrics } from "./text-metrics.ts";
export type { TextModel } from "./text-model.ts";
export { type WordOrder, type WordOrderRequest, wordOrder } from "./text-order.ts";
export type {
  RecoveredText,
  TextAttackParameters,
  TextAttackRequest,
  TextLabels,
  TextOutcome,
} from "./text-outcome.ts";
export {
  type Nearest,
  nearestTokens,
  type RecoverTextOptions,
  recoverText,
  type TextRecovery,
  type TextStart,
} from "./text-recover.ts";
export {
  readWordPiece,
  vocabularyOfWords,
  type WordPiece,
  type WordPieceOptions,
  wordPiece,
} from "./word-piece.ts";
