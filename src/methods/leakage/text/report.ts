/** Everything that `leakage text` writes: the tokens side by side, the methods' scores, caveats and the verdict. */
import { barX, type PlotOptions, text } from "@observablehq/plot";
import { formatCount, formatNumber } from "../../../runs/format.ts";
import type { CommandResult } from "../../../runs/method.ts";
import type { Run } from "../../../runs/run.ts";
import { seriesColour } from "../../../runs/style.ts";
import type { RecoveredText, TextOutcome } from "./outcome.ts";
import { textMethods, textVerdict } from "./verdict.ts";

/**
 * Writes the tokens and what each method made of them into the run.
 *
 * @returns the verdict in words and its numbers
 */
export async function reportText(run: Run, outcome: TextOutcome): Promise<CommandResult> {
  const { vocabulary, original, masked, scored } = outcome;
  const methods = textMethods(outcome);
  const word = (token: number | undefined): string => (token === undefined ? "" : (vocabulary[token] ?? ""));
  await run.table(
    "tokens",
    original.map((token, position) => ({
      position,
      original: word(token),
      masked: masked.includes(position) ? "masked" : "",
      ...Object.fromEntries(methods.map(({ name, tokens }) => [name, word(tokens[position])])),
    })),
    {
      caption: "The text's tokens, and what each method recovered of them from the gradient; empty: nothing.",
    },
  );
  await run.table(
    "methods",
    methods.map(({ name, metrics, reason }) => ({ method: name, ...metrics, reason })),
    {
      caption: `What each method recovered of ${formatCount(scored.length)} tokens: in place, after the best permutation, as a set, and by ROUGE (F1).`,
    },
  );
  await run.figure("accuracy", accuracyPlot(methods), {
    caption: "The part of the text's tokens that each method recovered at their place.",
  });
  for (const caveat of caveatsOf(outcome)) run.note(caveat);
  const { bagOfWords, matching, confirmation, model } = outcome;
  const scores = ({ metrics }: RecoveredText) => ({ ...metrics });
  return {
    answer: textVerdict(outcome),
    values: {
      tokens: original.map(word),
      masked,
      model: model.description,
      bagOfWords: {
        status: bagOfWords.status,
        tokens: bagOfWords.tokens.map(word),
        recall: bagOfWords.bagRecall,
        precision: bagOfWords.bagPrecision,
      },
      ...(outcome.defence && { defence: outcome.defence }),
      ...(outcome.label !== undefined && { label: outcome.label, recoveredLabel: outcome.recoveredLabel }),
      ...(outcome.maskedTokens && { maskedTokens: outcome.maskedTokens.map(word) }),
      wordOrder: {
        status: outcome.wordOrder.status,
        tokens: outcome.wordOrder.tokens.map(word),
        ...scores(outcome.wordOrder),
      },
      spanCheck: {
        status: outcome.spanCheck.status,
        rank: outcome.spanCheck.rank,
        tokens: outcome.spanCheck.tokens.map(word),
        ...scores(outcome.spanCheck),
      },
      confirmed: confirmation?.confirmed ?? false,
      ...(matching && {
        matching: {
          tokens: matching.tokens.map(word),
          ...scores(matching),
          matchingLoss: matching.matchingLoss,
          evaluations: matching.evaluations,
          seconds: matching.seconds,
          starts: matching.starts,
          ending: matching.ending,
        },
      }),
    },
  };
}

function accuracyPlot(methods: ReturnType<typeof textMethods>): PlotOptions {
  const bars = methods.map(({ name, metrics }) => ({ name, accuracy: 100 * metrics.tokenAccuracy }));
  const channels = { x: "accuracy", y: "name" };
  return {
    width: 460,
    height: 60 + 36 * bars.length,
    marginLeft: 130,
    marginRight: 52,
    x: { label: "tokens recovered in place (%)", domain: [0, 100], grid: true },
    y: { label: null, domain: bars.map(({ name }) => name) },
    marks: [
      barX(bars, { ...channels, fill: seriesColour(0) }),
      text(bars, {
        ...channels,
        text: ({ accuracy }: { accuracy: number }) => `${formatNumber(accuracy, { digits: 3 })}%`,
        textAnchor: "start",
        dx: 6,
      }),
    ],
  };
}

function caveatsOf(outcome: TextOutcome): string[] {
  const { model, matching, dtype, wordOrder, spanCheck, masked } = outcome;
  const caveats = [
    ...(outcome.defence === undefined ? [] : [defenceCaveat(outcome.defence)]),
    `One text and the gradient of a batch of one, on ${model.description} (${formatCount(model.parameters)} parameters${model.tied ? ", the output layer tied to the embeddings" : ""})${model.isFromFile ? "" : " with random parameters"}. This result does not speak for ${[
      "larger batches",
      ...(model.isFromFile ? [] : ["trained models"]),
      ...(outcome.defence === undefined ? ["defences"] : []),
    ].join(" or ")}.`,
    model.isClassifier
      ? "The attacker is told the length of the text, as a server that runs the training knows it."
      : "The attacker is told the length of the text and which positions were masked, as a server that runs the training knows them. Every masked token was replaced by [MASK]; BERT leaves a tenth as they are and puts random tokens for another tenth.",
  ];
  if (matching !== undefined)
    caveats.push(
      "The matching attack asks no language model for likely sentences, as LAMP asks GPT-2; it is scored at its last step, and its start is chosen by the matching loss alone.",
    );
  if (masked.length > 1 && matching?.labels === "infer")
    caveats.push(
      "Several tokens were masked: which of them stands where is not in the gradient of the last bias, so that the matching attack optimised them.",
    );
  if (dtype === "float32")
    caveats.push(
      "In float32 rounding blurs the closed forms, whose tolerances are a hundred to a thousand times wider than in float64.",
    );
  for (const method of [wordOrder, spanCheck])
    if (method.status !== "recovered" && method.metrics.tokenAccuracy < 1)
      caveats.push("That a method recovered nothing here is no proof of safety: another may succeed.");
  return [...new Set(caveats)];
}

function defenceCaveat({ description, adaptation }: NonNullable<TextOutcome["defence"]>): string {
  const attacker = adaptation === undefined ? "needs to do nothing about it" : `knows it and ${adaptation}`;
  return `The client's defence: ${description}. The attacker ${attacker}. One text and one draw say little about a defence.`;
}
