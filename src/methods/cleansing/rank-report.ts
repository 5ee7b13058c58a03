/** Everything that `cleansing rank` writes: scores, the rows to look at, the proof, when rows mattered, and the answer. */
import { ndarray } from "../../engine/ndarray.ts";
import { formatCount, formatNumber, formatSigned } from "../../runs/format.ts";
import type { JsonObject } from "../../runs/json.ts";
import type { CommandResult } from "../../runs/method.ts";
import type { Run } from "../../runs/run.ts";
import { epochMap } from "./epoch-map.ts";
import { writeGallery } from "./gallery.ts";
import type { GroupEffect } from "./groups.ts";
import type { Network } from "./network.ts";
import type { PreparedData } from "./prepared-data.ts";
import { mostHarmful } from "./rankings.ts";
import type { TestResult } from "./test-result.ts";
import { verificationPlot } from "./verification-plot.ts";
import { type VerifiedFidelity, type VerifiedRanking, verifiedFidelities } from "./verified-fidelity.ts";

export interface RankOutcome extends VerifiedRanking {
  readonly prepared: PreparedData;
  readonly network: Network;
  /** Whose loss is to fall: "the validation loss", "the loss of row 12". */
  readonly judged: { readonly words: string };
  /** Of the training with all rows. */
  readonly usualLoss: number;
  readonly test: TestResult | undefined;
  readonly scores: Float64Array;
  readonly byEpoch: readonly Float64Array[];
  readonly growth: Float64Array;
  /** Of each row at the end. */
  readonly losses: Float64Array;
  /** The most harmful rows. */
  readonly top: readonly number[];
  /** Groups of rows, the most harmful first; none where they were not asked for. */
  readonly groups: readonly GroupEffect[];
  readonly orderNoise: number | undefined;
  readonly lastEpochs: number | undefined;
}

/** A walk back that makes a query this much longer has left what a linear prediction can tell. */
const largestGrowth = 1e3;

/** @returns the answer in words and its numbers */
export async function reportRank(run: Run, outcome: RankOutcome): Promise<CommandResult> {
  const { prepared, scores, losses, top, harmful, random, refined, retrained, judged, byEpoch } = outcome;
  const { train } = prepared.parts;
  const order = mostHarmful(scores);
  const cellsOf = (row: number) => {
    const { row: number, label, file } = prepared.describeRow("train", row);
    const score = scores[row] ?? 0;
    return {
      row: number,
      ...(file !== undefined && { file }),
      class: label,
      score,
      "removing it": score < 0 ? `lowers ${judged.words}` : `raises ${judged.words}`,
      corrected: refined.get(row) ?? null,
      retrained: retrained.get(row) ?? null,
      "own loss": losses[row] ?? 0,
      "self-confidence": Math.exp(-(losses[row] ?? 0)),
    };
  };
  await run.table("scores", order.map(cellsOf), {
    caption: `Every training row, the most harmful first. score: the predicted change of ${judged.words} were the row left out of the training; corrected: a second prediction, by the loss at the parameters displaced as leaving the row out would to first order; retrained: what leaving it out did; self-confidence: the probability that the final model gives the row's own class.`,
  });
  await run.table(
    "rows-to-look-at",
    top.map((row) => {
      const { values = {} } = prepared.describeRow("train", row);
      const { row: number, class: label, score, corrected, retrained: effect } = cellsOf(row);
      return { row: number, score, corrected, retrained: effect, class: label, ...values };
    }),
    { caption: `The ${top.length} most harmful rows with their values.` },
  );
  if (outcome.groups.length > 0)
    await run.table(
      "groups",
      outcome.groups.map(({ name, rows, score, retrained: effect }) => ({
        group: name,
        rows: rows.length,
        score,
        "score of a row": score / rows.length,
        retrained: effect ?? null,
      })),
      {
        caption: `Groups of rows, the most harmful first. score: the sum of the rows' scores; retrained: what training without all of them did to ${judged.words}. Effects of large groups are not the sum of their rows'.`,
      },
    );
  const faith = verifiedFidelities(outcome);
  if (faith.length > 0)
    await run.table(
      "fidelity",
      faith.map(({ prediction, among, rows, tau, tauLow, tauHigh, jaccard, k, rmse, bias }) => ({
        prediction,
        among,
        rows,
        "Kendall's tau": tau ?? null,
        "tau low": tauLow ?? null,
        "tau high": tauHigh ?? null,
        Jaccard: jaccard,
        extremes: `${k} + ${k}`,
        "root mean square error": rmse,
        "mean error": bias,
      })),
      {
        caption:
          "How well predictions agree with retraining: rank correlation (95 % bootstrap interval), the share of rows that both name among so many most harmful and most helpful (extremes), and errors in units of the loss.",
      },
    );
  if (retrained.size > 0)
    await run.figure("verification", verificationPlot({ harmful, random, scores, refined, retrained }), {
      caption: `Predicted and retrained change of ${judged.words} for ${retrained.size} rows; on the diagonal they agree. Blue: rows chosen as the most harmful; orange: drawn at random from the others; rings: corrected predictions.`,
    });
  if (byEpoch.length > 1) {
    const shown = [...top.slice(0, 15), ...order.slice(-15)];
    const rows = [...new Set(shown)].map((row) => ({
      name: String(train.rows[row] ?? row + 1),
      parts: byEpoch.map((part) => part[row] ?? 0),
    }));
    await run.figure("by-epoch", epochMap(rows), {
      caption: `When rows mattered: the part of each epoch in the score, for the most harmful and the most helpful rows. Orange harms, blue helps; the strongest colour is ${formatNumber(Math.max(...rows.flatMap(({ parts }) => parts.map(Math.abs))), { digits: 2 })}.`,
    });
  }
  if (prepared.kind === "images") await writeGallery(run, prepared, order);
  await run.array(
    "by-epoch",
    ndarray(
      byEpoch.flatMap((part) => [...part]),
      [byEpoch.length, scores.length],
      "float64",
    ),
    {
      caption:
        "The part of each epoch in the score, [epochs, training rows], rows in the order of the manifest.",
    },
  );
  await run.artifact("manifest.json", `${JSON.stringify(prepared.manifest, null, 2)}\n`, {
    caption: "Which rows trained, judged and tested (no row is in two), and how values became features.",
  });
  for (const note of notesOf(outcome, faith)) run.note(note);
  return { answer: answerOf(outcome, faith), values: valuesOf(outcome, faith) };
}

function answerOf(
  { prepared, scores, top, retrained, orderNoise, judged, usualLoss, harmful }: RankOutcome,
  faith: readonly VerifiedFidelity[],
): string {
  const { train } = prepared.parts;
  const [worst = 0] = top;
  const harming = scores.filter((score) => score < 0).length;
  const proof = retrained.get(worst);
  const change = `without it the loss is predicted to change by ${formatSigned(scores[worst] ?? 0)}${proof === undefined ? "" : `, and did by ${formatSigned(proof)} when the training was done again without it`}.`;
  const loss = formatNumber(usualLoss, { digits: 4 });
  const first =
    harming === 0
      ? `None of ${formatCount(scores.length)} training rows is predicted to harm ${judged.words} (${loss}). The least helpful is row ${train.rows[worst]}: ${change}`
      : `${formatCount(harming)} of ${formatCount(scores.length)} training rows are predicted to harm ${judged.words} (${loss}). Most of all row ${train.rows[worst]}: ${change}`;
  const checked =
    harmful.length === 0
      ? "Nothing was verified (--verify)."
      : harming === 0
        ? ""
        : `Of the ${harmful.length} most harmful rows ${confirmedOf(harmful, retrained)} did harm, by retraining.`;
  const { rows, tau, tauLow, tauHigh } = faithAtRandom(faith) ?? {};
  const rank =
    tau === undefined
      ? ""
      : ` Among ${rows} rows drawn at random the predictions rank the true effects with Kendall's tau ${tau.toFixed(2)} (95 % interval ${tauLow?.toFixed(2)} to ${tauHigh?.toFixed(2)}).`;
  const noise =
    orderNoise === undefined
      ? ""
      : ` Another order of the batches alone moves this loss by ±${formatNumber(orderNoise, { digits: 2 })}, ${Math.abs(proof ?? scores[worst] ?? 0) < orderNoise ? "more than any single row: look at the rows for what they have in common" : "less than the worst row does"}.`;
  return `${first} ${checked}${rank}${noise}`.replaceAll(/ {2,}/g, " ").trim();
}

/** That of the score among the rows that it did not choose. */
function faithAtRandom(faith: readonly VerifiedFidelity[]): VerifiedFidelity | undefined {
  return faith.find(({ prediction, among }) => prediction === "score" && among === "drawn at random");
}

/** How many of the rows named as the most harmful did harm. */
function confirmedOf(harmful: readonly number[], retrained: ReadonlyMap<number, number>): number {
  return harmful.filter((row) => (retrained.get(row) ?? 0) < 0).length;
}

function notesOf(
  { growth, network, lastEpochs, scores }: RankOutcome,
  faith: readonly VerifiedFidelity[],
): string[] {
  const most = growth.reduce((largest, each) => Math.max(largest, each), 0);
  return [
    "Negative scores harm, positive ones help: a score is the change of a loss. Rows that harm are not the same as rows with a wrong label: for those look at self-confidence, too.",
    ...(most > largestGrowth
      ? [
          `On its way back the query grew to ${formatNumber(most, { digits: 2 })} times its length: the training is unstable and predictions of early steps are not to be trusted; lower --learning-rate or --record last-epochs:K.`,
        ]
      : []),
    ...(lastEpochs === undefined
      ? []
      : [
          `Scores count the last ${lastEpochs} epoch${lastEpochs === 1 ? "" : "s"} only (--record), retraining all of them.`,
        ]),
    ...((faithAtRandom(faith)?.tau ?? 1) < 0.5
      ? [
          `Predictions are weak here (tau ${faithAtRandom(faith)?.tau?.toFixed(2)}): trust the retrained numbers only.${network.isSmooth ? "" : " A smooth activation such as tanh helps."}`,
        ]
      : []),
    ...(scores.every((score) => score === 0)
      ? ["All scores are 0: the judged loss does not depend on the parameters."]
      : []),
  ];
}

function valuesOf(
  {
    prepared,
    scores,
    top,
    refined,
    retrained,
    usualLoss,
    test,
    orderNoise,
    groups,
    network,
    judged,
    harmful,
  }: RankOutcome,
  faith: readonly VerifiedFidelity[],
): JsonObject {
  const { train, validation, test: tested } = prepared.parts;
  return {
    network: network.description,
    rows: { train: train.rows.length, validation: validation.rows.length, test: tested.rows.length },
    judged: judged.words,
    loss: usualLoss,
    ...(test && { testLoss: test.loss, testError: test.error }),
    harmfulRows: scores.filter((score) => score < 0).length,
    top: top.slice(0, 20).map((row) => ({
      row: train.rows[row] ?? 0,
      score: scores[row] ?? 0,
      corrected: refined.get(row) ?? null,
      retrained: retrained.get(row) ?? null,
    })),
    verified: {
      rows: retrained.size,
      confirmedHarmful: confirmedOf(harmful, retrained),
      chosenAsHarmful: harmful.length,
      fidelity: faith.map(({ tau = null, spearman = null, ...others }) => ({ tau, spearman, ...others })),
    },
    ...(orderNoise !== undefined && { orderNoise }),
    ...(groups.length > 0 && {
      groups: groups.slice(0, 20).map(({ name, rows, score, retrained: effect }) => ({
        group: name,
        rows: rows.length,
        score,
        retrained: effect ?? null,
      })),
    }),
  };
}
