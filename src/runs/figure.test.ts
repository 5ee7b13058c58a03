import { lineY, type PlotOptions, text } from "@observablehq/plot";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { figurePng, renderFigure } from "./figure.ts";
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

  it("becomes a PNG of twice the size, on white, with axes, colours and words", async () => {
    const draw = async (label: string) => {
      const { file } = await renderFigure({ ...specification, x: { label } }, { title: "loss" });
      return sharp(await figurePng(file))
        .raw()
        .toBuffer({ resolveWithObject: true });
    };
    const { data, info } = await draw("time (s)");
    expect(info).toMatchObject({ width: 1280, height: 640, channels: 3 });
    const pixels = Array.from({ length: data.length / 3 }, (_, i) => data.readUIntBE(3 * i, 3));
    expect(pixels[0]).toBe(0xffffff);
    expect(pixels.filter((pixel) => pixel === 0x0072b2).length).toBeGreaterThan(500);
    // Words are drawn where the machine has a font for them: two labels give two pictures.
    expect((await draw("epochs (1)")).data.equals(data)).toBe(false);
  });
});
