// The removal curve of several splits, drawn as `fallline cleansing curve` draws one.
import { removalPlot } from "../../dist/methods/cleansing/curve-report.js";
import { momentsOf, standardErrorOf } from "../../dist/numeric/statistics/moments.js";
import { renderFigure } from "../../dist/runs/figure.js";

/**
 * @param {{ ranking: string, removed: number, againstRandom: number[] }[]} points
 * @returns the text of an SVG file; bands are standard errors over the splits
 */
export async function removalFigure(points, { title }) {
  const ranked = points.filter(({ ranking }) => ranking !== "random");
  const plot = removalPlot(ranked, "test error less that of random deletion", ({ againstRandom }) => {
    const moments = momentsOf(againstRandom);
    const error = standardErrorOf(moments);
    return { estimate: moments.mean, low: moments.mean - error, high: moments.mean + error };
  });
  const { file } = await renderFigure(plot, { title });
  return file;
}
