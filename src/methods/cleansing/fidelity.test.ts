import { describe, expect, it } from "vitest";
import { randomStream } from "../../numeric/random.ts";
import { fidelity, subsetFidelity } from "./fidelity.ts";
import { noVectors, readJson, readVectors } from "./vectors.testing.ts";

interface Columns {
  readonly a: readonly number[];
  readonly b: readonly number[];
}

describe.skipIf(noVectors !== undefined)("the reference numbers (skipped where they are absent)", () => {
  it("Kendall's tau-b with ties, and Jaccard's index of the extremes", () => {
    const metrics = readJson<{
      readonly kendall: readonly (Columns & { readonly kendall_tau_b: number | null })[];
      readonly jaccard: readonly (Columns & { readonly k: number; readonly value: number })[];
    }>("metrics");
    for (const { a, b, kendall_tau_b: expected } of metrics.kendall) {
      const { tau } = fidelity(a, b);
      if (expected === null) expect(tau).toBeUndefined();
      else expect(Math.abs((tau ?? Number.NaN) - expected)).toBeLessThan(1e-12);
    }
    for (const { a, b, k, value } of metrics.jaccard)
      expect(Math.abs(fidelity(a, b, { k }).jaccard - value)).toBeLessThan(1e-12);
    expect(metrics.kendall.length + metrics.jaccard.length).toBeGreaterThan(8);
  });

  it.each(["logreg", "tanh2layer"])("the metrics of %s", (name) => {
    const vectors = readVectors(name);
    const scores = {
      lie: vectors.influence_lie,
      acc: vectors.influence_acc,
      nohess: vectors.influence_nohess,
      last1: vectors.influence_lie_last_1_epoch,
      koh_liang: vectors.koh_liang.influence,
    };
    for (const [method, predicted] of Object.entries(scores)) {
      const expected = vectors.metrics[method];
      const linear = fidelity(predicted, vectors.influence_true_linear, { k: 3 });
      const loss = fidelity(predicted, vectors.influence_true_loss, { k: 3 });
      for (const [found, value] of [
        [linear.tau, expected?.kendall_tau_b_vs_true_linear],
        [loss.tau, expected?.kendall_tau_b_vs_true_loss],
        [loss.jaccard, expected?.jaccard_k3_vs_true_loss],
        [linear.rmse, expected?.rmse_vs_true_linear],
      ])
        expect(Math.abs((found ?? Number.NaN) - (value ?? Number.NaN))).toBeLessThan(1e-12);
    }
  });
});

it("has the sign of the bias, and no order where nothing varies", () => {
  const { bias, rmse, tau, spearman, jaccard } = fidelity([2, 2, 2, 2], [1, 1, 1, 3], { k: 1 });
  expect({ bias, rmse, tau, spearman, jaccard }).toEqual({
    bias: 0.5,
    rmse: 1,
    tau: undefined,
    spearman: undefined,
    jaccard: 1,
  });
  expect(fidelity([1, 2, 3], [30, 20, 10]).spearman).toBeCloseTo(-1, 12);
});

it("ranks the effects of removing subsets by the sums of their scores", () => {
  const stream = randomStream(4);
  const scores = stream.normal(40);
  const subsets = Array.from({ length: 30 }, () => {
    const rows = [...new Set(stream.integers(6, 0, 40))];
    return { rows, effect: rows.reduce((sum, row) => sum + (scores[row] ?? 0), 0) };
  });
  expect(subsetFidelity(scores, subsets, randomStream(1), { resamples: 50 })?.estimate).toBeCloseTo(1, 12);
  const noise = stream.normal(30, 0, 3);
  const blurred = subsets.map(({ rows, effect }, i) => ({ rows, effect: effect + (noise[i] ?? 0) }));
  const found = subsetFidelity(scores, blurred, randomStream(1), { resamples: 500 });
  expect(found?.estimate).toBeGreaterThan(0.3);
  expect(found?.low).toBeLessThan(found?.estimate ?? 0);
  expect(found?.high).toBeGreaterThan(found?.estimate ?? 1);
  expect(
    subsetFidelity(
      scores,
      subsets.map(({ rows }) => ({ rows, effect: 1 })),
      randomStream(1),
    ),
  ).toBeUndefined();
  expect(() => subsetFidelity(scores, [...subsets, { rows: [40], effect: 0 }], randomStream(1))).toThrow(
    "row 40 is not one of the 40",
  );
});

it("refuses columns that do not go together", () => {
  expect(() => fidelity([1, 2], [1])).toThrow("columns of 2 and 1 numbers");
  expect(() => fidelity([1, Number.NaN], [1, 2])).toThrow("number 1 of a column is NaN");
  expect(() => fidelity([1, 2], [1, 2], { k: 0 })).toThrow("k 0 is not");
});
