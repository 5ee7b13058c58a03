// A text's gradient behind each defence: what the closed forms give an attacker who knows it.
import { mapTasks } from "../../dist/runs/workers/map-tasks.js";
import { table } from "../harness/markdown.js";

const defences = [
  "none",
  "clip:1",
  "fp16",
  "bf16",
  "int8",
  "sign",
  "prune:0.5",
  "prune:0.9",
  "top-k:0.01",
  "noise:gaussian:1e-4",
  "noise:gaussian:3e-4",
  "noise:gaussian:1e-3",
  "noise:gaussian:1e-2",
  "dp:1:1e-3",
];

export default {
  title: "Text behind defences: closed forms on bert-tiny, 18 tokens of 320",
  async run({ quick, threads }) {
    const seeds = quick ? [0] : [0, 1, 2, 3];
    const tasks = defences.flatMap((defence) =>
      [false, true].flatMap((tied) => seeds.map((seed) => ({ defence, tied, seed }))),
    );
    const results = await mapTasks(new URL("text-defences-work.js", import.meta.url), tasks, { threads });
    const format = (values) => values.map((value) => value.toFixed(2)).join(" ");
    return table(
      defences.flatMap((defence) =>
        [false, true].map((tied) => {
          const own = results.filter((_, i) => tasks[i].defence === defence && tasks[i].tied === tied);
          const of = (key) => format(own.map((row) => row[key]));
          return {
            defence: `\`${defence}\``,
            "output layer": tied ? "tied" : "its own",
            "words found": of("recall"),
            "of the found, right": of("precision"),
            "in place, tables": of("order"),
            "in place, span check": of("span"),
            "attacker is sure": `${own.filter(({ confirmed }) => confirmed).length} of ${own.length}`,
            "and wrong": own.filter(({ confirmed, order, span }) => confirmed && Math.max(order, span) < 1)
              .length,
          };
        }),
      ),
    );
  },
};
