import { cell, type PlotOptions } from "@observablehq/plot";
import { seriesColour } from "../../runs/style.ts";

/** Rows by epochs: the part of each epoch in a row's score. */
export function epochMap(
  rows: readonly { readonly name: string; readonly parts: readonly number[] }[],
): PlotOptions {
  const most = Math.max(...rows.flatMap(({ parts }) => parts.map(Math.abs)), Number.MIN_VALUE);
  const cells = rows.flatMap(({ name, parts }) =>
    parts.map((value, epoch) => ({
      name,
      epoch: epoch + 1,
      value,
      strength: Math.sqrt(Math.abs(value) / most),
    })),
  );
  const epochs = rows[0]?.parts.length ?? 0;
  return {
    width: 640,
    height: 60 + 15 * rows.length,
    marginLeft: 70,
    x: {
      type: "band",
      label: "epoch",
      padding: 0,
      ticks: Array.from({ length: epochs }, (_, i) => i + 1).filter(
        (epoch) => epoch % Math.ceil(epochs / 20) === 0,
      ),
    },
    y: { type: "band", label: "row", domain: rows.map(({ name }) => name), padding: 0.1 },
    marks: [
      cell(cells, {
        x: "epoch",
        y: "name",
        fill: ({ value }: { value: number }) => seriesColour(value < 0 ? 1 : 0),
        fillOpacity: "strength",
      }),
    ],
    opacity: { type: "identity" },
  };
}
