import { lineY, type PlotOptions, text } from "@observablehq/plot";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { renderFigure } from "./figure.ts";
import { seriesColour } from "./style.ts";

const points = [
  { x: 1, y: 1e-3 },
  { x: 2, y: 1 },
];
const specification: PlotOptions = {
  x: { label: "time (s)" },
  y: { type: "log", label: "error" },
  marks: [
    lineY(points, { x: "x", y: "y", stroke: seriesColour(0) }),
    text(["a < b & c"], { frameAnchor: "middle" }),
  ],
};

describe("renderFigure", () => {
  it("draws axes with labels and a line in the palette's colour", async () => {
    const { inline } = await renderFigure(specification, { title: 'loss & "error"' });
    expect(inline).toMatch(/^<svg /);
    expect(inline).toContain("time (s)");
    expect(inline).toContain('stroke="var(--series-1)"');
    expect(inline).toContain("a &lt; b &amp; c");
    expect(inline).toContain('aria-label="loss &amp; &quot;error&quot;"');
    expect(inline).not.toContain("<style");
    expect(inline).toMatch(/d="M[\d.]+,[\d.]+L[\d.]+,[\d.]+"/);
  });

  it("writes a file that stands alone, light and dark", async () => {
    const { file } = await renderFigure(specification, { title: "loss" });
    expect(file).toContain('xmlns="http://www.w3.org/2000/svg"');
    expect(file).toContain("prefers-color-scheme:dark");
    expect(file).toContain("--series-1:#0072b2");
    expect(await sharp(Buffer.from(file)).metadata()).toMatchObject({
      format: "svg",
      width: 640,
      height: 320,
    });
  });

  it("gives the same text for the same specification", async () => {
    const first = await renderFigure(specification, { title: "loss" });
    expect(await renderFigure(specification, { title: "loss" })).toEqual(first);
  });

  it("refuses what Plot draws outside of the SVG", async () => {
    await expect(renderFigure({ ...specification, caption: "text" }, { title: "loss" })).rejects.toThrow(
      "captions",
    );
  });
});
