import { describe, expect, test } from "vitest";
import { type Check, evaluate, integers, runChecks, uniform } from "../checking.testing.ts";
import { expectNumbers } from "../expectations.testing.ts";
import { ndarray, toNumbers } from "../ndarray.ts";
import type { Tensor } from "../tensor.ts";
import { grad } from "../transforms/grad.ts";
import * as op from "./index.ts";

const logits = uniform([2, 3]);
const labels = ndarray([2, 0], [2], "int64");
const soft = ndarray([0.25, 0.25, 0.5, 1, 0, 0], [2, 3], "float64");

describe("losses and normalisations", () => {
  test("derivatives, vmap, float32", async () => {
    const x = uniform([2, 3, 2]);
    const scale = uniform([3], 0.5, 2, 2);
    const shift = uniform([3], -1, 1, 3);
    const checks: Check[] = [
      { name: "softmax", f: (t) => op.softmax(t), inputs: [logits] },
      { name: "softmax of an outer axis", f: (t) => op.softmax(t, { axis: 0 }), inputs: [x] },
      { name: "softmax of size 1", f: (t) => op.softmax(t, { axis: 1 }), inputs: [uniform([2, 1])] },
      { name: "softmax of nothing", f: (t) => op.softmax(t), inputs: [uniform([0, 3])] },
      { name: "logSoftmax", f: (t) => op.logSoftmax(t, { axis: 1 }), inputs: [x] },
      { name: "cross entropy", f: (t, y) => op.softmaxCrossEntropy(t, y), inputs: [logits, labels] },
      {
        name: "cross entropy per sample",
        f: (t, y) => op.softmaxCrossEntropy(t, y, { reduction: "none" }),
        inputs: [logits, labels],
      },
      {
        name: "cross entropy of one sample",
        f: (t, y) => op.softmaxCrossEntropy(t, y),
        inputs: [uniform([3]), ndarray([1], [], "int64")],
      },
      {
        name: "cross entropy of int32 labels",
        f: (t, y) => op.softmaxCrossEntropy(t, y, { reduction: "sum" }),
        inputs: [x, integers([2, 3], 0, 2, "int32")],
      },
      {
        name: "cross entropy of soft labels",
        f: (t, y) => op.softmaxCrossEntropy(t, y),
        inputs: [logits, soft],
      },
      {
        name: "binary cross entropy",
        f: (t, y) => op.binaryCrossEntropyWithLogits(t, y),
        inputs: [logits, soft],
      },
      {
        name: "binary cross entropy per sample",
        f: (t, y) => op.binaryCrossEntropyWithLogits(t, y, { reduction: "none" }),
        inputs: [logits, soft],
      },
      {
        name: "binary cross entropy with a number",
        f: (t) => op.binaryCrossEntropyWithLogits(t, 1, { reduction: "sum" }),
        inputs: [logits],
      },
      { name: "squared error", f: (t, y) => op.meanSquaredError(t, y), inputs: [logits, soft] },
      {
        name: "layerNorm",
        f: (t, a, b) => op.layerNorm(t, a, b),
        inputs: [uniform([2, 2, 3]), scale, shift],
        float32: 2e-5,
      },
      {
        name: "layerNorm over two axes",
        f: (t, a, b) => op.layerNorm(t, a, b, { epsilon: 0.01 }),
        inputs: [x, uniform([3, 2], -1, 1, 2), uniform([3, 2], -1, 1, 3)],
        float32: 2e-5,
      },
      {
        name: "layerNorm of one axis",
        f: (t, a, b) => op.layerNorm(t, a, b),
        inputs: [uniform([3], -2, 2, 8), scale, shift],
        float32: 2e-5,
      },
      {
        name: "batchNorm in training",
        f: (t, a, b) => {
          const { output, mean, variance } = op.batchNorm(t, a, b);
          return [output, mean, variance];
        },
        inputs: [x, scale, shift],
        float32: 2e-5,
      },
      {
        name: "batchNorm in inference",
        f: (t, a, b, mean, variance) =>
          op.batchNorm(t, a, b, { statistics: { mean: mean as Tensor, variance: variance as Tensor } })
            .output,
        inputs: [uniform([2, 3]), scale, shift, uniform([3], -1, 1, 4), uniform([3], 0.5, 2, 5)],
      },
      {
        name: "dropout",
        f: (t, mask) => op.dropout(t, mask, { rate: 0.25 }),
        inputs: [logits, integers([2, 3], 0, 2, "bool")],
      },
      {
        name: "dropout of numbers",
        f: (t, mask) => op.dropout(t, mask, { rate: 0.5 }),
        inputs: [logits, integers([3], 0, 2, "float64")],
      },
    ];
    await runChecks(checks);
  });

  test("values and slopes stay finite for large logits", async () => {
    const found = await evaluate(() => {
      const large = op.constant([[1000, 0, -1000]], "float64");
      const y = op.constant([2], "int64");
      const loss = (t: Tensor) => op.softmaxCrossEntropy(t, y);
      const binary = (t: Tensor) =>
        op.binaryCrossEntropyWithLogits(t, op.constant([0, 1, 1], "float64"), { reduction: "sum" });
      const far = op.constant([800, 800, -800], "float64");
      return [
        op.softmax(large),
        op.logSoftmax(large),
        loss(large),
        grad(loss)(large),
        binary(far),
        grad(binary)(far),
      ];
    });
    expect(found.map(toNumbers)).toEqual([
      [1, 0, 0],
      [0, -1000, -2000],
      [2000],
      [1, 0, -1],
      [1600],
      [1, 0, -1],
    ]);
  });

  test("layerNorm and softmax by their formulas", async () => {
    const [normal, soft3] = await evaluate(() => {
      const x = op.constant([[1, 2, 6]], "float64");
      return [
        op.layerNorm(x, op.constant([1, 2, 3], "float64"), op.constant([0, 0, 1], "float64"), { epsilon: 0 }),
        op.softmax(x),
      ];
    });
    const deviation = Math.sqrt((4 + 1 + 9) / 3);
    expectNumbers(normal, [-2 / deviation, -2 / deviation, 9 / deviation + 1], 1e-14, "layerNorm");
    const total = Math.exp(1) + Math.exp(2) + Math.exp(6);
    expectNumbers(
      soft3,
      [1, 2, 6].map((v) => Math.exp(v) / total),
      1e-14,
      "softmax",
    );
  });

  test("errors", () => {
    const x = op.zeros([2, 3]);
    expect(() => op.softmax(op.zeros([2], "int32"))).toThrow(
      /softmax: needs float32 or float64, got int32\[2\] \(at .*network\.test\.ts/,
    );
    expect(() => op.softmaxCrossEntropy(x, op.zeros([3], "int64"))).toThrow(
      /integer labels int64\[3\] are not one for each sample of logits float32\[2,3\]/,
    );
    expect(() => op.softmaxCrossEntropy(x, op.zeros([2, 3], "float64"))).toThrow(
      /float32\[2,3\] and float64\[2,3\]/,
    );
    expect(() => op.softmaxCrossEntropy(x, op.zeros([3]))).toThrow(/do not have the shape of logits/);
    expect(() => op.layerNorm(x, op.zeros([2]), op.zeros([2]))).toThrow(/must span the last axes/);
    expect(() => op.batchNorm(x, op.zeros([2]), op.zeros([3]))).toThrow(/one number for each channel/);
    expect(() => op.dropout(x, x, { rate: 1 })).toThrow(/rate 1 is not in \[0, 1\)/);
    // A column against a vector would broadcast to a matrix of losses without a word.
    expect(() => op.meanSquaredError(op.zeros([3]), op.zeros([3, 1]))).toThrow(
      /meanSquaredError: targets float32\[3,1\] do not broadcast to predictions float32\[3\]/,
    );
    expect(() => op.binaryCrossEntropyWithLogits(op.zeros([3, 1]), op.zeros([3]))).toThrow(
      /binaryCrossEntropyWithLogits: targets float32\[3\]/,
    );
  });
});
