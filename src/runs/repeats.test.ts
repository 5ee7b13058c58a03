import { describe, expect, it } from "vitest";
import { renderFigure } from "./figure.ts";
import { errorBars, lineWithBand } from "./repeats.ts";

const rows = [
  { x: 1, y: 2, low: 1, high: 2.5 },
  { x: 2, y: 3, low: 2.5, high: 4 },
];

describe("measurements that were repeated", () => {
  it("stand as dots with bars, or as a line in a band, with their name beside them in their colour", async () => {
    const bars = await renderFigure(
      { marginRight: 80, marks: errorBars(rows, { series: 1, label: "pruned" }) },
      { title: "bars" },
    );
    expect(bars.inline).toContain('aria-label="dot"');
    expect(bars.inline).toContain('stroke="var(--series-2)"');
    expect(bars.inline).toMatch(/fill="var\(--series-2\)"[^>]*><text[^>]*>pruned/);
    const band = await renderFigure({ marks: lineWithBand(rows, { label: "plain" }) }, { title: "band" });
    expect(band.inline).toContain('aria-label="area"');
    expect(band.inline).toContain('stroke="var(--series-1)"');
    expect(band.inline).toContain("plain");
  });

  it.each([
    { x: 3, y: 5, low: 1, high: 4 },
    { x: 3, y: 5, low: Number.NaN, high: 6 },
    { x: 3, y: Number.NaN, low: 1, high: 6 },
    { x: 3, y: 5, low: 1, high: Number.POSITIVE_INFINITY },
  ])("are refused where the interval is none: %o", (row) => {
    expect(() => errorBars([...rows, row])).toThrow("at 3: the interval");
    expect(() => lineWithBand([...rows, row])).toThrow("at 3: the interval");
  });
});
