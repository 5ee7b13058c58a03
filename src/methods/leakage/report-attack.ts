/** Everything that `leakage attack` writes: pictures, curves, measurements, caveats and the verdict. */
import { dot, lineY, type PlotOptions, ruleY, text } from "@observablehq/plot";
import { filmStrip, pictureOf, sideBySide } from "../../data/picture.ts";
import type { NDArray } from "../../engine/ndarray.ts";
import { formatCount, formatNumber } from "../../runs/format.ts";
import type { CommandResult } from "../../runs/method.ts";
import type { Run } from "../../runs/run.ts";
import { colour, seriesColour } from "../../runs/style.ts";
import type { AttackOutcome, DefenceKnowledge } from "./attack-outcome.ts";
import { recoveredBelow, successOf, verdict } from "./verdict.ts";

/** Pixels on the page, about, for the height of one image. */
const pictureHeight = 256;
const frameHeight = 96;

/**
 * Writes the pictures, the curves, the arrays and the caveats of an attack into the run.
 *
 * @returns the verdict in words and its numbers
 * @throws RangeError when the outcome has no curve or holds a NaN
 */
export async function reportAttack(run: Run, outcome: AttackOutcome): Promise<CommandResult> {
  const last = outcome.curve.at(-1);
  if (last === undefined) throw new RangeError("reportAttack: the outcome has no curve");
  for (const { evaluation, matchingLoss, meanSquaredError } of outcome.curve) {
    run.metric("matching-loss", evaluation, matchingLoss);
    run.metric("mean-squared-error", evaluation, meanSquaredError);
  }
  await writePictures(run, outcome);
  await writeCurves(run, outcome);
  await run.array("original", outcome.original, { caption: "The original, channels first." });
  await run.array("recovered", outcome.recovered, {
    caption: "The recovered image, channels first, not clamped.",
  });
  for (const caveat of caveatsOf(outcome)) run.note(caveat);
  const { meanSquaredError, psnr, ssim, label, recoveredLabel, labelKnowledge } = outcome;
  const { evaluations, seconds, ending } = outcome;
  return {
    answer: verdict(outcome),
    values: {
      success: successOf(outcome),
      meanSquaredError,
      psnr,
      ssim,
      label,
      recoveredLabel,
      labelKnowledge,
      matchingLoss: last.matchingLoss,
      evaluations,
      seconds,
      ending,
    },
  };
}

async function writePictures(run: Run, { original, recovered, frames }: AttackOutcome): Promise<void> {
  const scale = scaleTo(original, pictureHeight);
  await run.image("side-by-side", sideBySide(original, recovered, { scale, gap: 12 }), {
    labels: ["original", "recovered", "difference"],
    caption:
      "What the client kept to itself, what its gradient gave away, and the absolute difference (black: none).",
  });
  if (frames.length > 0) {
    const images = frames.map((frame) => frame.image);
    await run.image("film-strip", filmStrip(images, { scale: scaleTo(original, frameHeight), gap: 6 }), {
      labels: frames.map((frame) => formatCount(frame.evaluation)),
      caption: "The image that the attacker holds after so many gradient evaluations; the first is noise.",
    });
  }
  await run.image("recovered", pictureOf(recovered, { scale }), {
    caption: "The recovered image alone.",
    inReport: false,
  });
}

async function writeCurves(run: Run, { curve, defence }: AttackOutcome): Promise<void> {
  await writeCurve(run, {
    name: "matching-loss",
    label:
      defence?.distance === "cosine"
        ? "matching loss 1 − cos(g′, g)"
        : "matching loss ‖g′ − g‖² (units of the gradient, squared)",
    points: curve.map(({ evaluation, matchingLoss }) => ({ evaluation, value: matchingLoss })),
    series: 0,
    caption:
      defence?.distance === "cosine"
        ? "What the attacker minimises: 1 minus the cosine of the angle between its own gradient and the one received."
        : "What the attacker minimises: the squared distance between its own gradient and the one received.",
  });
  await writeCurve(run, {
    name: "image-error",
    label: "mean squared error (full range of a pixel = 1)",
    points: curve.map(({ evaluation, meanSquaredError }) => ({ evaluation, value: meanSquaredError })),
    series: 1,
    bound: recoveredBelow,
    caption: "What the attacker cannot see: the error of its image against the original.",
  });
}

interface CurveFigure {
  readonly name: string;
  readonly label: string;
  readonly points: readonly { readonly evaluation: number; readonly value: number }[];
  readonly series: number;
  readonly bound?: number;
  readonly caption: string;
}

async function writeCurve(run: Run, figure: CurveFigure): Promise<void> {
  // A logarithmic axis has no zero; an exact match ends the curve at the point before.
  const points = figure.points.filter(({ value }) => value > 0);
  const end = points.at(-1);
  if (end === undefined) return;
  await run.figure(figure.name, curvePlot({ ...figure, points }, end), { caption: figure.caption });
}

function curvePlot(figure: CurveFigure, end: { evaluation: number; value: number }): PlotOptions {
  const stroke = seriesColour(figure.series);
  const { bound } = figure;
  const values = figure.points.map(({ value }) => value);
  if (bound !== undefined) values.push(bound);
  const channels = { x: "evaluation", y: "value" };
  return {
    width: 460,
    height: 280,
    marginRight: 52,
    x: { label: "gradient evaluations", ticks: 5, domain: [0, Math.max(1, end.evaluation)] },
    y: { type: "log", label: figure.label, tickFormat: tenPower, grid: true, ...decades(values) },
    marks: [
      ...(bound === undefined ? [] : boundMarks(bound)),
      lineY(figure.points, { ...channels, stroke, strokeWidth: 1.75 }),
      dot([end], { ...channels, fill: stroke, r: 3.5 }),
      text([end], {
        ...channels,
        text: ({ value }: { value: number }) => formatNumber(value, { digits: 2 }),
        textAnchor: "start",
        dx: 7,
        fill: stroke,
        fontWeight: 600,
      }),
    ],
  };
}

function boundMarks(bound: number) {
  const style = { stroke: colour("muted"), strokeDasharray: "3,4" };
  return [
    ruleY([bound], style),
    text([bound], {
      y: (value: number) => value,
      frameAnchor: "left",
      text: () => `counts as recovered below ${formatNumber(bound, { digits: 1 })}`,
      textAnchor: "start",
      dx: 6,
      dy: -8,
      fill: colour("muted"),
    }),
  ];
}

/** A logarithmic axis over whole decades with at most seven ticks, all of them powers of ten. */
function decades(values: readonly number[]): { domain: [number, number]; ticks: number[] } {
  const exponents = values.map((value) => Math.log10(value));
  const low = Math.floor(Math.min(...exponents));
  const high = Math.max(low + 1, Math.ceil(Math.max(...exponents)));
  const step = Math.ceil((high - low) / 6);
  const ticks = Array.from(
    { length: Math.floor((high - low) / step) + 1 },
    (_, tick) => 10 ** (low + tick * step),
  );
  return { domain: [10 ** low, 10 ** high], ticks };
}

const superscripts: Readonly<Record<string, string>> = {
  "-": "⁻",
  "0": "⁰",
  "1": "¹",
  "2": "²",
  "3": "³",
  "4": "⁴",
  "5": "⁵",
  "6": "⁶",
  "7": "⁷",
  "8": "⁸",
  "9": "⁹",
};

/** A power of ten as `10⁻³`. */
function tenPower(value: number): string {
  const exponent = Math.round(Math.log10(value));
  return exponent === 0 ? "1" : `10${[...String(exponent)].map((sign) => superscripts[sign] ?? "").join("")}`;
}

function caveatsOf(outcome: AttackOutcome): string[] {
  const { model, labelKnowledge, dtype } = outcome;
  const caveats = [
    ...(outcome.defence === undefined ? [] : [defenceCaveat(outcome.defence)]),
    `One image and the gradient of a batch of one, on ${model.description} (${formatCount(model.parameters)} parameters, ${model.classes} classes). Larger batches, deeper networks and defences make the attack harder; this result does not speak for them.`,
    `“Recovered” means a mean squared error below ${formatNumber(recoveredBelow, { digits: 1 })} (40 dB), measured before the image is clamped to [0, 1]; the pictures show it clamped.`,
  ];
  if (labelKnowledge === "known")
    caveats.push("The attacker was told the label; with --label infer it reads the label off the gradient.");
  if (dtype === "float32")
    caveats.push(
      "In float32 the rounding of the gradients stops the recovery near a mean squared error of 1e-5 to 1e-4; --dtype float64 goes further.",
    );
  if (successOf(outcome) !== "recovered")
    caveats.push(
      "That this attack ended short is no proof of safety: another seed, more evaluations or another attack may succeed.",
    );
  return caveats;
}

function defenceCaveat({ description, adaptation }: DefenceKnowledge): string {
  const attacker = adaptation === undefined ? "attacks it as any other" : `knows it and ${adaptation}`;
  return `The client's defence: ${description}. The attacker ${attacker}. One image and one draw say little about a defence.`;
}

function scaleTo({ shape }: NDArray, height: number): number {
  return Math.max(1, Math.floor(height / (shape[1] ?? height)));
}
