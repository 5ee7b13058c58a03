import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { type NDArray, ndarray, toNumbers } from "../../engine/ndarray.ts";
import * as op from "../../engine/ops/index.ts";
import { spec } from "../../engine/runtime/compile.ts";
import type { Model } from "../../models/model.ts";
import { modelNamed } from "../../models/named.ts";
import { modelFromOnnx } from "../../models/onnx.ts";
import { randomStream } from "../../numeric/random.ts";
import { findFirstLayer, findLastLayer, layerOf } from "./outer-layers.ts";
import { tinyNetwork } from "./tiny-network.testing.ts";

const named = (name: string, inputShape = [3, 8, 8]) => modelNamed(name, { inputShape, classes: 5 });
const initialised = (model: Model) => model.init(randomStream(1), "float32");
const onnx = (name: string) =>
  modelFromOnnx(fileURLToPath(new URL(`../../../test/vectors/classifiers/${name}.onnx`, import.meta.url)));

/** Two layers as ONNX's MatMul has them, [inputs, outputs], as many hidden units as classes, without a last bias. */
const transposed: Model = {
  description: "a network of matrix products",
  inputShape: [6],
  classes: 4,
  parameters: (dtype) => ({
    a: spec([6, 4], dtype),
    shift: spec([4], dtype),
    b: spec([4, 4], dtype),
  }),
  init: (stream, dtype) => ({
    a: ndarray(stream.normal(24), [6, 4], dtype),
    shift: ndarray(stream.normal(4), [4], dtype),
    b: ndarray(stream.normal(16), [4, 4], dtype),
  }),
  apply: ({ a, shift, b }, x) =>
    op.matmul(op.tanh(op.add(op.matmul(x, a as never), shift as never)), b as never),
};

describe("findLastLayer", () => {
  it.each([
    ["lenet", "fc.weight", "fc.bias"],
    ["mlp", "2.weight", "2.bias"],
    ["logistic", "fc.weight", "fc.bias"],
    ["cnn", "linear.weight", "linear.bias"],
    ["resnet20", "fc.weight", "fc.bias"],
  ])("finds that of %s", async (name, weight, bias) => {
    const model = named(name);
    expect(await findLastLayer(model, initialised(model))).toEqual({
      weight: { path: weight, isTransposed: false },
      bias,
    });
  });

  it("finds those of exported networks, a softmax behind one of them", async () => {
    for (const [file, layer] of [
      ["lenet-sigmoid", "fc.0"],
      ["small-cnn-softmax", "fc"],
    ] as const) {
      const model = await onnx(file);
      expect(await findLastLayer(model, initialised(model))).toEqual({
        weight: { path: `${layer}.weight`, isTransposed: false },
        bias: `${layer}.bias`,
      });
    }
  });

  it("tells the last of two square layers, stored the other way round, with no bias", async () => {
    expect(await findLastLayer(transposed, initialised(transposed))).toEqual({
      weight: { path: "b", isTransposed: true },
    });
  });

  it("finds none in a network that ends otherwise", async () => {
    const base = tinyNetwork({ inputs: 4, hidden: 6, classes: 3, activation: "tanh" });
    const model: Model = { ...base, apply: (values, x) => op.tanh(base.apply(values, x)) };
    expect(await findLastLayer(model, initialised(model))).toEqual({});
  });
});

describe("findFirstLayer", () => {
  it.each([
    ["mlp", "0.weight", "0.bias"],
    ["logistic", "fc.weight", "fc.bias"],
  ])("finds that of %s", async (name, weight, bias) => {
    const model = named(name);
    expect(await findFirstLayer(model, initialised(model))).toEqual({
      weight: { path: weight, isTransposed: false },
      bias,
    });
  });

  it("finds one stored as [inputs, outputs]", async () => {
    expect(await findFirstLayer(transposed, initialised(transposed))).toEqual({
      weight: { path: "a", isTransposed: true },
      bias: "shift",
    });
  });

  it.each(["lenet", "cnn", "resnet20"])("finds none in %s, which begins with a convolution", async (name) => {
    const model = named(name);
    expect(await findFirstLayer(model, initialised(model))).toBeUndefined();
  });

  it("is not deceived by a layer of the right size that something is done before", async () => {
    const base = tinyNetwork({ inputs: 4, hidden: 6, classes: 3, activation: "tanh" });
    const model: Model = { ...base, apply: (values, x) => base.apply(values, op.square(x)) };
    expect(await findFirstLayer(model, initialised(model))).toBeUndefined();
  });
});

describe("layerOf", () => {
  it("gives weights as [outputs, inputs]", () => {
    const weight: NDArray = ndarray([1, 2, 3, 4, 5, 6], [2, 3], "float64");
    const { weight: turned, bias } = layerOf({ w: weight }, { weight: { path: "w", isTransposed: true } });
    expect(bias).toBeUndefined();
    expect(turned?.shape).toEqual([3, 2]);
    expect(turned && toNumbers(turned)).toEqual([1, 4, 2, 5, 3, 6]);
  });
});
