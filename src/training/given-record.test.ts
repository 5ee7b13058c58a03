import { expect, it } from "vitest";
import { ndarray } from "../engine/ndarray.ts";
import { recordGivenTraining } from "./given-record.ts";
import { replay } from "./replay.ts";
import { recordedGradientNorms } from "./row-gradient-norms.ts";
import { sgd } from "./sgd.ts";
import { smallMlp, twoClasses } from "./train.testing.ts";
import { train } from "./train.ts";
import { ravelArrays } from "./trees.ts";

const data = twoClasses(12, 3, 5, "float64");
const model = smallMlp(3, 4);
const common = { model, data, dtype: "float64", optimizer: sgd({ momentum: 0.9 }) } as const;

async function known() {
  const { record } = await train({
    ...common,
    batchSize: 4,
    epochs: 2,
    schedule: 0.1,
    seed: 3,
    record: { states: "all" },
  });
  if (record === undefined) throw new Error("record was asked for");
  const states: Float64Array[] = [];
  for (let step = 0; step <= record.lastStep; step++)
    states.push(ravelArrays((await replay(record, step)).parameters));
  return { record, states };
}

const flat = (values: Float64Array | undefined) =>
  values === undefined ? undefined : ndarray(values, [values.length], "float64");

it("keeps the given states to the bit, and computes the optimiser's along them", async () => {
  const { record, states } = await known();
  const { batches, learningRates } = record;
  // As another machine would round.
  const rounded = states.map((state, step) => state.map((v) => v * (step === 3 ? 1 + 2 ** -52 : 1)));
  const stateAt = async (step: number) => flat(rounded[step]);
  const given = await recordGivenTraining({ ...common, batches, learningRates, stateAt });
  for (const [step, state] of rounded.entries())
    expect(ravelArrays((await replay(given, step)).parameters)).toEqual(state);
  const [ours, theirs] = await Promise.all([given, record].map((each) => replay(each, 5)));
  const velocity = ravelArrays(theirs?.optimizer ?? {});
  expect(velocity.length).toBe(26);
  for (const [i, value] of ravelArrays(ours?.optimizer ?? {}).entries())
    expect(Math.abs(value - (velocity[i] ?? 0))).toBeLessThan(1e-14);
});

it("accepts a difference up to the tolerance, and names the step beyond it", async () => {
  const { record, states } = await known();
  const { batches, learningRates } = record;
  const off = states.map((state, step) => (step === 2 ? state.map((v) => v * (1 + 1e-6)) : state));
  const options = { ...common, batches, learningRates, stateAt: async (step: number) => flat(off[step]) };
  await expect(recordGivenTraining(options)).rejects.toThrow(
    /^the given training: step 1 of 6 does not lead to the state after it/,
  );
  await recordGivenTraining({ ...options, tolerance: 1e-3 });
  await expect(recordGivenTraining({ ...options, record: { budget: 1000 } })).rejects.toThrow(
    /the record would take \d+ bytes for 7 states/,
  );
  await expect(recordGivenTraining({ ...options, stateAt: async () => undefined })).rejects.toThrow(
    "the state before step 0 is not given",
  );
  await expect(recordGivenTraining({ ...options, learningRates: [0.1] })).rejects.toThrow(
    "6 batches and 1 learning rates",
  );
});

it("has no gradients of rows where steps have inputs", async () => {
  const inputs = (_: number, indices: Int32Array) => ({
    hidden: ndarray(new Float64Array(indices.length * 4).fill(1), [indices.length, 4], "float64"),
  });
  const { record } = await train({ ...common, inputs, batchSize: 4, steps: 2, schedule: 0.1, record: {} });
  if (record === undefined) throw new Error("record was asked for");
  await expect(recordedGradientNorms(record).next()).rejects.toThrow("inputs of their own");
});
