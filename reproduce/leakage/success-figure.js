// The share of batches that were recovered whole, by their size, with Wilson's intervals.
import { text } from "@observablehq/plot";
import { wilsonInterval } from "../../dist/numeric/index.js";
import { renderFigure } from "../../dist/runs/figure.js";
import { errorBars } from "../../dist/runs/repeats.js";
import { seriesColour } from "../../dist/runs/style.js";

const series = [
  { set: "mnist", labels: "joint", label: "digits, labels optimised", offset: -0.12 },
  { set: "mnist", labels: "known", label: "digits, labels known", offset: -0.04 },
  { set: "cifar-10", labels: "joint", label: "colour, labels optimised", offset: 0.04 },
  { set: "cifar-10", labels: "known", label: "colour, labels known", offset: 0.12 },
];

/** @returns the text of an SVG file */
export async function successFigure(found) {
  const sizes = [...new Set(found.map(({ size }) => size))].sort((a, b) => a - b);
  const marks = series.flatMap(({ set, labels, label, offset }, i) => {
    const rows = found
      .filter((each) => each.set === set && each.labels === labels)
      .map(({ size, recovered, batches }) => {
        const { low, high } = wilsonInterval(recovered, batches);
        return { x: sizes.indexOf(size) + offset, y: recovered / batches, low, high };
      });
    return rows.length === 0 ? [] : [{ rows, label, i }];
  });
  const { file } = await renderFigure(
    {
      height: 300,
      marginRight: 170,
      x: {
        label: "images in the batch",
        domain: [-0.4, sizes.length - 0.6],
        ticks: sizes.map((_, i) => i),
        tickFormat: (i) => String(sizes[i]),
      },
      y: { label: "share of batches recovered whole", domain: [0, 1], tickFormat: "%", grid: true },
      marks: [
        ...marks.flatMap(({ rows, i }) => errorBars(rows, { series: i })),
        ...legend(marks, sizes.length),
      ],
    },
    { title: "Share of batches recovered whole, by the number of images in the batch" },
  );
  return file;
}

/** Names beside the figure, as the points of several series end in the same place. */
function legend(marks, places) {
  return marks.map(({ label, i }) =>
    text([{ x: places - 0.5, y: 1 - 0.1 * i }], {
      x: "x",
      y: "y",
      text: () => label,
      textAnchor: "start",
      fill: seriesColour(i),
      fontWeight: 600,
      clip: false,
    }),
  );
}
