import { describe, expect, it } from "vitest";
import { type NDArray, ndarray } from "../engine/ndarray.ts";
import * as tree from "../engine/tree.ts";
import { randomStream } from "../numeric/random.ts";
import { adam } from "./adam.ts";
import type { GradientTransform } from "./step-graph.ts";
import { largestDifference, normalizedLinear, smallMlp, twoClasses } from "./train.testing.ts";
import { train } from "./train.ts";
import type { TrainModelOptions } from "./train-options.ts";
import type { TrainingState } from "./training-state.ts";
import { arraysOf, type NamedArrays } from "./trees.ts";

const data = twoClasses(70, 5, 3, "float64");
const base: TrainModelOptions = {
  model: smallMlp(5),
  data,
  batchSize: 16,
  epochs: 3,
  seed: 5,
  dtype: "float64",
  optimizer: adam(),
  schedule: 0.05,
  compile: { threads: 1 },
};

const mapArrays = (f: (values: Float64Array) => Float64Array, gradient: NamedArrays): NamedArrays =>
  tree.map(
    ({ data: values, shape }: NDArray) => ndarray(f(values as Float64Array), shape, "float64"),
    gradient,
  ) as NamedArrays;
const unchanged: GradientTransform = (gradient) => gradient;
/** Noise that depends on the step alone. */
const noisy: GradientTransform = (gradient, { step }) => {
  const stream = randomStream([9, step]);
  return mapArrays((values) => {
    const noise = stream.normal(values.length, 0, 0.1);
    return values.map((value, i) => value + (noise[i] ?? 0));
  }, gradient);
};

describe("transformGradient", () => {
  it("changes nothing where it changes nothing", async () => {
    const plain = await train(base);
    const same = await train({ ...base, transformGradient: unchanged });
    expect(largestDifference(same.parameters, plain.parameters)).toBeLessThan(1e-12);
    expect(same.losses).toHaveLength(plain.losses.length);
  });

  it("is told the step, the batch and the parameters at which the gradient was taken", async () => {
    const seen: { step: number; rows: number; parameters: number[] }[] = [];
    const lasts: number[][] = [];
    const numbersOf = (arrays: NamedArrays) =>
      arraysOf(arrays).flatMap(({ data: values }) => [...values].map(Number));
    await train({
      ...base,
      hooks: [{ at: "all", run: ({ parameters }) => void lasts.push(numbersOf(parameters)) }],
      transformGradient: (gradient, { step, indices, parameters }) => {
        seen.push({ step, rows: indices.length, parameters: numbersOf(parameters) });
        return gradient;
      },
    });
    expect(seen.map(({ step }) => step)).toEqual(Array.from({ length: 15 }, (_, i) => i));
    expect(seen.map(({ rows }) => rows).slice(0, 5)).toEqual([16, 16, 16, 16, 6]);
    expect(seen.map(({ parameters }) => parameters)).toEqual(lasts.slice(0, 15));
  });

  it("comes before clipping and the optimiser, which see what it gives", async () => {
    const zero: GradientTransform = (gradient) => mapArrays((values) => values.map(() => 0), gradient);
    const still = await train({ ...base, transformGradient: zero });
    const start = base.model.init(randomStream(5).spawn(2)[0] ?? randomStream(5), "float64") as NamedArrays;
    expect(still.parameters).toEqual(start);
    const longer: GradientTransform = (gradient) =>
      mapArrays((values) => values.map((value) => 50 * value), gradient);
    const clipped = { ...base, clip: { globalNorm: 1e-3 } };
    expect(
      largestDifference(
        (await train({ ...clipped, transformGradient: longer })).parameters,
        (await train(clipped)).parameters,
      ),
    ).toBeLessThan(1e-4);
  });

  it("gives the same bits however the steps are split into calls, and when it is resumed", async () => {
    const states: TrainingState[] = [];
    const options = { ...base, transformGradient: noisy };
    const whole = await train({
      ...options,
      checkpoint: { every: 4, save: (state: TrainingState) => void states.push(state) },
    });
    for (const stepsPerCall of [1, 3, Number.POSITIVE_INFINITY])
      expect((await train({ ...options, stepsPerCall })).state).toEqual(whole.state);
    const rest = await train({ ...options, resume: structuredClone(states[1]) as TrainingState });
    expect(rest.state).toEqual(whole.state);
    expect(largestDifference(whole.parameters, (await train(base)).parameters)).toBeGreaterThan(1e-3);
  });

  it("works with running statistics and refuses a gradient of another shape", async () => {
    const normalized = { ...base, model: normalizedLinear(5) };
    const plain = await train(normalized);
    const same = await train({ ...normalized, transformGradient: unchanged });
    expect(largestDifference(same.buffers, plain.buffers)).toBeLessThan(1e-12);
    const shorter: GradientTransform = (gradient) => mapArrays((values) => values.slice(1), gradient);
    await expect(train({ ...base, transformGradient: shorter })).rejects.toThrow();
  });
});

describe("rowClipNorm", () => {
  it("is the mean of the rows' clipped gradients", async () => {
    const rate = 0.3;
    const few = twoClasses(12, 5, 3, "float64");
    const start = base.model.init(randomStream(1), "float64") as NamedArrays;
    const stepOf = async (options: Partial<TrainModelOptions>) => {
      const { parameters, losses } = await train({
        model: base.model,
        data: few,
        parameters: start,
        steps: 1,
        batchSize: 12,
        schedule: rate,
        ...options,
      });
      return { parameters, loss: losses[0] ?? Number.NaN };
    };
    const clipped = await stepOf({ rowClipNorm: 0.2 });
    // Row by row, by hand: a step of one row is that row's gradient.
    const total = arraysOf(start).map(({ data: values }) => new Float64Array(values.length));
    let longest = 0;
    for (let row = 0; row < 12; row++) {
      const one = await stepOf({
        batchSize: 1,
        sampler: () => ({
          next: () => ({ indices: Int32Array.of(row) }),
          state: () => null,
          restore: () => {},
        }),
      });
      const gradient = arraysOf(one.parameters).map(({ data: values }, i) =>
        Float64Array.from(
          values as Float64Array,
          (value, k) => (Number(arraysOf(start)[i]?.data[k]) - value) / rate,
        ),
      );
      const norm = Math.hypot(...gradient.flatMap((values) => [...values]));
      longest = Math.max(longest, norm);
      for (const [i, values] of gradient.entries())
        for (const [k, value] of values.entries())
          (total[i] as Float64Array)[k] = (total[i]?.[k] ?? 0) + (value * Math.min(1, 0.2 / norm)) / 12;
    }
    expect(longest).toBeGreaterThan(0.4);
    for (const [i, array] of arraysOf(clipped.parameters).entries())
      for (const [k, value] of (array.data as Float64Array).entries())
        expect(value).toBeCloseTo(Number(arraysOf(start)[i]?.data[k]) - rate * (total[i]?.[k] ?? 0), 12);
    const plain = await stepOf({});
    expect(clipped.loss).toBeCloseTo(plain.loss, 12);
    const loose = await stepOf({ rowClipNorm: 1e6 });
    expect(largestDifference(loose.parameters, plain.parameters)).toBeLessThan(1e-12);
  });

  it("refuses rows that depend on one another, and a norm that is none", async () => {
    await expect(train({ ...base, model: normalizedLinear(5), rowClipNorm: 1 })).rejects.toThrow(
      "no model with buffers",
    );
    await expect(train({ ...base, rowClipNorm: 0 })).rejects.toThrow(
      "rowClipNorm 0 is not a positive number",
    );
  });
});
