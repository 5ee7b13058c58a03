/** Everything that `cleansing curve` writes: the table, the figures, and the answer. */
import { type PlotOptions, ruleY, text } from "@observablehq/plot";
import type { ConfidenceInterval } from "../../numeric/statistics/mean-interval.ts";
import { momentsOf } from "../../numeric/statistics/moments.ts";
import { formatCount, formatNumber, formatSigned } from "../../runs/format.ts";
import type { CommandResult } from "../../runs/method.ts";
import { lineWithBand } from "../../runs/repeats.ts";
import type { Run } from "../../runs/run.ts";
import { colour, seriesColour } from "../../runs/style.ts";
import type { Network } from "./network.ts";
import type { PreparedData } from "./prepared-data.ts";
import type { CurvePoint, RemovalCurve } from "./removal-curve.ts";

export interface CurveOutcome {
  readonly prepared: PreparedData;
  readonly network: Network;
  readonly curve: RemovalCurve;
  readonly rounds: number;
}

/** @returns the answer in words and its numbers */
export async function reportCurve(run: Run, outcome: CurveOutcome): Promise<CommandResult> {
  const { prepared, network, curve, rounds } = outcome;
  const { base, points } = curve;
  const baseError = momentsOf(base.map(({ error }) => error)).mean;
  const baseLoss = momentsOf(base.map(({ loss }) => loss)).mean;
  const repeats = base.length;
  await run.table("removal", points.map(rowOf), {
    caption: `Test error and loss after deleting rows and training again, ${repeats} seeds; changes are against the same seeds with all rows, "less random" against the same seeds with as many rows deleted at random. low and high: Student's 95 % intervals. With all rows: error ${formatNumber(baseError)}, loss ${formatNumber(baseLoss)}.`,
  });
  for (const [name, label, of] of [
    ["test-error", "change of the test error", ({ errorChange }: CurvePoint) => errorChange],
    ["test-loss", "change of the test loss", ({ lossChange }: CurvePoint) => lossChange],
  ] as const)
    await run.figure(name, removalPlot(points, label, of), {
      caption: `The ${label} against training with all rows, by the number of rows deleted: below 0, deleting helped. Bands: Student's 95 % intervals over ${repeats} seeds, compared in pairs.`,
    });
  await run.artifact("manifest.json", `${JSON.stringify(prepared.manifest, null, 2)}\n`, {
    caption: "Which rows trained, judged and tested (no row is in two), and how values became features.",
  });
  run.note(
    `The intervals hold the luck of starts and batches, not that of the ${formatCount(prepared.parts.test.rows.length)} test rows, which are the same throughout.`,
  );
  const influence = points.filter(({ ranking }) => ranking === "influence");
  return {
    answer: `With all ${formatCount(prepared.parts.train.rows.length)} rows the test error is ${formatNumber(baseError)} and the test loss ${formatNumber(baseLoss)} (${network.description}, ${repeats} seeds). ${influence.map(sentenceOf).join(" ")} ${verdictOf(influence)}`,
    values: {
      network: network.description,
      repeats,
      rounds,
      testError: baseError,
      testLoss: baseLoss,
      points: points.map(({ ranking, removed, errorChange, lossChange, againstRandom }) => ({
        ranking,
        removed,
        errorChange: { ...errorChange },
        lossChange: { ...lossChange },
        ...(againstRandom && {
          lessRandom: { error: { ...againstRandom.error }, loss: { ...againstRandom.loss } },
        }),
      })),
    },
  };
}

function rowOf({ ranking, removed, error, loss, errorChange, lossChange, againstRandom }: CurvePoint) {
  const cells = (name: string, { estimate, low, high }: ConfidenceInterval) => ({
    [name]: estimate,
    [`${name} low`]: low,
    [`${name} high`]: high,
  });
  return {
    ranking,
    removed,
    "test error": error.estimate,
    ...cells("error change", errorChange),
    "test loss": loss.estimate,
    ...cells("loss change", lossChange),
    ...(againstRandom && {
      ...cells("error less random", againstRandom.error),
      ...cells("loss less random", againstRandom.loss),
    }),
  };
}

/** What was measured by the number of rows deleted, one line in its band for each ranking. */
export function removalPlot<Point extends Pick<CurvePoint, "ranking" | "removed">>(
  points: readonly Point[],
  label: string,
  of: (point: Point) => ConfidenceInterval,
): PlotOptions {
  const rankings = [...new Set(points.map(({ ranking }) => ranking))];
  const counts = [...new Set(points.map(({ removed }) => removed))];
  const series = rankings.map((ranking) =>
    points
      .filter((point) => point.ranking === ranking)
      .map((point) => {
        const { estimate, low, high } = of(point);
        return { x: point.removed, y: estimate, low, high };
      }),
  );
  const heights = series.flat().flatMap(({ low, high }) => [low, high, 0]);
  const [bottom, top] = [Math.min(...heights), Math.max(...heights)];
  const names = placed(
    rankings.map((ranking, i) => ({ ranking, i, at: series[i]?.at(-1)?.y ?? 0 })),
    (top - bottom) / 18,
  );
  return {
    marginRight: 96,
    marginLeft: 64,
    x: {
      type: "log" as const,
      label: "rows deleted",
      ticks: counts,
      tickFormat: (count: number) => formatCount(count),
    },
    y: { label, grid: true, domain: [bottom, top], nice: true },
    marks: [
      ruleY([0], { stroke: colour("muted"), strokeDasharray: "4 3" }),
      ...series.flatMap((rows, i) => lineWithBand(rows, { series: i })),
      text(names, {
        x: counts.at(-1) ?? 1,
        y: "at",
        text: "ranking",
        textAnchor: "start",
        dx: 8,
        fill: ({ i }: { i: number }) => seriesColour(i),
        fontWeight: 600,
      }),
    ],
  };
}

/** Names beside the ends of their lines, moved apart where they would cover each other. */
function placed<Name extends { readonly at: number }>(names: readonly Name[], gap: number): Name[] {
  const sorted = [...names].sort((a, b) => a.at - b.at);
  let least = Number.NEGATIVE_INFINITY;
  return sorted.map((name) => {
    const at = Math.max(name.at, least);
    least = at + gap;
    return { ...name, at };
  });
}

function sentenceOf({ removed, errorChange, againstRandom }: CurvePoint): string {
  const { estimate, low, high } = errorChange;
  const control =
    againstRandom === undefined
      ? ""
      : `, ${formatSigned(againstRandom.error.estimate)} (${formatSigned(againstRandom.error.low)} to ${formatSigned(againstRandom.error.high)}) against as many at random`;
  return `Without the ${formatCount(removed)} most harmful it changes by ${formatSigned(estimate)} (95 % interval ${formatSigned(low)} to ${formatSigned(high)})${control}.`;
}

/** Judged by the loss, which says more than counted errors, and against the control. */
function verdictOf(points: readonly CurvePoint[]): string {
  const helpful = points.filter(
    ({ lossChange, againstRandom }) => lossChange.high < 0 && (againstRandom?.loss.high ?? -1) < 0,
  );
  const harmful = points.filter(({ lossChange }) => lossChange.low > 0);
  const list = (each: readonly CurvePoint[]): string =>
    each.map(({ removed }) => formatCount(removed)).join(", ");
  if (helpful.length > 0)
    return `The test loss falls, and by more than at random, for ${list(helpful)} deleted rows${harmful.length > 0 ? `; for ${list(harmful)} it rises` : ""}.`;
  if (harmful.length > 0)
    return `Deleting does not help here: the test loss rises for ${list(harmful)} deleted rows.`;
  return "Deleting rows neither lowers nor raises the test loss beyond the spread between seeds.";
}
