import { describe, expect, it } from "vitest";
import { errorCrosses } from "./crosses.ts";
import { renderFigure } from "./figure.ts";

const row = (label: string, y: number) => ({
  label,
  x: 40,
  xLow: 38,
  xHigh: 42,
  y,
  yLow: y - 1,
  yHigh: y + 1,
});
const options = { domain: [0, 10], height: 100, labelsAt: 42 } as const;

describe("errorCrosses", () => {
  it("draws bars both ways and labels that do not overlap", async () => {
    const rows = [row("a", 5), row("b", 5.1), row("c", 5.2), row("low", 1), row("lower", 1)];
    const { inline } = await renderFigure(
      {
        y: { domain: [0, 10] },
        height: 144,
        marginTop: 24,
        marginBottom: 20,
        marks: errorCrosses(rows, options),
      },
      { title: "crosses" },
    );
    const heights = rows.map(({ label }) => {
      const [, at] = inline.match(new RegExp(`translate\\([\\d.]+,([\\d.]+)\\)"[^>]*>${label}<`)) ?? [];
      return Number(at);
    });
    const sorted = [...heights].sort((p, q) => p - q);
    for (const [i, height] of sorted.entries())
      if (i > 0) expect(height - (sorted[i - 1] ?? 0)).toBeGreaterThan(13.9);
    // The highest measurement has the highest label.
    expect(sorted[0]).toBe(heights[2]);
    expect(inline.match(/aria-label="rule"/g)).toHaveLength(2);
  });

  it("refuses an interval that does not hold its measurement", () => {
    expect(() => errorCrosses([{ ...row("bad", 5), xHigh: 39 }], options)).toThrow(
      "bad: the interval from 38 to 39",
    );
  });
});
