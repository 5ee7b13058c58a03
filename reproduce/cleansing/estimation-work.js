// One training of 200 rows: every method's scores beside what retraining without each row does to the validation loss.
import {
  fidelity,
  kohLiang,
  linearInfluence,
  retrainWithout,
  tracin,
} from "../../dist/methods/cleansing/index.js";
import { arraysOf } from "../../dist/training/trees.js";
import { recordTraining, trainings } from "./trainings.js";

/** @returns the fidelity of each method: Kendall's tau, Jaccard@10+10 */
export default async function estimate({ training, data, seed }, { signal }) {
  const recorded = await recordTraining(training, { data, seed });
  const { record, parameters, query, validation, rowPenalty } = recorded;
  try {
    const rows = validation.x.shape[0];
    const ends = await retrainWithout(
      record,
      Array.from({ length: rows }, (_, row) => [row]),
      { signal },
    );
    const effects = [];
    for (const end of ends) effects.push(await recorded.change(end));
    const [exact] = await linearInfluence(record, [query], { signal });
    const [flat] = await linearInfluence(record, [query], { curvature: "none", signal });
    const isLogistic = trainings[training].activation === undefined;
    // The published code has the model's own penalty for logistic regression and 1 for networks.
    const penalty = isLogistic ? rowPenalty : 1;
    const descent = await kohLiang(record, query, { penalty, solver: "gradient-descent", signal });
    const scores = {
      influence: exact.scores,
      "without curvature": flat.scores,
      "last epoch": exact.byEpoch.at(-1),
      TracInCP: await tracin(record, validation, { signal }),
      "Koh-Liang, descent": descent,
      // A solution by factors; of networks the Hessian is indefinite, of thousands of words too large.
      ...(isLogistic &&
        trainings[training].set !== "newsgroups" && {
          "Koh-Liang, exact": await kohLiang(record, query, { penalty, signal }),
        }),
      "true, linear": ends.map((end) => inner(query, end) - inner(query, parameters)),
    };
    return Object.fromEntries(
      Object.entries(scores).map(([method, each]) => {
        const { tau, jaccard } = fidelity(each, effects);
        return [method, { tau, jaccard }];
      }),
    );
  } finally {
    await recorded.dispose();
  }
}

function inner(a, b) {
  const others = arraysOf(b);
  return arraysOf(a).reduce(
    (sum, { data }, k) => sum + data.reduce((part, value, i) => part + value * others[k].data[i], 0),
    0,
  );
}
