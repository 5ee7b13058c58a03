/** Everything that `leakage risk` writes: spectrum, prediction beside measurement, tables, caveats and the verdict. */
import { dot, line, type PlotOptions, ruleY, text } from "@observablehq/plot";
import { ndarray } from "../../engine/ndarray.ts";
import { formatCount, formatNumber } from "../../runs/format.ts";
import type { CommandResult } from "../../runs/method.ts";
import type { Run } from "../../runs/run.ts";
import { colour, seriesColour } from "../../runs/style.ts";
import { riskStatement } from "./risk.ts";
import type { RiskOutcome } from "./risk-run.ts";

/** The noise in the table of predictions, as multiples of that asked for. */
const multiples = [0.01, 0.1, 0.3, 1, 3, 10, 100];

/** @returns the verdict in words and its numbers */
export async function reportRisk(run: Run, outcome: RiskOutcome): Promise<CommandResult> {
  const { risk, noise, draws, measured, label } = outcome;
  const { eigenvalues, unknowns, equations, undetermined } = risk;
  const predicted = risk.predictedMse(noise);
  await run.figure("spectrum", spectrumPlot(outcome), {
    caption: `The squared error s²/λ of the best unbiased attacker along each of the ${formatCount(unknowns)} eigenvectors of JᵀJ, smallest first, at noise s = ${noise}. Their mean is the predicted mean squared error; dots: measured attacks.`,
  });
  await run.table(
    "predictions",
    multiples.map((multiple) => ({
      noise: Number((noise * multiple).toPrecision(6)),
      "predicted MSE": risk.predictedMse(noise * multiple),
      "root mean square": Math.sqrt(risk.predictedMse(noise * multiple)),
    })),
    {
      caption:
        "What noise of other standard deviations would do by the same spectrum; above about 0.1 the linear prediction is rough.",
    },
  );
  if (draws.length > 0)
    await run.table(
      "draws",
      draws.map((draw, i) => ({
        draw: i,
        "measured MSE": draw.meanSquaredError,
        "linear MSE, same noise": draw.linear ?? null,
        "matching loss": draw.matchingLoss,
        "reached the noise": draw.reachedNoise,
        evaluations: draw.evaluations,
      })),
      {
        caption:
          "Attacks by matching, one start each. An attack that did not match down to the noise got stuck, which the attacker sees and tries again.",
      },
    );
  await run.array("eigenvalues", ndarray(eigenvalues, [eigenvalues.length], "float64"), {
    caption: "Eigenvalues of JᵀJ, ascending.",
  });
  for (const caveat of caveatsOf(outcome)) run.note(caveat);
  return {
    answer: `${riskStatement(risk, noise)} ${measurement(outcome, predicted)}`,
    values: {
      noise,
      label,
      unknowns,
      equations,
      undetermined,
      smallestEigenvalue: eigenvalues[0] ?? 0,
      largestEigenvalue: eigenvalues.at(-1) ?? 0,
      predictedMeanSquaredError: predicted,
      ...(undetermined === 0 && {
        effectiveDirections: risk.effectiveDirections,
        relativeSpreadOfOneDraw: risk.relativeSpread(1),
      }),
      draws: draws.length,
      drawsDownToNoise: measured?.count ?? 0,
      ...(measured && {
        measuredMeanSquaredError: measured.mean,
        ratio: measured.mean / predicted,
        ...(undetermined === 0 && { ratioSpread: risk.relativeSpread(measured.count) }),
        ...(measured.standardError !== undefined && { standardError: measured.standardError }),
      }),
    },
  };
}

function measurement({ risk, draws, measured }: RiskOutcome, predicted: number): string {
  if (draws.length === 0) return "No attack was measured.";
  const attacks = `${formatCount(draws.length)} measured ${draws.length === 1 ? "attack" : "attacks"}`;
  if (measured === undefined)
    return `Of ${attacks} none matched the gradient down to its noise: they got stuck or ran out of evaluations, and say nothing of the prediction.`;
  const error =
    measured.standardError === undefined
      ? " (one draw: no standard error)"
      : ` ± ${formatNumber(measured.standardError, { digits: 2 })} (standard error)`;
  const share =
    measured.count === draws.length
      ? `${attacks} erred by`
      : `Of ${attacks} ${formatCount(measured.count)} matched the gradient down to its noise; they erred by`;
  const ratio = Number.isFinite(predicted)
    ? `, ${(measured.mean / predicted).toFixed(2)} times the prediction; by the luck of ${measured.count === 1 ? "one draw" : `${formatCount(measured.count)} draws`} that strays from 1 by ${risk.relativeSpread(measured.count).toFixed(2)} (standard deviation)`
    : "";
  return `${share} a mean squared error of ${formatNumber(measured.mean, { digits: 3 })}${error}${ratio}.`;
}

function spectrumPlot({ risk, noise, draws }: RiskOutcome): PlotOptions {
  const points = Array.from(risk.eigenvalues, (value, i) => ({
    direction: risk.eigenvalues.length - i,
    error: noise ** 2 / value,
  }))
    .filter(({ error }) => error > 0 && Number.isFinite(error))
    .reverse();
  const predicted = risk.predictedMse(noise);
  const measured = draws.filter((draw) => draw.reachedNoise && draw.meanSquaredError > 0);
  const channels = { x: "direction", y: "error" };
  return {
    width: 560,
    height: 320,
    marginLeft: 56,
    x: { label: "eigenvector of JᵀJ, from the best determined to the worst", ticks: 5 },
    y: {
      type: "log",
      label: "squared error s²/λ (full range of a pixel = 1)",
      grid: true,

      tickFormat: (value: number) => value.toExponential(0),
    },
    marks: [
      line(points, { ...channels, stroke: seriesColour(0), strokeWidth: 1.75 }),
      ...(Number.isFinite(predicted)
        ? [
            ruleY([predicted], { stroke: seriesColour(1), strokeDasharray: "4,3" }),
            text([predicted], {
              y: (value: number) => value,
              frameAnchor: "left",
              text: () => `predicted mean squared error ${formatNumber(predicted, { digits: 3 })}`,
              textAnchor: "start",
              dx: 6,
              dy: -9,
              fill: seriesColour(1),
            }),
          ]
        : []),
      dot(measured, {
        x: (_: unknown, i: number) => risk.unknowns * (0.7 + (0.25 * (i + 1)) / (measured.length + 1)),
        y: "meanSquaredError",
        r: 3.5,
        fill: seriesColour(2),
        stroke: colour("ground"),
      }),
    ],
  };
}

function caveatsOf({ risk, model, draws }: RiskOutcome): string[] {
  return [
    "The prediction is the Cramér-Rao bound, for unbiased attackers only. An attacker with a prior (smooth images, pixels in [0, 1], a generative model) is biased and may err by less: this is no guarantee of privacy.",
    "It linearises the gradient at the true image, which holds for small noise. Where it predicts more than about 0.1, attacks by matching end far worse, and nothing is said of others.",
    `One image on ${model.description} with random parameters (${formatCount(model.classes)} classes, ${formatCount(risk.equations)} entries for ${formatCount(risk.unknowns)} pixels), a batch of one, the label known to the attacker. Noise of one size means different things for networks whose gradients have different sizes.`,
    ...(draws.some((draw) => !draw.reachedNoise)
      ? [
          "Attacks that did not match the gradient down to its noise are left out of the measured mean: that is a limit of the search from one start, not of what the gradient says.",
        ]
      : []),
  ];
}
