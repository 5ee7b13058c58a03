// The linear datamodelling score: summed influence of random groups against retraining without them.
import { momentsOf, varianceOf } from "../../dist/numeric/statistics/moments.js";
import { mapTasks } from "../../dist/runs/workers/map-tasks.js";
import { table } from "../harness/markdown.js";
import { trainings } from "./trainings.js";

const shares = [0.01, 0.05, 0.2];
const groups = 25;

// Of an earlier implementation, for each share.
const earlier = {
  "Adult, logistic": [".954", ".969", ".942"],
  "Adult, 8-8 ReLU": [".92", ".89", ".86"],
  "Adult, 8-8 tanh": [".96", ".95", ".85"],
  "MNIST 1 or 7, logistic": [".99", ".91", ".88"],
  "MNIST 1 or 7, 8-8 ReLU": [".64", ".75", ".78"],
  "MNIST 1 or 7, 8-8 tanh": [".97", ".83", ".77"],
};

export default {
  title: `Groups: Spearman's correlation over ${groups} random groups, summed influence against retraining`,
  async run({ quick, data, threads }) {
    const seeds = Array.from({ length: quick ? 3 : 10 }, (_, seed) => seed);
    const names = Object.keys(trainings).filter((name) => name in earlier);
    const tasks = names.flatMap((training) =>
      seeds.map((seed) => ({ training, data, seed, groups, shares })),
    );
    const results = await mapTasks(new URL("groups-work.js", import.meta.url), tasks, { threads });
    const rows = names.map((training) => {
      const own = results.filter((_, i) => tasks[i].training === training);
      const cells = shares.map((share, k) => {
        const moments = momentsOf(own.map((found) => found[k]));
        const measured = `${moments.mean.toFixed(3)} (${Math.sqrt(varianceOf(moments)).toFixed(3)})`;
        return [`${100 * share} % of the rows`, `${measured} · ${earlier[training][k]}`];
      });
      return { training, ...Object.fromEntries(cells) };
    });
    return `Means (standard deviations) over ${seeds.length} seeds; behind a dot an earlier implementation.\n\n${table(rows)}`;
  },
};
