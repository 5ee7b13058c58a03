import { describe, expect, it } from "vitest";
import { type NDArray, ndarray, toNumbers } from "../engine/ndarray.ts";
import * as op from "../engine/ops/index.ts";
import { lenet } from "../models/lenet.ts";
import { randomStream } from "../numeric/random.ts";
import { adam, adamW } from "./adam.ts";
import { DivergenceError } from "./divergence.ts";
import { trainFullBatch } from "./full-batch.ts";
import { type Batch, epochShuffling, givenBatches, withReplacement } from "./sampler.ts";
import { cosineDecay, linearWarmup } from "./schedule.ts";
import { sgd } from "./sgd.ts";
import { largestDifference, normalizedLinear, smallMlp, twoClasses } from "./train.testing.ts";
import { train } from "./train.ts";
import type { TrainModelOptions } from "./train-options.ts";
import type { TrainingState } from "./training-state.ts";

const data = twoClasses(70, 5, 3, "float32");
const heldOut = twoClasses(45, 5, 3, "float32");
const base: TrainModelOptions = {
  model: smallMlp(5),
  data,
  batchSize: 16,
  epochs: 6,
  seed: 5,
  optimizer: adam({ weightDecay: 1e-3 }),
  schedule: linearWarmup(cosineDecay({ initial: 0.05, steps: 25 }), { steps: 5 }),
  compile: { threads: 1 },
};

describe("train", () => {
  it("gives the same bits for any number of steps in a call, and whatever looks in between", async () => {
    const whole = await train({ ...base, stepsPerCall: Number.POSITIVE_INFINITY });
    expect(whole.status).toBe("done");
    expect(whole.losses).toHaveLength(30);
    for (const stepsPerCall of [1, 7, undefined]) {
      const other = await train({ ...base, ...(stepsPerCall === undefined ? {} : { stepsPerCall }) });
      expect(other.state).toEqual(whole.state);
      expect(other.losses).toEqual(whole.losses);
    }
    const watched = await train({
      ...base,
      evaluate: { data: heldOut, every: 4 },
      hooks: [{ at: [0, 3, 17], run: () => {} }],
      record: { states: "sqrt" },
    });
    await watched.record?.dispose();
    expect(watched.parameters).toEqual(whole.parameters);
    expect(watched.losses).toEqual(whole.losses);
    expect(watched.losses.at(-1)).toBeLessThan(watched.losses[0] ?? 0);
  });

  it("goes on from a checkpoint, and from an abort, to the same bits", async () => {
    const states: TrainingState[] = [];
    const options = {
      ...base,
      sampler: epochShuffling,
      evaluate: { data: heldOut, every: 5 },
      stopping: { patience: 4 },
      checkpoint: { every: 7, save: (state: TrainingState) => void states.push(state) },
    };
    const whole = await train(options);
    expect(states.map(({ step }) => step)).toEqual([7, 14, 21, 28]);
    for (const state of states) {
      const rest = await train({ ...options, resume: structuredClone(state) });
      expect(rest.firstStep).toBe(state.step);
      expect(rest.state).toEqual(whole.state);
      expect(rest.parameters).toEqual(whole.parameters);
      expect(rest.losses).toEqual(whole.losses.slice(state.step));
      expect(rest.evaluations).toEqual(whole.evaluations.filter(({ step }) => step > state.step));
    }

    const controller = new AbortController();
    const broken = await train({
      ...base,
      stepsPerCall: 3,
      signal: controller.signal,
      onProgress: ({ step }) => step >= 9 && controller.abort(),
    });
    expect(broken.status).toBe("aborted");
    expect(broken.state.step).toBe(9);
    const rest = await train({ ...base, resume: broken.state });
    const plain = await train(base);
    expect(rest.parameters).toEqual(plain.parameters);
    expect([...broken.losses, ...rest.losses]).toEqual([...plain.losses]);
  });

  it("brings logistic regression to the optimum that L-BFGS finds", async () => {
    const { x, y } = twoClasses(60, 4, 8, "float64");
    const problem = {
      loss: (
        { w, b }: { w: ReturnType<typeof op.zeros>; b: ReturnType<typeof op.zeros> },
        batch: { x: ReturnType<typeof op.zeros>; y: ReturnType<typeof op.zeros> },
      ) =>
        op.binaryCrossEntropyWithLogits(op.matmul(batch.x, w).add(b), batch.y.cast("float64"), {
          reduction: "none",
        }),
      parameters: {
        w: ndarray(new Float64Array(4)) as NDArray,
        b: ndarray(new Float64Array(1)) as NDArray,
      },
      data: { x, y },
    };
    const optimum = await trainFullBatch({
      ...problem,
      weightDecay: 0.05,
      toleranceGradient: 1e-11,
      toleranceChange: 0,
    });
    const inParts = await trainFullBatch({
      ...problem,
      weightDecay: 0.05,
      batchSize: 17,
      toleranceGradient: 1e-11,
      toleranceChange: 0,
    });
    expect(largestDifference(inParts.parameters, optimum.parameters)).toBeLessThan(1e-9);
    const { parameters } = await train({
      ...problem,
      batchSize: 60,
      steps: 3000,
      optimizer: adam({ weightDecay: 0.05 }),
      schedule: cosineDecay({ initial: 0.1, steps: 3000 }),
    });
    expect(largestDifference(parameters, optimum.parameters)).toBeLessThan(1e-8);
    // At the optimum the gradient of the mean loss is -lambda w: checked by hand, not by the engine.
    const { w, b } = optimum.parameters;
    const slope = new Float64Array(5);
    for (let i = 0; i < 60; i++) {
      let z = Number(b.data[0]);
      for (let k = 0; k < 4; k++) z += Number(x.data[4 * i + k]) * Number(w.data[k]);
      const residual = (1 / (1 + Math.exp(-z)) - Number(y.data[i])) / 60;
      for (let k = 0; k < 5; k++)
        slope[k] = (slope[k] ?? 0) + residual * (k < 4 ? Number(x.data[4 * i + k]) : 1);
    }
    for (let k = 0; k < 5; k++)
      expect((slope[k] ?? 0) + 0.05 * Number(k < 4 ? w.data[k] : b.data[0])).toBeCloseTo(0, 8);
  });

  it("weighs rows: 2 is as good as twice, 0 as absent with the divisor kept", async () => {
    const options = {
      ...base,
      data: twoClasses(12, 5, 4, "float64"),
      dtype: "float64" as const,
      steps: 9,
      optimizer: sgd({ momentum: 0.5 }),
      schedule: 0.2,
    };
    const { epochs: _, ...plain } = options;
    const weights = [2, 0, 1, 1, 0, 3, 1, 1, 1, 1, 1, 0];
    const weighted = await train({
      ...plain,
      weights,
      batchSize: 6,
      sampler: () =>
        givenBatches([
          [0, 1, 2, 3, 4, 6],
          [5, 7, 8, 11, 11, 1],
        ]),
    });
    const repeated = await train({
      ...plain,
      batchSize: 5,
      sampler: () =>
        givenBatches([
          { indices: Int32Array.of(0, 0, 2, 3, 6), weights: new Float64Array(5).fill(5 / 6) },
          { indices: BigInt64Array.of(5n, 5n, 5n, 7n, 8n), weights: new Float64Array(5).fill(5 / 6) },
        ]),
    });
    expect(largestDifference(weighted.parameters, repeated.parameters)).toBeLessThan(1e-14);
  });

  it("accumulates a batch in parts to the same step, with weights and a short last batch", async () => {
    const options = { ...base, data: twoClasses(70, 5, 3, "float64"), dtype: "float64" as const };
    const weights = randomStream(2).uniform(70);
    const whole = await train({ ...options, weights });
    const parts = await train({ ...options, weights, accumulate: 4 });
    expect(largestDifference(parts.parameters, whole.parameters)).toBeLessThan(1e-12);
    for (const [i, loss] of parts.losses.entries()) expect(loss).toBeCloseTo(whole.losses[i] ?? 0, 12);
  });

  it("carries the statistics of batch normalisation along, and evaluates with them", async () => {
    const { x, y } = twoClasses(32, 3, 6, "float64");
    const options = {
      model: normalizedLinear(3),
      data: { x, y },
      batchSize: 8,
      dtype: "float64" as const,
      schedule: 0.1,
      seed: 2,
    };
    const order: number[][] = [];
    const { buffers, parameters, state } = await train({
      ...options,
      epochs: 2,
      sampler: (context) => {
        const sampler = epochShuffling(context);
        return {
          ...sampler,
          next: (step) => {
            const batch = sampler.next(step) as Batch;
            order.push(Array.from(batch.indices, Number));
            return batch;
          },
        };
      },
    });
    const mean = [0, 0, 0];
    for (const rows of order)
      for (let k = 0; k < 3; k++) {
        const now = rows.reduce((sum, row) => sum + Number(x.data[3 * row + k]), 0) / rows.length;
        mean[k] = 0.9 * (mean[k] ?? 0) + 0.1 * now;
      }
    for (let k = 0; k < 3; k++) expect((buffers.mean as NDArray).data[k]).toBeCloseTo(mean[k] ?? 0, 12);
    const longer = await train({ ...options, epochs: 3 });
    const resumed = await train({ ...options, epochs: 3, resume: state });
    expect(resumed.state).toEqual(longer.state);
    const { evaluations } = await train({
      ...options,
      steps: 1,
      schedule: 0,
      parameters,
      buffers,
      evaluate: { data: { x, y }, batchSize: 5 },
    });
    // By hand: the output of the first evaluation uses the running statistics.
    const { weight, scale, shift } = parameters as Record<string, NDArray>;
    const { mean: m, variance: v } = buffers as Record<string, NDArray>;
    const at = (array: NDArray | undefined, i: number): number => Number(array?.data[i]);
    let hits = 0;
    let loss = 0;
    for (let i = 0; i < 32; i++) {
      const z = [0, 0];
      for (let k = 0; k < 3; k++) {
        const h = ((at(x, 3 * i + k) - at(m, k)) / Math.sqrt(at(v, k) + 1e-5)) * at(scale, k) + at(shift, k);
        for (const c of [0, 1]) z[c] = (z[c] ?? 0) + h * at(weight, 2 * k + c);
      }
      const [z0 = 0, z1 = 0] = z;
      hits += Number(z1 > z0 === (at(y, i) === 1));
      loss += Math.log(Math.exp(z0) + Math.exp(z1)) - (at(y, i) === 1 ? z1 : z0);
    }
    expect(evaluations[0]?.accuracy).toBe(hits / 32);
    expect(evaluations[0]?.loss).toBeCloseTo(loss / 32, 12);
  });

  it("stops early and gives the best parameters back", async () => {
    const seen: NDArray[] = [];
    const result = await train({
      ...base,
      epochs: 200,
      optimizer: adamW(),
      schedule: 0.1,
      evaluate: { data: twoClasses(30, 5, 99, "float32"), every: 5 },
      stopping: { patience: 3 },
      hooks: [
        {
          at: { every: 5 },
          run: ({ parameters }) => {
            const { weight } = parameters.out as Record<string, NDArray>;
            if (weight !== undefined) seen.push({ ...weight, data: weight.data.slice() } as NDArray);
          },
        },
      ],
    });
    expect(result.status).toBe("stopped-early");
    const best = result.evaluations.reduce((a, b) => (b.loss < a.loss ? b : a));
    expect(result.evaluations).toHaveLength(best.step / 5 + 4);
    expect((result.parameters.out as Record<string, NDArray>).weight).toEqual(seen[best.step / 5]);
  });

  it("names step and learning rate of a divergence, the same for any number of steps in a call", async () => {
    const diverge = (stepsPerCall: number) =>
      train({
        loss: ({ w }, { x }) => op.square(op.mul(x, w).sub(1)).mul(50),
        parameters: { w: ndarray([2], [1], "float32") as NDArray },
        data: { x: ndarray(new Float32Array(8).fill(3)) as NDArray },
        batchSize: 8,
        steps: 400,
        schedule: (step) => 0.02 + step / 1e6,
        stepsPerCall,
      });
    const errors = await Promise.all([1, 8, 300].map((length) => diverge(length).catch((error) => error)));
    const [first] = errors as DivergenceError[];
    expect(first).toBeInstanceOf(DivergenceError);
    expect(first?.message).toMatch(
      /^train: the loss is (Infinity|NaN) at step \d+, after an update with learning rate 0\.02.*try a rate of 0\.0020/,
    );
    for (const error of errors) expect(error.message).toBe(first?.message);
    expect(first?.learningRate).toBe(0.02 + ((first?.step ?? 0) - 1) / 1e6);

    const growing = train({
      loss: ({ w }, { x }) => op.mul(x, w).neg(),
      parameters: { w: ndarray([1], [1], "float64") as NDArray },
      data: { x: ndarray(new Float64Array(4).fill(1)) as NDArray },
      batchSize: 4,
      steps: 1000,
      schedule: 1,
      maximumGrowth: 300,
    });
    await expect(growing).rejects.toThrow(/norm of the parameters has grown to 513, above 300 at step 512/);
    const overflowing = train({
      loss: ({ w }, { x }) => op.square(op.mul(x, w)),
      parameters: { w: ndarray([1], [1], "float32") as NDArray },
      data: { x: ndarray(new Float32Array(4).fill(1)) as NDArray },
      batchSize: 4,
      steps: 3,
      schedule: 0.1,
      evaluate: { data: { x: ndarray(new Float32Array(4).fill(1e30)) as NDArray } },
    });
    await expect(overflowing).rejects.toThrow(
      /the loss on the held-out data is Infinity at step 0, before any update/,
    );
    const bad = {
      ...data,
      x: { ...data.x, data: Float32Array.from(toNumbers(data.x), (v, i) => (i === 9 ? Number.NaN : v)) },
    };
    await expect(train({ ...base, data: bad as typeof data, batchSize: 70 })).rejects.toThrow(
      /^data.x: row 1 holds NaN; expected finite numbers$/,
    );
  });

  it("feeds further arrays of a step, such as dropout masks", async () => {
    const maskOf = (step: number, rows: number) =>
      ndarray(
        randomStream([4, step])
          .uniform(rows * 7)
          .map((u) => Number(u < 0.5)),
        [rows, 7],
        "float32",
      ) as NDArray;
    const options: TrainModelOptions = {
      ...base,
      inputs: (step, indices) => ({ hidden: maskOf(step, indices.length) }),
    };
    const one = await train({ ...options, stepsPerCall: 1 });
    const many = await train(options);
    expect(many.parameters).toEqual(one.parameters);
    expect(many.parameters).not.toEqual((await train(base)).parameters);
  });

  it("lets a sampler see the parameters, and tells it the losses of rows", async () => {
    const seen: number[] = [];
    const told: number[] = [];
    const { losses } = await train({
      ...base,
      schedule: 0.05,
      sampler: (context) => {
        const inner = withReplacement(context);
        return {
          ...inner,
          adaptive: true,
          next(step, view) {
            const out = view?.parameters.out as Record<string, NDArray> | undefined;
            seen.push(Number(out?.bias?.data[0]));
            return inner.next(step);
          },
          observe(step, batch, rowLosses) {
            expect(rowLosses).toHaveLength(batch.indices.length);
            expect(step).toBe(told.length);
            told.push(Array.from(rowLosses).reduce((sum, loss) => sum + loss, 0) / rowLosses.length);
          },
        };
      },
    });
    expect(new Set(seen).size).toBe(seen.length);
    for (const [i, loss] of told.entries()) expect(loss).toBeCloseTo(losses[i] ?? 0, 5);
    expect(told).toHaveLength(30);
  });

  it("trains a model of src/models, and goes on where a new hook looks before what was drawn", async () => {
    const stream = randomStream(1);
    const images = {
      x: ndarray(stream.uniform(24 * 784), [24, 1, 28, 28], "float32") as NDArray,
      y: ndarray(stream.integers(24, 0, 10), [24], "int64") as NDArray,
    };
    const options: TrainModelOptions = {
      model: lenet({ channels: 1 }),
      data: images,
      batchSize: 8,
      epochs: 4,
      optimizer: adam(),
      schedule: 0.01,
    };
    const whole = await train(options);
    expect(whole.losses.at(-1)).toBeLessThan(whole.losses[0] ?? 0);
    const controller = new AbortController();
    const broken = await train({
      ...options,
      stepsPerCall: 2,
      signal: controller.signal,
      onProgress: () => controller.abort(),
    });
    const looked: number[] = [];
    const rest = await train({
      ...options,
      resume: { ...broken.state, pending: [...broken.state.pending] },
      hooks: [{ at: "all", run: ({ step }) => void looked.push(step) }],
    });
    expect(looked).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    expect(rest.parameters).toEqual(whole.parameters);
  });

  it("stops where a hook says so", async () => {
    const { status, state } = await train({
      ...base,
      hooks: [{ at: { every: 4 }, run: ({ step }) => (step === 8 ? "stop" : undefined) }],
    });
    expect([status, state.step]).toEqual(["stopped", 8]);
  });

  it("says what does not fit before it begins", async () => {
    const { epochs: _, ...open } = base;
    const cases: [Partial<TrainModelOptions>, RegExp][] = [
      [{ batchSize: 71 }, /batchSize 71 is larger than the 70 rows/],
      [{ batchSize: 0 }, /batchSize 0 is not a positive integer/],
      [{ accumulate: 3 }, /batchSize 16 cannot be split into 3 equal parts/],
      [{ steps: 4 }, /either steps or epochs/],
      [{ epochs: -1 }, /epochs -1/],
      [{ weights: [1, 2] }, /2 weights for 70 rows/],
      [{ stopping: { patience: 2 } }, /stopping needs evaluate/],
      [{ data: { ...data, y: heldOut.y } }, /data.y has 45 rows, data.x has 70/],
      [
        {
          model: { ...smallMlp(5), classes: 1 },
          data: { ...data, y: ndarray(new Float64Array(70).fill(2), [70], "int64") },
        },
        /data.y: row 0 is of class 2; expected 0 to 1/,
      ],
      [{ schedule: () => Number.NaN }, /the schedule gives the learning rate NaN at step 0/],
      [{ sampler: () => givenBatches([[]]) }, /the batch of step 0 is empty/],
      [{ stepsPerCall: 0 }, /stepsPerCall 0/],
      // As from JavaScript, or from a file.
      [JSON.parse('{"optimizer":"adam"}'), /optimizer is adam; expected one as sgd\(\) or adam\(\) gives it/],
      [JSON.parse('{"schedule":"fast"}'), /schedule is fast; expected a learning rate or a function/],
      [{ sampler: () => givenBatches([[0, 70]]) }, /the batch of step 0 has row 70 of 70/],
      [{ record: { states: "all", budget: 1000 } }, /the record would take \d+ bytes for 31 states/],
    ];
    for (const [change, message] of cases)
      await expect(train({ ...base, ...change }), String(message)).rejects.toThrow(message);
    await expect(train(open)).rejects.toThrow(/either steps or epochs/);
  });
});
