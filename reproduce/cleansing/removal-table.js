// The paper's second experiment, on fewer images: the test error after deleting the rows that each ranking names.
import { momentsOf, standardErrorOf } from "../../dist/numeric/statistics/moments.js";
import { mapTasks } from "../../dist/runs/workers/map-tasks.js";
import { gateLine } from "../harness/gates.js";
import { table } from "../harness/markdown.js";
import { removalFigure } from "./removal-figure.js";

const rankings = ["influence", "last-epoch", "tracin", "koh-liang", "loss", "random"];

// `earlier`: test errors of an earlier implementation (2 seeds with wrong labels, 3 without), without a deletion and with as
// many; it had curvature-free influence at every step for `tracin`. `found`: its areas under the curve.
const settings = [
  {
    ...{ name: "cleansing-removal", rate: 0.1, activation: "relu", pixels: "unit" },
    earlier: {
      base: ".103",
      influence: { 30: ".085", 100: ".092", 300: ".096", 600: ".100", 1000: ".106" },
      "last-epoch": { 30: ".090", 100: ".097", 300: ".100", 600: ".100", 1000: ".113" },
      tracin: { 30: ".099", 100: ".095", 300: ".096", 600: ".113", 1000: ".165" },
      "koh-liang": { 30: ".101", 100: ".101", 300: ".106", 600: ".120", 1000: ".127" },
      loss: { 30: ".107", 100: ".107", 300: ".108", 600: ".101", 1000: ".103" },
      random: { 30: ".105", 100: ".105", 300: ".101", 600: ".108", 1000: ".110" },
    },
    found: { influence: ".652", "last-epoch": ".681", tracin: ".572", "koh-liang": ".536", loss: ".990" },
  },
  { name: "cleansing-removal-tanh", rate: 0.1, activation: "tanh", pixels: "unit" },
  { name: "cleansing-removal-standardised", rate: 0.1, activation: "relu", pixels: "standardised" },
  {
    ...{ name: "cleansing-removal-clean", rate: 0, activation: "relu", pixels: "unit" },
    earlier: {
      base: ".082",
      influence: { 10: ".078", 30: ".079", 100: ".079", 300: ".081" },
      "last-epoch": { 10: ".076", 30: ".077", 100: ".079", 300: ".088" },
      tracin: { 10: ".085", 30: ".084", 100: ".083", 300: ".092" },
      "koh-liang": { 10: ".083", 30: ".083", 100: ".084", 300: ".082" },
      loss: { 10: ".082", 30: ".083", 100: ".086", 300: ".091" },
      random: { 10: ".082", 30: ".082", 100: ".084", 300: ".084" },
    },
  },
  { name: "cleansing-removal-clean-tanh", rate: 0, activation: "tanh", pixels: "unit" },
];

const wordsOf = ({ rate, activation, pixels }) =>
  `${rate > 0 ? "10 % of the training labels wrong" : "labels as they are"}, 784-32-10 ${activation}, pixels ${pixels === "unit" ? "in [0, 1]" : "standardised"}`;

export default {
  title:
    "Removal: test error of MNIST after deleting rows and training again with the same start and batches",
  async run({ quick, data, threads }) {
    const seeds = Array.from({ length: quick ? 2 : 5 }, (_, seed) => seed);
    const remove = quick ? [30, 300] : [10, 30, 100, 300, 600, 1000];
    const tasks = settings.flatMap(({ rate, activation, pixels }) =>
      seeds.map((seed) => ({ data, seed, rate, activation, pixels, rankings, remove })),
    );
    const results = await mapTasks(new URL("removal-work.js", import.meta.url), tasks, { threads });
    const parts = [];
    const gates = [];
    const figures = {};
    for (const [place, setting] of settings.entries()) {
      const own = results.slice(place * seeds.length, (place + 1) * seeds.length);
      const points = pointsOf(own, remove);
      const base = beside(withError(own.map((result) => result.base)), setting.earlier?.base);
      parts.push(
        `${wordsOf(setting)}; none deleted: ${base}\n\n${table(linesOf(setting, { own, points, remove }))}`,
      );
      figures[setting.name] = await removalFigure(points, {
        title: `Test error less that of random deletion, by rows deleted: ${wordsOf(setting)}`,
      });
      if (setting.rate > 0) {
        const { againstRandom } = points.find(
          ({ ranking, removed }) => ranking === "influence" && removed === 30,
        );
        const claim = `${wordsOf(setting)}, 30 rows by influence, test error less that of random`;
        const gate = gateLine(claim, momentsOf(againstRandom).mean, { high: -0.01, digits: 4 });
        gates.push(`${gate} (standard error ${standardErrorOf(momentsOf(againstRandom)).toFixed(4)})`);
      }
    }
    const explained = `Means ± standard errors over ${seeds.length} splits of the 10,000 test images (6,000 to train on, 2,000 to judge by, 2,000 to test with), each with a start of its own; in brackets the difference from as many rows deleted at random in the same split; behind a dot an earlier implementation. "Finds wrong labels": the area under the ROC curve.`;
    return { table: [explained, ...parts, gates.join("\n")].join("\n\n"), figures };
  },
};

const beside = (value, reference) => (reference === undefined ? value : `${value} · ${reference}`);

/** For each ranking and number of rows the test errors of all splits and their differences. */
function pointsOf(own, remove) {
  const errorsAt = (ranking, k) => own.map(({ errors }) => errors[rankings.indexOf(ranking)][k]);
  return rankings.flatMap((ranking) =>
    remove.map((removed, k) => {
      const errors = errorsAt(ranking, k);
      return {
        ...{ ranking, removed, errors },
        againstRandom: errors.map((error, i) => error - errorsAt("random", k)[i]),
      };
    }),
  );
}

function linesOf({ rate, earlier = {}, found = {} }, { own, points, remove }) {
  return rankings.map((ranking, r) => {
    const cells = remove.map((removed) => {
      const { errors, againstRandom } = points.find(
        (point) => point.ranking === ranking && point.removed === removed,
      );
      const difference = ranking === "random" ? "" : ` (${withError(againstRandom)})`;
      return [removed, beside(`${withError(errors)}${difference}`, earlier[ranking]?.[removed])];
    });
    const areas = own.map((result) => result.found[r]);
    return {
      ranking,
      ...Object.fromEntries(cells.map(([removed, cell]) => [`${removed} deleted`, cell])),
      ...(rate > 0 && {
        "finds wrong labels": beside(momentsOf(areas).mean.toFixed(3), found[ranking]),
      }),
    };
  });
}

function withError(values) {
  const moments = momentsOf(values);
  return `${moments.mean.toFixed(4)} ± ${standardErrorOf(moments).toFixed(4)}`;
}
