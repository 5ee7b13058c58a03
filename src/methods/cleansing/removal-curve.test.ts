import { describe, expect, it } from "vitest";
import { itemAt } from "../../engine/lists.ts";
import { ndarray } from "../../engine/ndarray.ts";
import { randomStream } from "../../numeric/random.ts";
import { momentsOf } from "../../numeric/statistics/moments.ts";
import type { Kept } from "../../runs/workers/kept-results.ts";
import { examplesAt } from "../../training/problem.ts";
import { retrainWithout } from "../../training/retrain.ts";
import { linearInfluence } from "./influence.ts";
import { lossQuery } from "./query.ts";
import { mostHarmful } from "./rankings.ts";
import { type RemovalCurveRequest, removalCurve } from "./removal-curve.ts";
import { ownLosses } from "./row-scores.ts";
import { testResult } from "./test-result.ts";
import { type TrainingSetup, trainingOptions, trainRecorded } from "./training-setup.ts";

const rows = 24;

function examples(count: number, seed: number) {
  const x = randomStream(seed).normal(count * 2);
  const y = Array.from({ length: count }, (_, i) =>
    Number((x[2 * i] ?? 0) + 0.5 * (x[2 * i + 1] ?? 0) > 0.2),
  );
  return { x: ndarray(x, [count, 2], "float64"), y: ndarray(y, [count], "int64") };
}

const setup: TrainingSetup = {
  ...{ model: "logistic", inputShape: [2], classNames: ["a", "b"], dtype: "float64", rowPenalty: 0.01 },
  ...{ epochs: 3, batch: 5, learningRate: 0.4, optimizer: "sgd", momentum: 0.9 },
};
const parts = { train: examples(rows, 1), validation: examples(20, 2), test: examples(30, 3) };
const request: RemovalCurveRequest = {
  ...{ setup, parts, rankings: ["influence", "random", "loss"], remove: [1, 4], repeats: 3 },
  ...{ stream: randomStream(6), threads: 1 },
};
const curveOf = (change: Partial<RemovalCurveRequest> = {}) =>
  removalCurve({ ...request, stream: randomStream(6), ...change });

/** The training of a repeat on some of the rows. */
async function trainedOn(repeat: number, left: readonly number[]) {
  const [training] = randomStream(6).spawn(2);
  const stream = itemAt(itemAt([training], 0).spawn(3), repeat);
  const options = await trainingOptions(setup, examplesAt(parts.train, left), { stream });
  return trainRecorded(options, { states: "all" });
}

const all = Array.from({ length: rows }, (_, row) => row);
const without = (removed: readonly number[]) => all.filter((row) => !removed.includes(row));

/** What influence and losses say of a training's rows. */
async function orders({ record }: Awaited<ReturnType<typeof trainedOn>>) {
  const [influence] = await linearInfluence(record, [await lossQuery(record, parts.validation)]);
  const losses = await ownLosses(record);
  return { influence: mostHarmful(influence?.scores ?? []), loss: mostHarmful(losses.map((loss) => -loss)) };
}

describe("a removal curve", () => {
  it("is that of trainings with the same seeds on the rows that are left", async () => {
    const { base, points } = await curveOf();
    expect(points.map(({ ranking, removed }) => [ranking, removed])).toEqual(
      ["influence", "random", "loss"].flatMap((name) => [
        [name, 1],
        [name, 4],
      ]),
    );
    for (const repeat of [0, 2]) {
      const usual = await trainedOn(repeat, all);
      expect(base[repeat]).toEqual(await testResult(usual.record, usual.parameters, parts.test));
      const found = await orders(usual);
      for (const ranking of ["influence", "loss"] as const)
        for (const removed of [1, 4]) {
          const { record, parameters } = await trainedOn(repeat, without(found[ranking].slice(0, removed)));
          const point = points.find((each) => each.ranking === ranking && each.removed === removed);
          expect(point?.results[repeat]).toEqual(await testResult(record, parameters, parts.test));
        }
    }
  });

  it("compares in pairs, with the base and with as many rows at random", async () => {
    const { base, points } = await curveOf();
    const meanOf = (values: readonly number[]): number => momentsOf(values).mean;
    const baseLoss = meanOf(base.map(({ loss }) => loss));
    for (const { ranking, removed, results, loss, lossChange, errorChange, againstRandom } of points) {
      expect(results).toHaveLength(3);
      expect(loss.estimate).toBeCloseTo(meanOf(results.map((each) => each.loss)), 14);
      expect(lossChange.estimate).toBeCloseTo(loss.estimate - baseLoss, 14);
      const changes = results.map((each, i) => each.error - (base[i]?.error ?? Number.NaN));
      expect(errorChange.estimate).toBeCloseTo(meanOf(changes), 14);
      expect(lossChange.low).toBeLessThan(lossChange.estimate);
      const control = points.find((each) => each.ranking === "random" && each.removed === removed);
      if (ranking === "random") expect(againstRandom).toBeUndefined();
      else
        expect(againstRandom?.loss.estimate).toBeCloseTo(
          loss.estimate - (control?.loss.estimate ?? Number.NaN),
          14,
        );
    }
    // Each repeat draws rows and starts of its own.
    expect(new Set(base.map(({ loss }) => loss)).size).toBe(3);
    const [alone] = (await curveOf({ rankings: ["loss"] })).points;
    expect(alone).not.toHaveProperty("againstRandom");
  });

  it("ranks what is left again in each further round", async () => {
    const { points } = await curveOf({ rankings: ["influence"], remove: [4], rounds: 2 });
    const [first, second] = (await orders(await trainedOn(1, all))).influence;
    const left = without([first ?? 0, second ?? 0]);
    const again = await orders(await trainedOn(1, left));
    const further = again.influence.slice(0, 2).map((place) => itemAt(left, place));
    const { record, parameters } = await trainedOn(1, without([first ?? 0, second ?? 0, ...further]));
    expect(points[0]?.results[1]).toEqual(await testResult(record, parameters, parts.test));
  });

  it("goes on from the start of the last epoch where asked", async () => {
    const { points } = await curveOf({ rankings: ["influence"], remove: [4], retrain: "last-epoch" });
    const usual = await trainedOn(1, all);
    const rows = (await orders(usual)).influence.slice(0, 4);
    const [end] = await retrainWithout(usual.record, [rows], { lastEpochs: 1, normalize: "renorm" });
    const expected = await testResult(usual.record, itemAt([end], 0), parts.test);
    const found = points[0]?.results[1];
    expect(found?.loss).toBeCloseTo(expected.loss, 12);
    expect(found?.error).toBe(expected.error);
    // 3 epochs of 5 batches: the parameters before the last are those of the training with all rows.
    const { parameters } = await trainedOn(1, without(rows));
    expect((await testResult(usual.record, parameters, parts.test)).loss).not.toBeCloseTo(expected.loss, 4);
  });

  it("does nothing twice that was kept, and tells how far it is", async () => {
    const keeping = <Result>(
      finished: ReadonlyMap<number, Result>,
    ): Kept<Result> & { list: Map<number, Result> } => {
      const list = new Map<number, Result>();
      return { finished, list, keep: (place, result) => void list.set(place, result) };
    };
    const whole = { rankings: keeping(new Map()), trainings: keeping(new Map()) };
    const usual = await curveOf({ kept: whole });
    expect([whole.rankings.list.size, whole.trainings.list.size]).toEqual([3, 18]);
    const rest = {
      rankings: keeping(new Map([...whole.rankings.list].slice(0, 3))),
      trainings: keeping(new Map([...whole.trainings.list].slice(4, 17))),
    };
    const told: number[][] = [];
    const resumed = await curveOf({ kept: rest, onProgress: (done, total) => told.push([done, total]) });
    expect(resumed).toEqual(usual);
    expect([rest.rankings.list.size, rest.trainings.list.size]).toEqual([0, 5]);
    expect(told).toEqual([17, 18, 19, 20, 21].map((done) => [done, 21]));
  });

  it("needs two repeats and a batch of rows", async () => {
    await expect(curveOf({ repeats: 1 })).rejects.toThrow(/1 repeats have no spread; expected at least 2/);
    await expect(curveOf({ remove: [20] })).rejects.toThrow(
      /20 of 24 rows deleted leave fewer than a batch of 5/,
    );
  });
});
