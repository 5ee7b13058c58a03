import { dot, line, type PlotOptions } from "@observablehq/plot";
import { colour, seriesColour } from "../../runs/style.ts";

export interface VerifiedEffects {
  readonly harmful: readonly number[];
  readonly random: readonly number[];
  readonly scores: ArrayLike<number>;
  readonly refined: ReadonlyMap<number, number>;
  readonly retrained: ReadonlyMap<number, number>;
}

/** Predicted against retrained effects, with the diagonal on which they agree. */
export function verificationPlot({
  harmful,
  random,
  scores,
  refined,
  retrained,
}: VerifiedEffects): PlotOptions {
  const points = (rows: readonly number[]) =>
    rows.map((row) => ({
      predicted: scores[row] ?? 0,
      refined: refined.get(row),
      retrained: retrained.get(row) ?? 0,
    }));
  const groups = [points(harmful), points(random)];
  const all = groups
    .flat()
    .flatMap((point) => [
      point.predicted,
      point.retrained,
      ...(point.refined === undefined ? [] : [point.refined]),
    ]);
  const [low, high] = [Math.min(0, ...all), Math.max(0, ...all)];
  const ends = [low, high].map((at) => ({ at }));
  return {
    width: 520,
    height: 460,
    marginLeft: 76,
    x: {
      label: "predicted change of the loss",
      domain: [low, high],
      nice: true,
      grid: true,
      tickFormat: "~g",
      ticks: 5,
    },
    y: {
      label: "change of the loss by retraining without the row",
      domain: [low, high],
      nice: true,
      grid: true,
      tickFormat: "~g",
    },
    marks: [
      line(ends, { x: "at", y: "at", stroke: colour("muted"), strokeDasharray: "4 3" }),
      ...groups.flatMap((group, i) => [
        dot(group, { x: "predicted", y: "retrained", r: 3.5, fill: seriesColour(i) }),
        dot(
          group.filter((point) => point.refined !== undefined),
          { x: "refined", y: "retrained", r: 5, stroke: seriesColour(i), strokeOpacity: 0.7 },
        ),
      ]),
    ],
  };
}
