import { dot, link, type Markish, ruleX, ruleY, text } from "@observablehq/plot";
import { seriesColour } from "./style.ts";

/** A measurement of two things, each with its interval. */
export interface Cross {
  readonly label: string;
  readonly x: number;
  readonly xLow: number;
  readonly xHigh: number;
  readonly y: number;
  readonly yLow: number;
  readonly yHigh: number;
}

export interface CrossesOptions {
  /** Of the y axis. */
  readonly domain: readonly [low: number, high: number];
  /** Of the area between the axes, in pixels. */
  readonly height: number;
  /** Where labels begin, on the x axis. */
  readonly labelsAt: number;
}

/** From one label to the next, in pixels. */
const lineHeight = 14;

/**
 * A dot for each measurement with bars over both intervals, and its name in a column beside the figure, at its height where
 * there is room; a thin line leads there.
 *
 * @throws RangeError for an interval that is not finite or does not hold its measurement
 */
export function errorCrosses(
  rows: readonly Cross[],
  { domain, height, labelsAt }: CrossesOptions,
): Markish[] {
  for (const { label, x, xLow, xHigh, y, yLow, yHigh } of rows)
    for (const [low, value, high] of [
      [xLow, x, xHigh],
      [yLow, y, yHigh],
    ] as const)
      if (!(Number.isFinite(low) && Number.isFinite(high) && low <= value && value <= high))
        throw new RangeError(
          `${label}: the interval from ${low} to ${high} does not hold the measurement ${value}`,
        );
  const stroke = seriesColour(0);
  const perPixel = (domain[1] - domain[0]) / height;
  const placed = spread(rows, { domain, gap: lineHeight * perPixel }).map(({ row, at }) => ({
    ...row,
    at,
    labelsAt,
  }));
  const bar = { stroke, strokeWidth: 1.5, strokeOpacity: 0.6 };
  return [
    link(placed, { x1: "x", y1: "y", x2: "labelsAt", y2: "at", stroke: "currentColor", strokeOpacity: 0.25 }),
    ruleX(placed, { x: "x", y1: "yLow", y2: "yHigh", ...bar }),
    ruleY(placed, { y: "y", x1: "xLow", x2: "xHigh", ...bar }),
    dot(placed, { x: "x", y: "y", r: 3.5, fill: stroke }),
    text(placed, { x: "labelsAt", y: "at", text: "label", textAnchor: "start", dx: 4 }),
  ];
}

/** Heights as near to the rows' own as the gap between labels lets them be, inside the domain. */
function spread(
  rows: readonly Cross[],
  { domain, gap }: { readonly domain: readonly [number, number]; readonly gap: number },
): { readonly row: Cross; readonly at: number }[] {
  const sorted = [...rows].sort((a, b) => b.y - a.y || b.x - a.x);
  const heights: number[] = [];
  for (const { y } of sorted) heights.push(Math.min(y, (heights.at(-1) ?? Number.POSITIVE_INFINITY) - gap));
  // What was pushed out below moves up again.
  let least = domain[0];
  for (let i = heights.length - 1; i >= 0; i--) {
    heights[i] = Math.max(heights[i] ?? 0, least);
    least = (heights[i] ?? 0) + gap;
  }
  return sorted.map((row, i) => ({ row, at: heights[i] ?? row.y }));
}
