/**
 * Observable Plot specifications as SVG text, without a browser: linkedom is the document. Both are imported on
 * first use.
 */
import type { PlotOptions } from "@observablehq/plot";
import { colour, lightColours, paletteCss, seriesColour, seriesCount } from "./style.ts";

export interface Figure {
  /** An `<svg>` element for a page that defines the palette. */
  readonly inline: string;
  /** The text of an `.svg` file of its own, light and dark. */
  readonly file: string;
}

const fonts = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif";

/**
 * Draws a Plot specification in the house style. Options of the specification win over the style's.
 *
 * @param title names the figure for a screen reader
 * @throws RangeError when the specification asks for what Plot draws outside the SVG (a title, a caption or a
 * legend): captions belong to the run's `figure`, and series are labelled directly
 */
export async function renderFigure(
  specification: PlotOptions,
  { title }: { title: string },
): Promise<Figure> {
  const [{ DOMParser }, Plot] = await Promise.all([import("linkedom"), import("@observablehq/plot")]);
  // An XML document, because only there does linkedom escape attributes, as SVG needs.
  const document = new DOMParser().parseFromString("<svg/>", "image/svg+xml");
  const drawn = Plot.plot({
    width: 640,
    height: 320,
    marginLeft: 56,
    marginRight: 24,
    marginTop: 30,
    marginBottom: 42,
    ...specification,
    document,
    color: {
      range: Array.from({ length: seriesCount }, (_, index) => seriesColour(index)),
      ...specification.color,
    },
    className: "fallline-figure",
  });
  if (drawn.nodeName.toLowerCase() !== "svg")
    throw new RangeError(
      `figure "${title}": titles, captions and legends are not part of a figure's drawing`,
    );
  drawn.setAttribute("role", "img");
  drawn.setAttribute("aria-label", title);
  drawn.setAttribute("font-family", fonts);
  drawn.setAttribute("font-size", "12");
  // Plot's own rules are for pages that have none; they would apply to a whole report.
  for (const style of drawn.querySelectorAll("style")) style.remove();
  const inline = drawn.outerHTML;
  const css = `${paletteCss(":root")}\nsvg{background:${colour("ground")};color:${colour("ink")}}\ntext{white-space:pre}`;
  const file = inline
    .replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" ')
    .replace(">", `><style>${css}</style>`);
  return { inline, file: `<?xml version="1.0" encoding="utf-8"?>\n${file}\n` };
}

/** Pixels of the PNG for each unit of the drawing. */
const pngScale = 2;

/**
 * A figure's file as PNG, on white, twice as large as it is drawn. Texts are set in what the machine has of fonts.
 *
 * @param file the SVG as {@link renderFigure} gives it
 */
export async function figurePng(file: string): Promise<Uint8Array> {
  const { default: sharp } = await import("sharp");
  // The rasteriser knows neither CSS variables nor the media queries that set them, nor the fonts of web browsers.
  const plain = file
    .replace(/<style>.*?<\/style>/s, `<style>svg{color:${lightColours.ink}}</style>`)
    .replaceAll(/var\(--([\w-]+)\)/g, (variable, name: string) =>
      name in lightColours ? lightColours[name as keyof typeof lightColours] : variable,
    )
    .replace(
      / font-family="[^"]*"/,
      ' font-family="Helvetica, Arial, Liberation Sans, DejaVu Sans, sans-serif"',
    );
  return sharp(Buffer.from(plain), { density: 72 * pngScale })
    .flatten({ background: lightColours.ground })
    .png()
    .toBuffer();
}
