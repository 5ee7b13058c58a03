import { describe, expect, it } from "vitest";
import { adam } from "../../training/adam.ts";
import { crossEntropy } from "../../training/problem.ts";
import { differentiateRecord } from "../../training/record-adjoint.ts";
import { displacements } from "../../training/record-tangent.ts";
import { replay } from "../../training/replay.ts";
import { retrainWithout } from "../../training/retrain.ts";
import { rowFunctions } from "../../training/row-functions.ts";
import { sgd } from "../../training/sgd.ts";
import { linearInfluence } from "./influence.ts";
import { lossQuery } from "./query.ts";
import {
  distance,
  examplesOf,
  flattened,
  noVectors,
  readVectors,
  recordOf,
  trainingOf,
  unflattened,
  type Vectors,
} from "./vectors.testing.ts";

function inner(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);
}

const everyRow = ({ Y }: Vectors): number[] => Y.map((_, row) => row);

describe.skipIf(noVectors !== undefined)("the reference numbers (skipped where they are absent)", () => {
  for (const name of ["logreg", "tanh2layer"]) {
    const vectors = noVectors === undefined ? readVectors(name) : ({} as Vectors);
    const tolerance = 1e-12;

    it(`${name}: trajectory, query and influence, with and without curvature`, async () => {
      const record = await recordOf(trainingOf(vectors));
      for (const [step, theta] of vectors.theta_trace.entries())
        expect(distance(flattened((await replay(record, step)).parameters), theta)).toBeLessThan(tolerance);
      const query = await lossQuery(record, examplesOf(vectors.X_val, vectors.Y_val));
      expect(distance(flattened(query), vectors.u)).toBeLessThan(tolerance);
      const [all, last, lastTwo, flat] = await Promise.all([
        linearInfluence(record, [query]),
        linearInfluence(record, [query], { lastEpochs: 1 }),
        linearInfluence(record, [query], { lastEpochs: 2 }),
        linearInfluence(record, [query], { curvature: "none" }),
      ]);
      expect(distance(all[0]?.scores ?? [], vectors.influence_lie)).toBeLessThan(tolerance);
      expect(distance(last[0]?.scores ?? [], vectors.influence_lie_last_1_epoch)).toBeLessThan(tolerance);
      expect(distance(lastTwo[0]?.scores ?? [], vectors.influence_lie_last_2_epochs)).toBeLessThan(tolerance);
      expect(distance(flat[0]?.scores ?? [], vectors.influence_nohess)).toBeLessThan(tolerance);
      const sums = all[0]?.byEpoch.reduce((sum, part) => sum.map((value, i) => value + (part[i] ?? 0)));
      expect(distance(sums ?? [], vectors.influence_lie)).toBeLessThan(tolerance);
    });

    it(`${name}: by the general graphs as by the loops of logistic regression`, async () => {
      const options = trainingOf(vectors);
      // Another criterion, of which nothing is known, though it is the same.
      const general = await recordOf({ ...options, criterion: (output, y) => crossEntropy(output, y) });
      const record = await recordOf(options);
      const query = await lossQuery(record, examplesOf(vectors.X_val, vectors.Y_val));
      for (const curvature of ["exact", "gauss-newton", "none"] as const) {
        const [a] = await linearInfluence(general, [query], { curvature });
        const [b] = await linearInfluence(record, [query], { curvature });
        expect(distance(a?.scores ?? [], b?.scores ?? [])).toBeLessThan(1e-13);
        expect(distance(a?.growth ?? [], b?.growth ?? [])).toBeLessThan(1e-13);
      }
      const removals = [[0], [3, 5, 6, 1], [], [2], [9, 10, 11, 8]];
      for (const normalize of ["drop", "renorm"] as const) {
        const ends = await retrainWithout(general, removals, { normalize });
        for (const [i, end] of (await retrainWithout(record, removals, { normalize })).entries())
          expect(distance(flattened(end), flattened(ends[i] ?? {}))).toBeLessThan(1e-13);
      }
    });

    it(`${name}: the query carried back to the start, two queries together`, async () => {
      const record = await recordOf(trainingOf(vectors));
      const query = unflattened((await replay(record, 0)).parameters, vectors.u);
      const other = unflattened(
        query,
        vectors.u.map((value) => Math.cos(50 * value)),
      );
      const scores = new Float64Array(vectors.Y.length);
      const [, start] = await differentiateRecord(record, [other, query], ({ batch, rows }) => {
        for (const [k, row] of batch.indices.entries())
          scores[Number(row)] = (scores[Number(row)] ?? 0) - (rows[1]?.[k] ?? 0);
      });
      expect(distance(flattened(start ?? {}), vectors.u_after_full_retrace)).toBeLessThan(tolerance);
      expect(distance(scores, vectors.influence_lie)).toBeLessThan(tolerance);
      const alone = await linearInfluence(record, [other]);
      const both = await linearInfluence(record, [other, query]);
      expect(distance(both[0]?.scores ?? [], alone[0]?.scores ?? [])).toBeLessThan(1e-13);
    });

    it(`${name}: whole displacements, plain and corrected`, async () => {
      const record = await recordOf(trainingOf(vectors));
      const rows = everyRow(vectors);
      for (const [correction, expected, influence] of [
        ["none", vectors.delta_lie, vectors.influence_lie],
        ["acc", vectors.delta_acc, vectors.influence_acc],
      ] as const) {
        const found = await displacements(record, rows, { correction });
        for (const [row, displacement] of found.entries()) {
          expect(distance(flattened(displacement), expected[row] ?? [])).toBeLessThan(tolerance);
          expect(Math.abs(inner(flattened(displacement), vectors.u) - (influence[row] ?? 0))).toBeLessThan(
            tolerance,
          );
        }
      }
    });

    it(`${name}: retraining without each row and without a group`, async () => {
      const record = await recordOf(trainingOf(vectors));
      const rows = everyRow(vectors).map((row) => [row]);
      const { variants } = vectors;
      const without = await retrainWithout(record, [...rows, variants.group_removed]);
      for (const [row] of rows.entries())
        expect(distance(flattened(without[row] ?? {}), vectors.theta_minus_j[row] ?? [])).toBeLessThan(
          tolerance,
        );
      expect(distance(flattened(without.at(-1) ?? {}), variants.group_theta)).toBeLessThan(tolerance);
      const group = variants.group_removed.reduce((sum, row) => sum + (vectors.influence_lie[row] ?? 0), 0);
      expect(Math.abs(group - variants.group_lie_sum)).toBeLessThan(tolerance);
      const renormed = await retrainWithout(record, rows, { normalize: "renorm" });
      for (const [row, end] of renormed.entries())
        expect(distance(flattened(end), variants.renorm[row] ?? [])).toBeLessThan(tolerance);

      const functions = rowFunctions(record, examplesOf(vectors.X_val, vectors.Y_val));
      const mean = async (parameters: (typeof without)[number]): Promise<number> => {
        const { losses } = await functions.losses(parameters);
        return losses.reduce((sum, loss) => sum + loss) / losses.length;
      };
      const end = await mean((await replay(record, record.lastStep)).parameters);
      expect(Math.abs(end - vectors.val_loss)).toBeLessThan(tolerance);
      for (const [row, expected] of vectors.influence_true_loss.entries())
        expect(Math.abs((await mean(without[row] ?? {})) - end - expected)).toBeLessThan(tolerance);
      await functions.dispose();
    });

    it(`${name}: a penalty that stays whole when a row leaves`, async () => {
      const { rowPenalty: weightDecay = 0, ...options } = trainingOf(vectors);
      const record = await recordOf({ ...options, optimizer: sgd({ weightDecay }) });
      const { reg_global: expected } = vectors.variants;
      expect(
        distance(flattened((await replay(record, record.lastStep)).parameters), expected.theta_T),
      ).toBeLessThan(tolerance);
      const ends = await retrainWithout(
        record,
        everyRow(vectors).map((row) => [row]),
      );
      for (const [row, end] of ends.entries())
        expect(distance(flattened(end), expected.theta_minus[row] ?? [])).toBeLessThan(tolerance);
    });

    it.each([
      ["momentum0.9", sgd({ momentum: 0.9 }), 1e-11],
      ["nesterov0.9", sgd({ momentum: 0.9, nesterov: true }), 1e-11],
      ["adam_lr0.05", adam(), 1e-9],
    ] as const)(`${name}: exact metagradients of %s`, async (kind, optimizer, most) => {
      const expected = vectors.metagradients[kind];
      const options = { ...trainingOf(vectors), optimizer };
      const record = await recordOf(kind === "adam_lr0.05" ? { ...options, schedule: 0.05 } : options);
      const end = (await replay(record, record.lastStep)).parameters;
      expect(distance(flattened(end), expected.theta_T)).toBeLessThan(most);
      const forward = await displacements(record, everyRow(vectors));
      const query = unflattened(end, vectors.u);
      const [influence] = await linearInfluence(record, [query]);
      const without = await retrainWithout(
        record,
        everyRow(vectors).map((row) => [row]),
      );
      for (const [row, slope] of expected.dtheta_dw.entries()) {
        expect(
          distance(
            flattened(forward[row] ?? {}),
            slope.map((value) => -value),
          ),
        ).toBeLessThan(most);
        expect(Math.abs((influence?.scores[row] ?? 0) + inner(slope, vectors.u))).toBeLessThan(most);
        expect(distance(flattened(without[row] ?? {}), expected.theta_minus[row] ?? [])).toBeLessThan(most);
      }
    });
  }
});
