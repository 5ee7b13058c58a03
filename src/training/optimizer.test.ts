import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { fromNested, type NDArray, ndarray } from "../engine/ndarray.ts";
import * as op from "../engine/ops/index.ts";
import { adam, adamW } from "./adam.ts";
import type { ClipOptions } from "./clip.ts";
import type { Optimizer } from "./optimizer.ts";
import { givenBatches } from "./sampler.ts";
import { sgd } from "./sgd.ts";
import { train } from "./train.ts";

const vectors = JSON.parse(
  readFileSync(new URL("../../test/vectors/training/optimizers.json", import.meta.url), "utf8"),
) as {
  rows: number[][];
  labels: number[];
  start: { w: number[]; b: number[] };
  optimizers: Record<string, number[][]>;
};

const ours: Record<string, [Optimizer, ClipOptions?]> = {
  sgd: [sgd()],
  "sgd, weight decay": [sgd({ weightDecay: 0.05 })],
  momentum: [sgd({ momentum: 0.9 })],
  "momentum, dampening, weight decay": [sgd({ momentum: 0.8, dampening: 0.3, weightDecay: 0.02 })],
  nesterov: [sgd({ momentum: 0.9, nesterov: true, weightDecay: 0.01 })],
  adam: [adam()],
  "adam, all settings": [adam({ beta1: 0.8, beta2: 0.95, epsilon: 1e-3, weightDecay: 0.1 })],
  adamw: [adamW()],
  "adamw, all settings": [adamW({ beta1: 0.7, beta2: 0.9, epsilon: 1e-4, weightDecay: 0.2 })],
  "sgd, clipped by norm": [sgd(), { globalNorm: 0.2 }],
  "sgd, clipped by value": [sgd(), { value: 0.05 }],
  "adam, clipped by both": [adam(), { globalNorm: 0.15, value: 0.1 }],
};

function trace(optimizer: Optimizer, clip: ClipOptions, dtype: "float32" | "float64", seen: number[][]) {
  return train({
    loss: ({ w, b }, { x, y }) =>
      op.binaryCrossEntropyWithLogits(op.matmul(x, w).add(b), y, { reduction: "none" }),
    parameters: {
      w: ndarray(vectors.start.w, [5], dtype) as NDArray,
      b: ndarray(vectors.start.b, [1], dtype) as NDArray,
    },
    data: { x: fromNested(vectors.rows, dtype), y: ndarray(vectors.labels, [32], dtype) },
    optimizer,
    clip,
    schedule: (step) => 0.1 / (1 + step / 10),
    sampler: () =>
      givenBatches([0, 1, 2, 3].map((batch) => Array.from({ length: 8 }, (_, i) => 8 * batch + i))),
    batchSize: 8,
    steps: 20,
    hooks: [
      {
        at: "all",
        run: ({ parameters: { w, b } }) => void seen.push([...(w.data as Float64Array), Number(b.data[0])]),
      },
    ],
  });
}

describe("optimisers against torch.optim", () => {
  it("has every trace of the vectors", () => {
    expect(Object.keys(vectors.optimizers)).toEqual(Object.keys(ours));
  });

  for (const [name, expected] of Object.entries(vectors.optimizers)) {
    const [optimizer, clip = {}] = ours[name] ?? [sgd()];
    it(name, async () => {
      const seen: number[][] = [];
      await trace(optimizer, clip, "float64", seen);
      expect(seen).toHaveLength(21);
      for (const [step, parameters] of expected.entries())
        for (const [i, value] of parameters.entries())
          expect(
            Math.abs((seen[step + 1]?.[i] ?? Number.NaN) - value),
            `step ${step}, parameter ${i}`,
          ).toBeLessThanOrEqual(1e-12 * Math.max(1, Math.abs(value)));
    });
  }

  it("follows the float64 trace in float32", async () => {
    for (const name of ["nesterov", "adam, all settings", "adamw, all settings"]) {
      const [optimizer, clip = {}] = ours[name] ?? [sgd()];
      const seen: number[][] = [];
      await trace(optimizer, clip, "float32", seen);
      for (const [i, value] of (vectors.optimizers[name]?.at(-1) ?? []).entries())
        expect(Math.abs((seen.at(-1)?.[i] ?? Number.NaN) - value)).toBeLessThan(2e-6);
    }
  });
});

describe("settings", () => {
  it("out of range are named", () => {
    expect(() => sgd({ momentum: -0.1 })).toThrow(/sgd: momentum -0.1/);
    expect(() => sgd({ dampening: 1.5, momentum: 0.5 })).toThrow(/dampening 1.5/);
    expect(() => sgd({ nesterov: true })).toThrow(/nesterov needs a momentum/);
    expect(() => adam({ beta2: 1 })).toThrow(/Adam: beta2 1/);
    expect(() => adamW({ weightDecay: Number.NaN })).toThrow(/AdamW: weightDecay NaN/);
  });
});
