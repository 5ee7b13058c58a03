import { describe, expect, it } from "vitest";
import { ndarray } from "../../engine/ndarray.ts";
import type { TrainingRecord } from "../../training/record.ts";
import { displacements } from "../../training/record-tangent.ts";
import { replay } from "../../training/replay.ts";
import { retrainWithout } from "../../training/retrain.ts";
import { recordedGradientNorms } from "../../training/row-gradient-norms.ts";
import { sgd } from "../../training/sgd.ts";
import { errorBounds, logisticConstants } from "./error-bound.ts";
import { flattened, noVectors, readVectors, recordOf, trainingOf, type Vectors } from "./vectors.testing.ts";

const length = (v: readonly number[]): number => Math.hypot(...v);
const minus = (a: readonly number[], b: readonly number[]): number[] => a.map((v, i) => v - (b[i] ?? 0));

/** For each row, how far retraining moves the parameters, and how far the estimate is from that. */
async function found(record: TrainingRecord, correction: "none" | "acc", count: number) {
  const rows = Array.from({ length: count }, (_, row) => row);
  const end = flattened((await replay(record, record.lastStep)).parameters);
  const estimates = await displacements(record, rows, { correction });
  const without = await retrainWithout(
    record,
    rows.map((row) => [row]),
  );
  return rows.map((row) => {
    const moved = minus(flattened(without[row] ?? {}), end);
    return { moved: length(moved), error: length(minus(moved, flattened(estimates[row] ?? {}))) };
  });
}

describe.skipIf(noVectors !== undefined)("the logistic reference (skipped where it is absent)", () => {
  const vectors = noVectors === undefined ? readVectors("logreg") : ({} as Vectors);
  const { bounds } = vectors;
  const constants =
    noVectors === undefined
      ? logisticConstants(ndarray(vectors.X.flat(), [16, 3], "float64"), vectors.alpha)
      : { largest: 0, lipschitz: 0, smallest: 0 };

  it("has the constants and, for one epoch, the bounds", async () => {
    expect(Math.abs(constants.smallest - (bounds?.lambda ?? 0))).toBeLessThan(1e-12);
    expect(Math.abs(constants.largest - (bounds?.Lambda ?? 0))).toBeLessThan(1e-12);
    expect(Math.abs(constants.lipschitz - (bounds?.hessian_lipschitz ?? 0))).toBeLessThan(1e-12);
    const record = await recordOf({ ...trainingOf(vectors), steps: 4, schedule: bounds?.lr ?? 0 });
    const all = await errorBounds(record, constants);
    const real = await found(record, "none", 16);
    expect(all).toHaveLength(bounds?.rows.length ?? 0);
    for (const [row, expected] of (bounds?.rows ?? []).entries()) {
      const { paper, triangle, posterior, displacement } = all[row] ?? {};
      for (const [value, name] of [
        [paper, "paper_bound"],
        [triangle, "triangle_bound"],
        [posterior, "posterior_bound"],
        [real[row]?.error, "actual_error"],
        [real[row]?.moved, "actual_norm"],
      ] as const)
        expect(Math.abs((value ?? Number.NaN) - (expected[name] ?? Number.NaN))).toBeLessThan(1e-12);
      // A row whose only step is the last has no error but rounding's.
      expect(posterior ?? -1).toBeGreaterThanOrEqual((real[row]?.error ?? 0) - 1e-15);
      expect(posterior ?? 1).toBeLessThanOrEqual(paper ?? 0);
      expect(displacement ?? 0).toBeGreaterThanOrEqual((real[row]?.moved ?? 0) - 1e-15);
    }
  });

  it("is never below the real error of three epochs, convex or not said to be, plain or corrected", async () => {
    const record = await recordOf(trainingOf(vectors));
    const { largest, lipschitz } = constants;
    for (const correction of ["none", "acc"] as const) {
      const real = await found(record, correction, 16);
      const all = await errorBounds(record, { ...constants, correction });
      const loose = await errorBounds(record, { largest, lipschitz, correction });
      for (const [row, { moved, error }] of real.entries()) {
        expect(all[row]?.posterior ?? 0).toBeGreaterThanOrEqual(error);
        expect(all[row]?.displacement ?? 0).toBeGreaterThanOrEqual(moved);
        expect(loose[row]?.posterior ?? 0).toBeGreaterThanOrEqual(all[row]?.posterior ?? Infinity);
        expect(all[row]).not.toHaveProperty("paper");
      }
      const ratios = real.map(({ error }, row) => error / (all[row]?.posterior ?? 0));
      expect(Math.max(...ratios)).toBeGreaterThan(1e-3);
    }
    const [plain] = await errorBounds(record, { ...constants, rows: [7] });
    const [corrected] = await errorBounds(record, { ...constants, rows: [7], correction: "acc" });
    expect(plain?.row).toBe(7);
    expect(corrected?.posterior).toBeLessThan(plain?.posterior ?? 0);
  });

  it("goes by the gradients of the rows, penalties included", async () => {
    const { X, Y, alpha, theta_trace: trace, lrs } = vectors;
    const record = await recordOf(trainingOf(vectors));
    let steps = 0;
    for await (const { step, batch, norms, learningRate } of recordedGradientNorms(record)) {
      const theta = trace[step] ?? [];
      expect(learningRate).toBe(lrs[step]);
      for (const [k, row] of batch.indices.entries()) {
        const x = [...(X[Number(row)] ?? []), 1];
        const logit = x.reduce((sum, value, i) => sum + value * (theta[i] ?? 0), 0);
        const residual = 1 / (1 + Math.exp(-logit)) - (Y[Number(row)] ?? 0);
        const gradient = x.map((value, i) => residual * value + alpha * (theta[i] ?? 0));
        expect(Math.abs((norms[k] ?? 0) - length(gradient))).toBeLessThan(1e-13);
      }
      steps++;
    }
    expect(steps).toBe(12);
  });

  it("refuses what it does not hold for", async () => {
    const options = trainingOf(vectors);
    const record = await recordOf({ ...options, optimizer: sgd({ momentum: 0.5 }) });
    await expect(errorBounds(record, constants)).rejects.toThrow(
      "by SGD with momentum 0.5; expected plain SGD",
    );
    const clipped = await recordOf({ ...options, clip: { globalNorm: 1 } });
    await expect(errorBounds(clipped, constants)).rejects.toThrow("by SGD with clipping; expected plain SGD");
    const plain = await recordOf(options);
    await expect(errorBounds(plain, { ...constants, rows: [16] })).rejects.toThrow("16 is not one of the 16");
    await expect(errorBounds(plain, { ...constants, smallest: 99 })).rejects.toThrow("smallest 99 is not");
  });
});
