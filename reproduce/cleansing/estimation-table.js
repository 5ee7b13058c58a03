// The paper's first experiment: which method foretells what retraining without a row does to the validation loss.
import { momentsOf, varianceOf } from "../../dist/numeric/statistics/moments.js";
import { mapTasks } from "../../dist/runs/workers/map-tasks.js";
import { gateLine } from "../harness/gates.js";
import { table } from "../harness/markdown.js";
import { trainings } from "./trainings.js";

const methods = [
  "influence",
  "without curvature",
  "last epoch",
  "TracInCP",
  "Koh-Liang, descent",
  "Koh-Liang, exact",
  "true, linear",
];

// `paper`: influence and Koh-Liang, means (deviations) over 30 seeds; `earlier`: means of an earlier implementation in the
// order of the methods.
const references = {
  "Adult, logistic": {
    tau: {
      paper: [".93 (.02)", ".85 (.07)"],
      earlier: [".938", ".690", ".753", ".674", ".842", ".683", ".944"],
    },
    jaccard: {
      paper: [".80 (.10)", ".60 (.17)"],
      earlier: [".832", ".514", ".579", ".467", ".599", ".449", ".838"],
    },
  },
  "20 Newsgroups, logistic": {
    tau: { paper: [".94 (.05)", ".82 (.15)"], earlier: [".951", ".821", ".880", ".821", ".837", "", ".978"] },
    jaccard: {
      paper: [".79 (.15)", ".52 (.19)"],
      earlier: [".824", ".646", ".718", ".636", ".573", "", ".917"],
    },
  },
  "MNIST 1 or 7, logistic": {
    tau: {
      paper: [".95 (.02)", ".70 (.15)"],
      earlier: [".964", ".522", ".640", ".503", ".648", ".355", ".975"],
    },
    jaccard: {
      paper: [".83 (.10)", ".41 (.16)"],
      earlier: [".841", ".502", ".435", ".314", ".342", ".219", ".887"],
    },
  },
  "Adult, 8-8 ReLU": {
    tau: { paper: [".75 (.10)", ".54 (.12)"], earlier: [".760", ".606", ".555", ".381", ".548", "", ".951"] },
    jaccard: {
      paper: [".59 (.16)", ".32 (.11)"],
      earlier: [".589", ".419", ".350", ".233", ".338", "", ".818"],
    },
  },
  "Adult, 8-8 tanh": { tau: { earlier: [".918"] } },
  "MNIST 1 or 7, 8-8 ReLU": {
    tau: { paper: [".45 (.12)", ".27 (.16)"], earlier: [".417", ".292", ".273", ".104", ".285", "", ".890"] },
    jaccard: {
      paper: [".37 (.15)", ".27 (.12)"],
      earlier: [".374", ".333", ".283", ".227", ".289", "", ".706"],
    },
  },
  "MNIST 1 or 7, 8-8 tanh": { tau: { earlier: [".943"] } },
};

const gates = [
  { training: "Adult, logistic", measure: "tau", low: 0.9, high: 0.97 },
  { training: "Adult, logistic", measure: "jaccard", low: 0.75 },
  { training: "Adult, logistic", method: "without curvature", measure: "tau", high: 0.75 },
  { training: "MNIST 1 or 7, logistic", measure: "tau", low: 0.93 },
  { training: "Adult, 8-8 ReLU", measure: "tau", low: 0.68, high: 0.84 },
  { training: "Adult, 8-8 tanh", measure: "tau", low: 0.88 },
];

const words = { tau: "Kendall's tau", jaccard: "Jaccard@10+10" };

export default {
  title:
    "Estimation: scores against the change of the validation loss by retraining without each of 200 rows",
  async run({ quick, data, threads }) {
    const seeds = Array.from({ length: quick ? 5 : 30 }, (_, seed) => seed);
    const names = Object.keys(trainings);
    const tasks = names.flatMap((training) => seeds.map((seed) => ({ training, data, seed })));
    const results = await mapTasks(new URL("estimation-work.js", import.meta.url), tasks, { threads });
    const momentsFor = ({ training, method = "influence", measure }) => {
      const own = results.filter((result, i) => tasks[i].training === training && method in result);
      return momentsOf(own.map((result) => result[method][measure] ?? 0));
    };
    const rows = names.flatMap((training) =>
      Object.keys(words).map((measure) => {
        const { paper = ["", ""], earlier = [] } = references[training][measure] ?? {};
        const cells = methods.map((method, i) => {
          const moments = momentsFor({ training, method, measure });
          if (moments.count === 0) return [method, ""];
          const own = `${moments.mean.toFixed(3)} (${Math.sqrt(varianceOf(moments)).toFixed(3)})`;
          return [method, earlier[i] ? `${own} · ${earlier[i]}` : own];
        });
        return {
          training,
          measure: words[measure],
          ...Object.fromEntries(cells),
          "paper, influence": paper[0],
          "paper, Koh-Liang": paper[1],
        };
      }),
    );
    const lines = gates.map((gate) => {
      const { training, method = "influence", measure, low, high } = gate;
      const { mean } = momentsFor(gate);
      return gateLine(`${training}, ${method}, ${words[measure]}`, mean, { low, high });
    });
    return [
      `Means (standard deviations) over ${seeds.length} seeds, each with a draw of rows and a start of its own; behind a dot the means of an earlier implementation. "true, linear": the query times the true change of the parameters, the ceiling of what a linear score can tell.`,
      table(rows),
      lines.join("\n"),
    ].join("\n\n");
  },
};
