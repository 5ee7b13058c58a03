// The paper's defences against the paper's attacker and against one who knows the defence.
import { mapTasks } from "../../dist/runs/workers/map-tasks.js";
import { testImages } from "../harness/images.js";
import { share, spread, table } from "../harness/markdown.js";
import { success } from "./attack-work.js";

const sent = { words: "sent entries only", options: { mask: "sent" } };
const angle = { words: "cosine", options: { distance: "cosine" } };

// `paper`: whether the defence holds, as the paper's Figure 7 and Table 3 are remembered; `mnist` and `cifar`: medians of an
// earlier implementation, of 5 and 2 images.
const rows = [
  { defence: "none", mnist: "7e-7", cifar: "1.5e-5", paper: "leaks" },
  { defence: "noise:gaussian:variance=1e-4", mnist: "6e-3", cifar: "0.8", paper: "leaks" },
  { defence: "noise:gaussian:variance=1e-3", mnist: "7e-2", paper: "leaks, with artefacts" },
  { defence: "noise:gaussian:variance=1e-2", mnist: "3e2", paper: "holds" },
  { defence: "noise:gaussian:variance=1e-1", mnist: "1e3", paper: "holds" },
  { defence: "noise:laplacian:variance=1e-4", paper: "leaks" },
  { defence: "noise:laplacian:variance=1e-3", paper: "leaks, with artefacts" },
  { defence: "noise:laplacian:variance=1e-2", paper: "holds" },
  { defence: "noise:laplacian:variance=1e-1", paper: "holds" },
  { defence: "prune:0.01", mnist: "6e-6", paper: "leaks" },
  { defence: "prune:0.1", mnist: "4e-4", cifar: "1.4e-2", paper: "leaks" },
  { defence: "prune:0.2", mnist: "3e-3", cifar: "8e-2", paper: "artefacts" },
  { defence: "prune:0.3", mnist: "1.3e-2", paper: "holds" },
  { defence: "prune:0.5", mnist: "7e-2", cifar: "7.5", paper: "holds" },
  { defence: "prune:0.3", adaptive: sent, mnist: "6e-7" },
  { defence: "prune:0.5", adaptive: sent, mnist: "9e-7" },
  { defence: "prune:0.7", adaptive: sent, mnist: "8e-7" },
  { defence: "fp16", mnist: "6e-7", cifar: "2.5e-5", paper: "leaks" },
  { defence: "bf16", mnist: "7e-6", cifar: "1.6e-4", paper: "leaks" },
  { defence: "int8", mnist: "1e-4", cifar: "5e-3", paper: "holds" },
  { defence: "clip:1", mnist: "9e-3" },
  { defence: "clip:1", adaptive: angle, mnist: "9e-7" },
];

export default {
  title: "Defences: one image, image and label optimised together",
  async run({ quick, data, threads }) {
    const sets = quick
      ? [{ set: "mnist", count: 4, evaluations: 1500 }]
      : [
          { set: "mnist", count: 10, evaluations: 1500 },
          { set: "cifar-10", count: 4, evaluations: 3500 },
        ];
    const tables = [];
    for (const { set, count, evaluations } of sets) {
      const images = await testImages(set, { data, count });
      const tasks = rows.flatMap(({ defence, adaptive }, row) =>
        images.map((example, i) => ({
          row,
          examples: [example],
          labels: "joint",
          seed: 1234 + i,
          defence,
          evaluations,
          options: adaptive?.options,
        })),
      );
      const results = await mapTasks(new URL("attack-work.js", import.meta.url), tasks, { threads });
      const lines = rows.map(({ defence, adaptive, paper = "", ...reference }, row) => {
        const own = results.filter((_, i) => tasks[i].row === row);
        return {
          defence: `\`${defence}\``,
          attacker: adaptive?.words ?? "plain",
          "MSE, median [range]": spread(own.map(({ mse }) => mse)),
          "recovered [95%]": share(own.filter(({ mse }) => mse < success).length, own.length),
          "label right": `${own.filter(({ labelsRight }) => labelsRight).length} of ${own.length}`,
          "earlier implementation": reference[set === "mnist" ? "mnist" : "cifar"] ?? "",
          paper,
        };
      });
      tables.push(`${set}, at most ${evaluations} evaluations:\n\n${table(lines)}`);
    }
    return tables.join("\n\n");
  },
};
