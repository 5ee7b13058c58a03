/** The result of an attack on a text in words. */
import { formatCount, formatNumber, formatSeconds } from "../../../runs/format.ts";
import type { TextMetrics } from "./metrics.ts";
import type { TextOutcome } from "./outcome.ts";
import { wordPiece } from "./word-piece.ts";

export interface TextMethod {
  readonly name: string;
  readonly tokens: readonly (number | undefined)[];
  readonly metrics: TextMetrics;
  /** Why it ended as it did, in a sentence. */
  readonly reason: string;
}

/** The methods that give the text in order, as the tables show them. */
export function textMethods({ wordOrder, spanCheck, matching }: TextOutcome): TextMethod[] {
  return [
    { name: "embedding tables", ...wordOrder },
    { name: "span check", ...spanCheck },
    ...(matching ? [{ name: "matching", ...matching, reason: matching.ending }] : []),
  ].map(({ name, tokens, metrics, reason }) => ({ name, tokens, metrics, reason }));
}

/**
 * The answer to the user's question in one paragraph.
 *
 * @example "The whole text was recovered from its gradient: “he is nine.” ..."
 */
export function textVerdict(outcome: TextOutcome): string {
  const methods = textMethods(outcome);
  const best = methods.reduce((a, b) => (b.metrics.tokenAccuracy > a.metrics.tokenAccuracy ? b : a));
  const { confirmation, bagOfWords, spanCheck, wordOrder, matching } = outcome;
  const accuracy = best.metrics.tokenAccuracy;
  const opening =
    accuracy === 1
      ? `The whole text was recovered from its gradient: “${textOf(best, outcome)}”`
      : accuracy > 0
        ? `A part of the text was recovered from its gradient, at best ${share(best, outcome)} by the ${best.name}: “${textOf(best, outcome)}”`
        : "No token of the text was recovered at its place";
  const sentences = [
    // The text brings its own end.
    accuracy > 0 ? opening : `${opening}.`,
    confirmation?.confirmed
      ? `The attacker can be sure of it: the recovered text has ${outcome.defence === undefined ? "the very gradient that was shared" : "the gradient that was shared, defended as it was"}.`
      : "",
    labelVerdict(outcome),
    bagOfWords.status === "impossible"
      ? `The words without their order could not be read off: ${bagOfWords.reason}.`
      : `The words without their order (${bagOfWords.status}): ${percent(bagOfWords.bagRecall)} found, ${percent(1 - bagOfWords.bagPrecision)} of the found ones wrong.`,
    `In closed form: ${share({ ...wordOrder, name: "" }, outcome)} from the embedding tables, ${share({ ...spanCheck, name: "" }, outcome)} from the span check.`,
    matching
      ? `By matching gradients: ${share({ ...matching, name: "" }, outcome)}, ROUGE-L ${formatNumber(matching.metrics.rougeL, { digits: 2 })}, matching loss ${formatNumber(matching.matchingLoss, { digits: 2 })} (${formatCount(matching.evaluations)} gradient evaluations, ${formatSeconds(matching.seconds)}).`
      : "",
  ];
  return sentences.filter((sentence) => sentence !== "").join(" ");
}

function labelVerdict({ label, recoveredLabel, model }: TextOutcome): string {
  if (label === undefined) return "";
  const classes = `${formatCount(model.classes)} classes`;
  if (recoveredLabel === undefined)
    return `The text's class, one of ${classes}, is not read off: the model adds no bias last.`;
  return recoveredLabel === label
    ? `The text's class was read off too (${label} of ${classes}).`
    : `The text's class was not found (${recoveredLabel} for ${label} of ${classes}).`;
}

function share({ metrics }: Pick<TextMethod, "metrics" | "name">, { scored }: TextOutcome): string {
  return `${formatCount(Math.round(metrics.tokenAccuracy * scored.length))} of ${formatCount(scored.length)} tokens`;
}

function percent(part: number): string {
  return `${formatNumber(100 * part, { digits: 3 })}%`;
}

/** The recovered text as one reads it, "…" for tokens that were not recovered. */
function textOf({ tokens }: TextMethod, { vocabulary }: TextOutcome): string {
  const gap = vocabulary.length;
  const { decode } = wordPiece(vocabulary.includes("…") ? vocabulary : [...vocabulary, "…"]);
  const place = vocabulary.includes("…") ? vocabulary.indexOf("…") : gap;
  return decode(tokens.map((token) => token ?? place));
}
