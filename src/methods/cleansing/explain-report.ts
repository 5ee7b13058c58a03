/** Everything that `cleansing explain` writes. */
import { barY, lineY, type PlotOptions, ruleY } from "@observablehq/plot";
import { pictureGrid } from "../../data/picture.ts";
import { formatCount, formatNumber, formatSigned } from "../../runs/format.ts";
import type { CommandResult } from "../../runs/method.ts";
import type { Run } from "../../runs/run.ts";
import { seriesColour } from "../../runs/style.ts";
import type { OpenedTraining } from "./opened-training.ts";
import type { PreparedData, RowDescription } from "./prepared-data.ts";

export interface Explanation {
  readonly opened: OpenedTraining;
  /** The row's place among those trained on. */
  readonly index: number;
  /** Of all training rows. */
  readonly scores: Float64Array;
  /** The part of each epoch in the row's score. */
  readonly byEpoch: readonly number[];
  /** What retraining without the row did to the judged loss. */
  readonly effect: number;
  /** The row's own loss at the start and at the end of each epoch. */
  readonly ownLosses: readonly number[];
  /** The change of each validation row's loss by retraining without the row. */
  readonly moved: Float64Array;
  /** From the row to each training row. */
  readonly distances: Float64Array;
  readonly neighbours: number;
}

/** @returns the answer in words and its numbers */
export async function reportExplanation(run: Run, explanation: Explanation): Promise<CommandResult> {
  const { opened, index, scores, byEpoch, effect, ownLosses, moved } = explanation;
  const { prepared, judged } = opened;
  const own = prepared.describeRow("train", index);
  await run.table("row", [cellsOf(own)], { caption: "The row itself." });
  await run.figure("by-epoch", epochPlot(byEpoch), {
    caption: `The part of each epoch in the row's score: orange harms, blue helps ${judged.words}.`,
  });
  await run.figure("own-loss", ownLossPlot(ownLosses), {
    caption: "The row's own loss through the training, before it and after each epoch.",
  });
  const near = nearestOf(explanation);
  await run.table(
    "nearest",
    near.map(({ row, distance, score }) => {
      const { label, ...rest } = cellsOf(prepared.describeRow("train", row));
      return { distance, score, does: score < 0 ? "harms" : "helps", ...rest, class: label ?? null };
    }),
    {
      caption:
        "Training rows most like it (Euclidean distance of the features as the network gets them), the nearest that harm and the nearest that help.",
    },
  );
  const order = [...moved.keys()].sort((a, b) => (moved[a] ?? 0) - (moved[b] ?? 0));
  const shown = [...new Set([...order.slice(0, 10), ...order.slice(-10)])];
  await run.table(
    "moved",
    shown.map((i) => ({
      "change without the row": moved[i] ?? 0,
      ...cellsOf(prepared.describeRow("validation", i)),
    })),
    {
      caption:
        "Validation rows whose loss falls most, and rises most, when the training is done again without the row.",
    },
  );
  if (prepared.kind === "images") await writePictures(run, prepared, explanation, near);
  const score = scores[index] ?? 0;
  const rank = scores.reduce((count, other) => count + Number(other < score), 0) + 1;
  const confidence = Math.exp(-(ownLosses.at(-1) ?? 0));
  const nearest = byDistance(explanation).slice(0, 10);
  const alike = nearest.filter((row) => prepared.describeRow("train", row).label === own.label).length;
  return {
    answer: `Row ${own.row} (${own.label}) ${score < 0 ? "harms" : "helps"}: without it ${judged.words} is predicted to change by ${formatSigned(score)}, and did by ${formatSigned(effect)} by retraining; it is number ${formatCount(rank)} of ${formatCount(scores.length)} from the most harmful. ${whenOf(byEpoch)} The final model gives its class a probability of ${formatNumber(confidence, { digits: 2 })}; of the ${nearest.length} training rows most like it ${alike} ${alike === 1 ? "has" : "have"} its class. Without it the loss of ${formatCount(moved.filter((change) => change < 0).length)} of ${formatCount(moved.length)} validation rows falls.`,
    values: {
      row: own.row,
      class: own.label,
      score,
      retrained: effect,
      rank,
      rows: scores.length,
      byEpoch: [...byEpoch],
      ownLosses: [...ownLosses],
      selfConfidence: confidence,
      nearestOfItsClass: alike,
      validationRowsImproved: moved.filter((change) => change < 0).length,
    },
  };
}

function cellsOf({ row, label, file, values = {} }: RowDescription) {
  return { row, ...(file !== undefined && { file }), label, ...values };
}

/** The epochs that hold most of the score. */
function whenOf(byEpoch: readonly number[]): string {
  const total = byEpoch.reduce((sum, part) => sum + Math.abs(part), 0);
  if (byEpoch.length < 2 || total === 0) return "";
  let share = 0;
  let first = byEpoch.length;
  while (first > 0 && share < 0.5 * total) share += Math.abs(byEpoch[--first] ?? 0);
  const count = byEpoch.length - first;
  return `Half of its effect comes from the last ${count === 1 ? "epoch" : `${count} epochs`} of ${byEpoch.length}.`;
}

/** All other rows, the nearest first. */
function byDistance({ distances, index }: Explanation): number[] {
  const rows = [...distances.keys()].filter((row) => row !== index);
  return rows.sort((a, b) => (distances[a] ?? 0) - (distances[b] ?? 0) || a - b);
}

interface Neighbour {
  readonly row: number;
  readonly distance: number;
  readonly score: number;
}

/** The nearest harmful rows, then the nearest helpful ones. */
function nearestOf(explanation: Explanation): Neighbour[] {
  const { scores, distances, neighbours } = explanation;
  const all = byDistance(explanation).map((row) => ({
    row,
    distance: distances[row] ?? 0,
    score: scores[row] ?? 0,
  }));
  return [
    ...all.filter(({ score }) => score < 0).slice(0, neighbours),
    ...all.filter(({ score }) => score >= 0).slice(0, neighbours),
  ];
}

async function writePictures(
  run: Run,
  prepared: Extract<PreparedData, { kind: "images" }>,
  { index }: Explanation,
  near: readonly Neighbour[],
): Promise<void> {
  const scale = Math.max(1, Math.round(64 / (prepared.inputShape[2] ?? 64)));
  const picture = (row: number) => prepared.pictureOf("train", row, { scale });
  await run.image("row", picture(index), { caption: "The row itself." });
  if (near.length === 0) return;
  await run.image(
    "nearest",
    pictureGrid(
      near.map(({ row }) => picture(row)),
      { columns: 10 },
    ),
    {
      caption: "The training images most like it: the nearest that harm, then the nearest that help.",
    },
  );
}

function epochPlot(byEpoch: readonly number[]): PlotOptions {
  const bars = byEpoch.map((part, i) => ({ epoch: i + 1, part }));
  return {
    height: 240,
    marginLeft: 76,
    x: { type: "band", label: "epoch" },
    y: { label: "part of the score", grid: true, tickFormat: "~g" },
    marks: [
      barY(bars, {
        x: "epoch",
        y: "part",
        fill: ({ part }: { part: number }) => seriesColour(part < 0 ? 1 : 0),
      }),
      ruleY([0]),
    ],
  };
}

function ownLossPlot(losses: readonly number[]): PlotOptions {
  return {
    height: 240,
    x: { label: "epoch" },
    y: { label: "own loss", grid: true, zero: true },
    marks: [
      lineY(losses, {
        x: (_: number, i: number) => i,
        y: (loss: number) => loss,
        stroke: seriesColour(0),
        strokeWidth: 1.75,
      }),
    ],
  };
}
