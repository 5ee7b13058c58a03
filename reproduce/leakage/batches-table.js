// Small batches of digits: all examples at once, judged by the worst one after the best matching.
import { mapTasks } from "../../dist/runs/workers/map-tasks.js";
import { testImages } from "../harness/images.js";
import { share, spread, table } from "../harness/markdown.js";
import { success } from "./attack-work.js";

const rows = [
  { size: 2, labels: "joint", reference: "5 of 5" },
  { size: 2, labels: "known", reference: "5 of 5" },
  { size: 4, labels: "joint", reference: "2 of 5, all below 1e-2" },
  { size: 4, labels: "known", reference: "2 of 5, all below 1e-2" },
];

export default {
  title: "Small batches of MNIST, 4,000 evaluations, one start",
  async run({ quick, data, threads }) {
    const batches = quick ? 3 : 10;
    const images = await testImages("mnist", { data, count: batches * 4 });
    const tasks = rows.flatMap(({ size, labels }, row) =>
      Array.from({ length: batches }, (_, i) => ({
        row,
        examples: images.slice(i * size, (i + 1) * size),
        labels,
        seed: 1234 + i,
        evaluations: 4000,
      })),
    );
    const results = await mapTasks(new URL("attack-work.js", import.meta.url), tasks, { threads });
    return table(
      rows.map(({ size, labels, reference }, row) => {
        const own = results.filter((_, i) => tasks[i].row === row);
        return {
          batch: size,
          labels: labels === "joint" ? "optimised" : "known",
          "worst image recovered [95%]": share(own.filter(({ mse }) => mse < success).length, own.length),
          "worst image's MSE, median [range]": spread(own.map(({ mse }) => mse)),
          "labels right": `${own.filter(({ labelsRight }) => labelsRight).length} of ${own.length}`,
          "earlier implementation": reference,
        };
      }),
    );
  },
};
