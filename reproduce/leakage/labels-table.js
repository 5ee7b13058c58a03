// iDLG's label accuracy: one image, one network each.
import { mapTasks } from "../../dist/runs/workers/map-tasks.js";
import { testImages } from "../harness/images.js";
import { share, table } from "../harness/markdown.js";

const sets = [
  { set: "mnist", title: "MNIST, 10 classes", paper: "100% (DLG 89.9%)" },
  { set: "cifar-10", title: "CIFAR-10 images, 100 outputs", paper: "100% on CIFAR-100 (DLG 83.3%)" },
];
const perTask = 50;

export default {
  title: "Labels read off the gradient of the last bias (iDLG)",
  async run({ quick, data, threads }) {
    const count = quick ? 200 : 1000;
    const rows = [];
    for (const { set, title, paper } of sets) {
      const images = await testImages(set, { data, count });
      const tasks = Array.from({ length: count / perTask }, (_, i) => ({
        examples: images.slice(i * perTask, (i + 1) * perTask),
        seed: i * perTask,
      }));
      const right = await mapTasks(new URL("labels-work.js", import.meta.url), tasks, { threads });
      rows.push({
        images: title,
        "label right [95%]": share(
          right.reduce((a, b) => a + b, 0),
          count,
        ),
        "paper, 1,000 networks": paper,
      });
    }
    return table(rows);
  },
};
