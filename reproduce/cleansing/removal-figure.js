// The removal curve of several splits, as `fallline cleansing curve` draws it.
import { removalPlot } from "../../dist/methods/cleansing/curve-report.js";
import { renderFigure } from "../../dist/runs/figure.js";

/** @returns the text of an SVG file; bands are Student's 95 % intervals over the splits */
export async function removalFigure(points, { title }) {
  const plot = removalPlot(points, "change of the test error", ({ errorChange }) => errorChange);
  const { file } = await renderFigure(plot, { title });
  return file;
}
