// One cell of the grid of scales for one seed, matched with the given options.
import { textGrid } from "../../dist/methods/leakage/index.js";
import { bert } from "../../dist/models/index.js";

export default async function attackText({ cell, seed, options }, { signal }) {
  const [row] = await textGrid({
    makeModel: ({ tokens, vocabulary }) =>
      bert({
        tokens,
        vocabulary,
        positions: tokens,
        hidden: 32,
        layers: 2,
        heads: 2,
        intermediate: 128,
        head: "masked-lm",
        tied: false,
      }),
    cells: [cell],
    seeds: [seed],
    ...options,
    signal,
  });
  return row;
}
