/**
 * Marks for measurements that were repeated: bars for separate settings, a band for a course. Both show the interval
 * that the rows give (a confidence interval, quantiles, the range); which one it is belongs in the caption.
 */
import { areaY, dot, lineY, type Markish, ruleX, text } from "@observablehq/plot";
import { seriesColour } from "./style.ts";

/** A measurement with its interval. */
export interface Repeated {
  readonly x: number | string;
  readonly y: number;
  readonly low: number;
  readonly high: number;
}

export interface RepeatedOptions {
  /** The n-th colour of the palette, counted from 0; 0 by default. */
  readonly series?: number;
  /** The name of the series, written beside its last measurement in its colour: no legend is needed. */
  readonly label?: string;
}

/**
 * A dot for each measurement with a bar over its interval.
 *
 * @throws RangeError for an interval that is not finite or does not hold its measurement
 */
export function errorBars(rows: readonly Repeated[], options: RepeatedOptions = {}): Markish[] {
  const stroke = seriesColour(options.series ?? 0);
  checkIntervals(rows);
  return [
    ruleX(rows, { x: "x", y1: "low", y2: "high", stroke, strokeWidth: 1.5, strokeOpacity: 0.7 }),
    dot(rows, { x: "x", y: "y", r: 3.5, fill: stroke }),
    ...labelOf(rows, options),
  ];
}

/**
 * A line through the measurements in a band over their intervals.
 *
 * @throws RangeError as {@link errorBars}
 */
export function lineWithBand(rows: readonly Repeated[], options: RepeatedOptions = {}): Markish[] {
  const stroke = seriesColour(options.series ?? 0);
  checkIntervals(rows);
  return [
    areaY(rows, { x: "x", y1: "low", y2: "high", fill: stroke, fillOpacity: 0.18 }),
    lineY(rows, { x: "x", y: "y", stroke, strokeWidth: 1.75 }),
    ...labelOf(rows, options),
  ];
}

function labelOf(rows: readonly Repeated[], { series = 0, label }: RepeatedOptions): Markish[] {
  if (label === undefined) return [];
  return [
    text(rows.slice(-1), {
      x: "x",
      y: "y",
      text: () => label,
      textAnchor: "start",
      dx: 8,
      fill: seriesColour(series),
      fontWeight: 600,
    }),
  ];
}

function checkIntervals(rows: readonly Repeated[]): void {
  for (const { x, y, low, high } of rows)
    if (!(Number.isFinite(low) && Number.isFinite(high) && low <= y && y <= high))
      throw new RangeError(`at ${x}: the interval from ${low} to ${high} does not hold the measurement ${y}`);
}
