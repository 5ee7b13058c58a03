// Text by matching, by the scales of the network and of the embeddings, with the closed forms beside it.
import { textGridCells } from "../../dist/methods/leakage/index.js";
import { mapTasks } from "../../dist/runs/workers/map-tasks.js";
import { table } from "../harness/markdown.js";

// Of an earlier implementation with other networks and texts, four seeds.
const reference = [
  ".13 .75 .13 .25",
  ".13 .50 .25 .25",
  ".38 .50 .25 .38",
  ".25 .50 .13 .13",
  "1 1 1 1",
  ".88 .88 .63 1",
  "1 1 1 1",
  ".13 .25 .75 1",
];

// What the matching is given beside one start of 800 iterations; --quick runs the second alone.
const variants = [
  { name: "positions' gradient withheld", options: { withheld: ["position_embeddings.weight"] } },
  { name: "all gradients", options: {} },
  { name: "all, and reordered", options: { reorderings: 4 } },
];

export default {
  title: "Text: 8 of 200 tokens, part of the tokens in place at the last step",
  async run({ quick, threads }) {
    const seeds = quick ? [0, 1] : [0, 1, 2, 3];
    const chosen = quick ? variants.slice(1, 2) : variants;
    const tasks = chosen.flatMap(({ name, options }) =>
      textGridCells.flatMap((cell, place) => seeds.map((seed) => ({ name, place, cell, seed, options }))),
    );
    const results = await mapTasks(new URL("text-work.js", import.meta.url), tasks, { threads });
    const format = (values) => values.map((value) => value.toFixed(2)).join(" ");
    return table(
      textGridCells.map(({ netSd, embeddingSd, labels }, place) => {
        const own = results.filter((_, i) => tasks[i].place === place);
        const count = (key) => `${own.reduce((sum, row) => sum + row[key], 0)} of ${own.length}`;
        const of = (name, key) =>
          format(
            results.flatMap((row, i) => (tasks[i].place === place && tasks[i].name === name ? row[key] : [])),
          );
        return {
          "net sd / embedding sd, masked token": `${netSd} / ${embeddingSd}, ${labels}`,
          ...Object.fromEntries(chosen.map(({ name }) => [name, of(name, "accuracyByInput")])),
          [`${chosen.at(-1).name}, best permutation`]: of(chosen.at(-1).name, "permutedAccuracy"),
          "span check exact": count("spanChecks"),
          "bag of words exact": count("bags"),
          "earlier implementation": reference[place],
        };
      }),
    );
  },
};
