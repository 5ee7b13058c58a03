/** The curves of an attack: what the attacker minimises, and the error that it cannot see. */
import { dot, lineY, type PlotOptions, ruleY, text } from "@observablehq/plot";
import { formatNumber } from "../../runs/format.ts";
import type { Run } from "../../runs/run.ts";
import { colour, seriesColour } from "../../runs/style.ts";
import type { CurvePoint, GradientAttackOutcome } from "./attack-outcome.ts";
import { recoveredBelow } from "./verdict.ts";

/**
 * Writes the figures `matching-loss` and, where there are originals, `image-error`, with a line for each gradient.
 *
 * @param outcomes one for each gradient
 */
export async function writeCurves(run: Run, outcomes: readonly GradientAttackOutcome[]): Promise<void> {
  await writeCurve(run, outcomes, {
    name: "matching-loss",
    value: ({ matchingLoss }) => matchingLoss,
    ...minimised(outcomes[0]),
    series: 0,
  });
  await writeCurve(run, outcomes, {
    name: "image-error",
    value: ({ meanSquaredError }) => meanSquaredError,
    label: "mean squared error (full range of a pixel = 1)",
    series: 1,
    bound: recoveredBelow,
    caption:
      (outcomes[0]?.recoveredLabels.length ?? 0) > 1
        ? "What the attacker cannot see: the error of the worst of its images against the original."
        : "What the attacker cannot see: the error of its image against the original.",
  });
}

/** What the attacker minimises, for the axis and below the figure. */
function minimised(outcome: GradientAttackOutcome | undefined): Pick<CurveFigure, "label" | "caption"> {
  if (outcome?.method === "informed")
    return {
      label: "how improbable the image is (−log, up to a factor and a constant)",
      caption:
        "What the attacker minimises: how improbable what was shared is with its image, and the image by itself; a jump where it begins to trust the gradient more.",
    };
  if (outcome?.distance === "cosine" || outcome?.method === "inverting")
    return {
      label: "matching loss 1 − cos(g′, g)",
      caption: `What the attacker minimises: 1 minus the cosine of the angle between its own gradient and the one received${outcome.method === "inverting" ? ", plus what it believes of images" : ""}.`,
    };
  return {
    label: "matching loss ‖g′ − g‖² (units of the gradient, squared)",
    caption:
      "What the attacker minimises: the squared distance between its own gradient and the one received.",
  };
}

interface CurveFigure {
  readonly name: string;
  readonly label: string;
  value(point: CurvePoint): number;
  /** The colour of a single line. */
  readonly series: number;
  readonly bound?: number;
  readonly caption: string;
}

interface Point {
  readonly evaluation: number;
  readonly value: number;
}

async function writeCurve(
  run: Run,
  outcomes: readonly GradientAttackOutcome[],
  figure: CurveFigure,
): Promise<void> {
  const lines = outcomes.map(({ curve }) =>
    curve
      .map((point): Point => ({ evaluation: point.evaluation, value: figure.value(point) }))
      // A logarithmic axis has no zero; an exact match ends the curve at the point before.
      .filter(({ value }) => value > 0),
  );
  // Of a single point, as where the input was read off, a curve tells nothing.
  if (outcomes.every(({ curve }) => curve.length < 2) || lines.every((line) => line.length === 0)) return;
  await run.figure(figure.name, curvePlot(figure, lines), { caption: figure.caption });
}

function curvePlot(figure: CurveFigure, lines: readonly (readonly Point[])[]): PlotOptions {
  const { bound } = figure;
  const points = lines.flat();
  const values = points.map(({ value }) => value);
  if (bound !== undefined) values.push(bound);
  const last = Math.max(1, ...points.map(({ evaluation }) => evaluation));
  const channels = { x: "evaluation", y: "value" };
  return {
    width: 460,
    height: 280,
    marginRight: lines.length > 1 ? 84 : 52,
    x: { label: "gradient evaluations", ticks: 5, domain: [0, last] },
    y: { type: "log", label: figure.label, tickFormat: tenPower, grid: true, ...decades(values) },
    marks: [
      ...(bound === undefined ? [] : boundMarks(bound)),
      ...lines.flatMap((line, i) => {
        // Alone, each figure has its colour; of several gradients each has its own in both.
        const stroke = seriesColour(lines.length > 1 ? i : figure.series);
        const end = line.slice(-1);
        return [
          lineY(line, { ...channels, stroke, strokeWidth: 1.75 }),
          dot(end, { ...channels, fill: stroke, r: 3.5 }),
          text(end, {
            ...channels,
            text: ({ value }: Point) =>
              `${lines.length > 1 ? `${i + 1}: ` : ""}${formatNumber(value, { digits: 2 })}`,
            textAnchor: "start",
            dx: 7,
            fill: stroke,
            fontWeight: 600,
          }),
        ];
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
