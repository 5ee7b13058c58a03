import { expect, it } from "vitest";
import { randomStream } from "../../numeric/random.ts";
import { fidelity } from "./fidelity.ts";
import { verifiedFidelities } from "./verified-fidelity.ts";

const scores = [-5, -4, -3, -2, -1, 1, 2, 3, 4, 5];
const retrained = new Map(scores.map((score, row) => [row, row === 7 ? 0 : score + 0.5]));
const ranking = {
  ...{ scores, retrained, harmful: [0, 1, 2], random: [9, 3, 7, 5, 6] },
  refined: new Map([...retrained].map(([row, effect]) => [row, effect + 1e-3])),
  resampling: randomStream(3),
};

it("measures each prediction, with an interval among the rows drawn at random alone", () => {
  const found = verifiedFidelities(ranking);
  expect(found.map(({ prediction, among, rows, k }) => [prediction, among, rows, k])).toEqual([
    ["score", "drawn at random", 5, 1],
    ["score", "all verified", 8, 2],
    ["corrected", "drawn at random", 5, 1],
    ["corrected", "all verified", 8, 2],
  ]);
  const rows = [9, 3, 7, 5, 6];
  const expected = fidelity(
    rows.map((row) => scores[row] ?? 0),
    rows.map((row) => retrained.get(row) ?? 0),
    { k: 1 },
  );
  expect(found[0]).toMatchObject(expected);
  expect(found[0]?.tauLow).toBeLessThan(found[0]?.tau ?? 0);
  expect(found[1]).not.toHaveProperty("tauLow");
  expect(found[2]?.rmse).toBeCloseTo(1e-3, 12);
});

it("says nothing of a few rows, nor of predictions that are not there", () => {
  expect(verifiedFidelities({ ...ranking, harmful: [0], random: [1, 2] })).toEqual([]);
  const { refined: _, ...others } = ranking;
  const scoresAlone = verifiedFidelities({ ...others, refined: new Map([[9, 1]]) });
  expect(scoresAlone.map(({ prediction }) => prediction)).toEqual(["score", "score"]);
});
