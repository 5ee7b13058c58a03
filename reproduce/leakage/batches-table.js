// Success by batch size: all examples at once, judged by the worst one after the best matching.
import { mapTasks } from "../../dist/runs/workers/map-tasks.js";
import { testImages } from "../harness/images.js";
import { share, spread, table } from "../harness/markdown.js";
import { success } from "./attack-work.js";
import { successFigure } from "./success-figure.js";

// `joint` and `known`: batches of which an earlier implementation recovered every image. `paper`: iterations until a batch of
// CIFAR was restored, as the paper's Table 1 is remembered, which does not say of how many batches.
const rows = [
  { set: "mnist", size: 1, batches: 5, joint: "20 of 20", known: "20 of 20, label read off" },
  { set: "mnist", size: 2, batches: 5, joint: "5 of 5", known: "5 of 5" },
  { set: "mnist", size: 4, batches: 5, joint: "2 of 5, all below 1e-2", known: "2 of 5, all below 1e-2" },
  { set: "mnist", size: 8, batches: 5, joint: "0 of 5, 3e-2 to 0.8", known: "0 of 5" },
  {
    set: "cifar-10",
    size: 1,
    batches: 3,
    joint: "18 of 20",
    known: "19 of 20, label read off",
    paper: "270",
  },
  { set: "cifar-10", size: 2, batches: 3, joint: "0 of 5", paper: "602" },
  { set: "cifar-10", size: 4, batches: 3, paper: "1173" },
];
const evaluations = { mnist: 4000, "cifar-10": 5000 };

export default {
  title:
    "Success by batch size: the worst image of a batch, at most 4,000 (MNIST) and 5,000 evaluations, one start",
  async run({ quick, data, threads }) {
    const chosen = rows.filter(({ set, size }) => !quick || (set === "mnist" && size < 8));
    const lines = [];
    const found = [];
    for (const { set, size, batches: most, paper = "", ...reference } of chosen) {
      const batches = quick ? 3 : most;
      const images = await testImages(set, { data, count: batches * size });
      for (const labels of ["joint", "known"]) {
        const tasks = Array.from({ length: batches }, (_, i) => ({
          examples: images.slice(i * size, (i + 1) * size),
          labels,
          seed: 1234 + i,
          evaluations: evaluations[set],
        }));
        const own = await mapTasks(new URL("attack-work.js", import.meta.url), tasks, { threads });
        const recovered = own.filter(({ mse }) => mse < success).length;
        found.push({ set, size, labels, recovered, batches });
        lines.push({
          images: set === "mnist" ? "MNIST" : "CIFAR-10, 100 outputs",
          batch: size,
          labels: labels === "joint" ? "optimised" : "known",
          "recovered [95%]": share(recovered, batches),
          "worst image's MSE, median [range]": spread(own.map(({ mse }) => mse)),
          "labels right": `${own.filter(({ labelsRight }) => labelsRight).length} of ${batches}`,
          "earlier implementation": reference[labels] ?? "",
          "paper: iterations": labels === "joint" ? paper : "",
        });
      }
    }
    return { table: table(lines), figures: { "leakage-batches": await successFigure(found) } };
  },
};
