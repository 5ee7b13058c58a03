// Single images: how often the attack recovers them (L-BFGS with a strong-Wolfe line search, float64, 4,000 evaluations).
import { mapTasks } from "../../dist/runs/workers/map-tasks.js";
import { testImages } from "../harness/images.js";
import { share, table } from "../harness/markdown.js";
import { success } from "./attack-work.js";

const rows = [
  { set: "mnist", labels: "joint", reference: "20 of 20; 204 [141, 657]" },
  { set: "mnist", labels: "infer", reference: "20 of 20; 198" },
  { set: "cifar-10", labels: "joint", reference: "18 of 20; 2867 [1691, 3672]" },
  { set: "cifar-10", labels: "infer", reference: "19 of 20; 2993" },
];

export default {
  title: "Single images",
  async run({ quick, data, threads }) {
    const counts = quick ? { mnist: 10, "cifar-10": 4 } : { mnist: 20, "cifar-10": 20 };
    const tasks = [];
    for (const [row, { set, labels }] of rows.entries())
      for (const [i, example] of (await testImages(set, { data, count: counts[set] })).entries())
        tasks.push({ row, examples: [example], labels, seed: 1234 + i, evaluations: 4000 });
    const results = await mapTasks(new URL("attack-work.js", import.meta.url), tasks, { threads });
    return table(
      rows.map(({ set, labels, reference }, row) => {
        const own = results.filter((_, i) => tasks[i].row === row);
        return {
          images: set === "mnist" ? "MNIST 1×28×28" : "CIFAR-10 3×32×32",
          label: labels === "joint" ? "optimised (DLG)" : "read off (iDLG)",
          "recovered [95%]": share(own.filter(({ mse }) => mse < success).length, own.length),
          "label right [95%]": share(own.filter(({ labelsRight }) => labelsRight).length, own.length),
          "evaluations to 1e-4, median [range]": wholeSpread(own),
          "earlier implementation: recovered; evaluations": reference,
        };
      }),
    );
  },
};

/** Over the attacks that got there. */
function wholeSpread(results) {
  const reached = results
    .flatMap(({ reached }) => (reached === undefined ? [] : [reached]))
    .sort((a, b) => a - b);
  if (reached.length === 0) return "none";
  const middle = (reached[(reached.length - 1) >> 1] + reached[reached.length >> 1]) / 2;
  return `${Math.round(middle)} [${reached[0]}, ${reached.at(-1)}]`;
}
