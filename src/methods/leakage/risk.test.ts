import { describe, expect, it } from "vitest";
import type { NDArray } from "../../engine/ndarray.ts";
import * as tree from "../../engine/tree.ts";
import { lenet } from "../../models/lenet.ts";
import { type Named, subtreeAt } from "../../models/model.ts";
import { randomStream } from "../../numeric/random.ts";
import { addGaussianNoise } from "./defences/noise.ts";
import { sentEntries } from "./defences/prune.ts";
import { leakageRisk, riskStatement } from "./risk.ts";
import { sharedGradient } from "./shared-gradient.ts";
import { double, tinyNetwork } from "./tiny-network.testing.ts";

const entries = (gradient: Named<NDArray>): number[] =>
  (tree.leaves(gradient) as NDArray[]).flatMap(({ data }) => Array.from(data as Float64Array));

describe("leakageRisk", () => {
  const model = tinyNetwork({ inputs: 6, hidden: 5, classes: 3, activation: "sigmoid" });
  const [weights, images, noises] = randomStream(8).spawn(3);
  if (weights === undefined || images === undefined || noises === undefined) throw new Error("three streams");
  const parameters = model.init(weights, "float64");
  const pixels = images.uniform(6);
  const x = double(pixels, [1, 6]);
  const shared = (at: Float64Array) =>
    sharedGradient({ model, parameters, x: double(at, [1, 6]), labels: [1], dtype: "float64" });

  /** ∂g/∂x by central differences, column by column. */
  async function jacobian(): Promise<number[][]> {
    const columns: number[][] = [];
    for (let i = 0; i < 6; i++) {
      const at = async (by: number): Promise<number[]> =>
        entries(await shared(pixels.map((pixel, k) => (k === i ? pixel + by : pixel))));
      const [plus, minus] = [await at(1e-5), await at(-1e-5)];
      columns.push(plus.map((value, k) => (value - (minus[k] ?? 0)) / 2e-5));
    }
    return columns;
  }

  it("has the trace and the determinant of JᵀJ by central differences", async () => {
    const columns = await jacobian();
    const risk = await leakageRisk({ model, parameters, x, labels: [1] });
    expect(risk.unknowns).toBe(6);
    expect(risk.equations).toBe(5 * 6 + 5 + 3 * 5 + 3);
    const trace = columns.reduce((sum, column) => sum + column.reduce((s, v) => s + v * v, 0), 0);
    expect(risk.eigenvalues.reduce((sum, value) => sum + value, 0)).toBeCloseTo(trace, 8);
    expect(risk.undetermined).toBe(0);
    await risk.dispose();
  });

  it("predicts the mean square of the linear errors, which solve the normal equations", async () => {
    const columns = await jacobian();
    const risk = await leakageRisk({ model, parameters, x, labels: [1] });
    const zero = tree.map(
      (array: NDArray) => double(new Float64Array(array.data.length), array.shape),
      parameters,
    ) as Named<NDArray>;
    let [total, squares] = [0, 0];
    const draws = 400;
    for (let draw = 0; draw < draws; draw++) {
      const noise = addGaussianNoise(zero, { scale: 1e-3 }, noises);
      const error = await risk.linearError(noise);
      const mse = error.reduce((sum, value) => sum + value * value, 0) / 6;
      total += mse / draws;
      squares += mse ** 2 / draws;
      if (draw > 0) continue;
      // Jᵀ (J e − noise) = 0.
      const off = entries(noise).map(
        (value, k) => columns.reduce((sum, column, i) => sum + (column[k] ?? 0) * (error[i] ?? 0), 0) - value,
      );
      for (const column of columns)
        expect(Math.abs(column.reduce((sum, value, k) => sum + value * (off[k] ?? 0), 0))).toBeLessThan(1e-9);
    }
    expect(total / risk.predictedMse(1e-3)).toBeGreaterThan(0.85);
    expect(total / risk.predictedMse(1e-3)).toBeLessThan(1.15);
    // The spread over the draws is the one foretold: its own relative standard error is about √(κ / draws), κ of a few.
    const spread = Math.sqrt(squares - total ** 2) / total;
    expect(spread / risk.relativeSpread(1)).toBeGreaterThan(0.75);
    expect(spread / risk.relativeSpread(1)).toBeLessThan(1.25);
    expect(risk.relativeSpread(4)).toBeCloseTo(risk.relativeSpread(1) / 2, 12);
    expect(riskStatement(risk, 1e-3)).toContain("Cramér-Rao");
    await risk.dispose();
  });

  it("says how many directions are not determined where too little is sent", async () => {
    const gradient = await shared(pixels);
    const zeros = (array: NDArray) => double(new Float64Array(array.data.length), array.shape);
    // The last layer alone tells of five hidden units, not of six pixels.
    const mask = sentEntries({
      hidden: tree.map(zeros, subtreeAt(gradient, "hidden")),
      output: subtreeAt(gradient, "output"),
    });
    const risk = await leakageRisk({ model, parameters, x, labels: [1], mask });
    expect(risk.equations).toBe(18);
    expect(risk.undetermined).toBe(1);
    expect(risk.predictedMse(1e-3)).toBe(Number.POSITIVE_INFINITY);
    expect(riskStatement(risk, 1e-3)).toContain("1 of 6 directions");
    await expect(risk.linearError(gradient)).rejects.toThrow("1 of 6 directions");
    await risk.dispose();
  });

  it("takes LeNet's digits", async () => {
    const network = lenet({ channels: 1 });
    const [w, p] = randomStream(1234).spawn(2);
    if (w === undefined || p === undefined) throw new Error("two streams");
    const digit = double(p.uniform(784), [1, 1, 28, 28]);
    const risk = await leakageRisk({
      model: network,
      parameters: network.init(w, "float64"),
      x: digit,
      labels: [5],
    });
    expect(risk.undetermined).toBe(0);
    // Other images and networks of this kind: 6e-5 to 9.3e-5.
    expect(risk.predictedMse(1e-3)).toBeGreaterThan(2e-5);
    expect(risk.predictedMse(1e-3)).toBeLessThan(3e-4);
    expect(risk.predictedMse(1e-2) / risk.predictedMse(1e-3)).toBeCloseTo(100, 8);
    await risk.dispose();
  });
});
