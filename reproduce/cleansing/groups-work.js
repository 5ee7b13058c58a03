// One training of 200 rows: summed scores of groups beside what retraining without each group does to the validation loss.
import { linearInfluence, retrainWithout, subsetFidelity } from "../../dist/methods/cleansing/index.js";
import { recordTraining } from "./trainings.js";

/** @returns Spearman's correlation over the groups, for each share of the rows that a group has */
export default async function estimateGroups({ training, data, seed, groups, shares }, { signal }) {
  const recorded = await recordTraining(training, { data, seed });
  const { record, query, validation, stream } = recorded;
  try {
    const rows = validation.x.shape[0];
    const [{ scores }] = await linearInfluence(record, [query], { signal });
    const found = [];
    for (const share of shares) {
      const subsets = Array.from({ length: groups }, () => [
        ...stream.choice(Math.round(share * rows), rows),
      ]);
      const ends = await retrainWithout(record, subsets, { signal });
      const removed = [];
      for (const [i, end] of ends.entries())
        removed.push({ rows: subsets[i], effect: await recorded.change(end) });
      found.push(subsetFidelity(scores, removed, stream).estimate);
    }
    return found;
  } finally {
    await recorded.dispose();
  }
}
