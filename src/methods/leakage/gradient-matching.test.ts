import { describe, expect, it } from "vitest";
import { castArray, type NDArray, ndarray } from "../../engine/ndarray.ts";
import * as op from "../../engine/ops/index.ts";
import { spec } from "../../engine/runtime/compile.ts";
import type { Tensor } from "../../engine/tensor.ts";
import * as tree from "../../engine/tree.ts";
import { lenet } from "../../models/lenet.ts";
import { type Model, type Named, parameterAt } from "../../models/model.ts";
import { randomStream } from "../../numeric/random.ts";
import { compileMatching, sharedGradient } from "./gradient-matching.ts";
import { referenceFile } from "./vectors.testing.ts";

interface TinyReference {
  activation: "sigmoid" | "tanh";
  label: number[];
  grad_true: Record<"W1" | "b1" | "W2" | "b2", number[]>;
  l2: { value: number; grad_dummy_x: number[]; grad_dummy_label_logits: number[] };
  x: number[];
  dummy_x: number[];
  dummy_label_logits: number[];
  params: Record<"W1" | "b1" | "W2" | "b2", { shape: number[]; data: number[] }>;
}

const activations = { sigmoid: op.sigmoid, tanh: op.tanh };

/** logits = W2 activation(W1 x + b1) + b2, as the reference files have it. */
function tinyNetwork({ activation, params }: TinyReference): Model {
  const [hidden = 0, inputs = 0] = params.W1.shape;
  const classes = params.W2.shape[0] ?? 0;
  const parameters: Model["parameters"] = (dtype) => ({
    hidden: { weight: spec([hidden, inputs], dtype), bias: spec([hidden], dtype) },
    output: { weight: spec([classes, hidden], dtype), bias: spec([classes], dtype) },
  });
  const linear = (x: Tensor, values: Named<Tensor>, layer: string): Tensor =>
    op.add(
      op.matmul(x, op.transpose(parameterAt(values, `${layer}.weight`))),
      parameterAt(values, `${layer}.bias`),
    );
  return {
    description: "tiny network of the reference files",
    inputShape: [inputs],
    classes,
    parameters,
    init: () => {
      throw new Error("the parameters are given");
    },
    apply: (values, x) => linear(activations[activation](linear(x, values, "hidden")), values, "output"),
  };
}

const double = (data: ArrayLike<number>, shape: readonly number[]): NDArray<"float64"> =>
  ndarray(data, shape, "float64");

describe.each(["tiny_mlp_sigmoid.json", "tiny_mlp_tanh.json", "tiny_mlp_batch3.json"])("%s", (file) => {
  const reference = referenceFile<TinyReference>(file);
  if (reference === undefined) {
    it.skip("is reproduced (skipped: shared/vectors is absent)", () => {});
    return;
  }
  const model = tinyNetwork(reference);
  const examples = reference.label.length;
  const { W1, b1, W2, b2 } = reference.params;
  const parameters = {
    hidden: { weight: double(W1.data, W1.shape), bias: double(b1.data, b1.shape) },
    output: { weight: double(W2.data, W2.shape), bias: double(b2.data, b2.shape) },
  };
  const x = double(reference.x, [examples, ...model.inputShape]);

  it("gives the shared gradient", async () => {
    const gradient = await sharedGradient({
      model,
      parameters,
      x,
      labels: reference.label,
      dtype: "float64",
    });
    for (const [path, name] of [
      ["hidden.weight", "W1"],
      ["hidden.bias", "b1"],
      ["output.weight", "W2"],
      ["output.bias", "b2"],
    ] as const)
      expectClose(parameterAt(gradient, path).data as Float64Array, reference.grad_true[name]);
  });

  it("gives the matching loss and its gradient for images and label logits", async () => {
    const gradient = await sharedGradient({
      model,
      parameters,
      x,
      labels: reference.label,
      dtype: "float64",
    });
    const matching = await compileMatching({ model, parameters, gradient, examples, dtype: "float64" });
    const unknowns = Float64Array.from([...reference.dummy_x, ...reference.dummy_label_logits]);
    expect(matching.unknowns).toBe(unknowns.length);
    const { value, gradient: slope } = await matching.objective(unknowns);
    expectClose([value], [reference.l2.value]);
    expectClose(slope, [...reference.l2.grad_dummy_x, ...reference.l2.grad_dummy_label_logits]);
    await matching.dispose();
  });
});

function expectClose(found: ArrayLike<number>, expected: readonly number[]): void {
  expect(found.length).toBe(expected.length);
  const scale = Math.max(...expected.map(Math.abs));
  for (const [i, value] of expected.entries())
    expect(Math.abs((found[i] ?? Number.NaN) - value)).toBeLessThan(1e-9 * Math.max(scale, Math.abs(value)));
}

describe("the matching objective of LeNet", () => {
  const model = lenet({ channels: 1 });
  const [weights, images, logits] = randomStream(3).spawn(3);
  if (weights === undefined || images === undefined || logits === undefined) throw new Error("three streams");
  const parameters = model.init(weights, "float64");
  const x = double(images.uniform(784), [1, 1, 28, 28]);

  it("is zero, with a zero gradient, at the truth", async () => {
    const gradient = await sharedGradient({ model, parameters, x, labels: [4], dtype: "float64" });
    const matching = await compileMatching({
      model,
      parameters,
      gradient,
      examples: 1,
      labels: [4],
      dtype: "float64",
    });
    const { value, gradient: slope } = await matching.objective(x.data);
    expect(value).toBeLessThan(1e-25);
    expect(Math.max(...slope.map(Math.abs))).toBeLessThan(1e-12);
    await matching.dispose();
  });

  it("has the gradient that central differences give", async () => {
    const gradient = await sharedGradient({ model, parameters, x, labels: [4], dtype: "float64" });
    const matching = await compileMatching({ model, parameters, gradient, examples: 1, dtype: "float64" });
    const start = Float64Array.from([...images.normal(784), ...logits.normal(10)]);
    const slope = (await matching.objective(start)).gradient.slice();
    const scale = Math.max(...slope.map(Math.abs));
    for (const i of [0, 27, 300, 783, 784, 790]) {
      const at = async (by: number): Promise<number> =>
        (await matching.objective(start.map((value, k) => (k === i ? value + by : value)))).value;
      const difference = ((await at(1e-5)) - (await at(-1e-5))) / 2e-5;
      expect(Math.abs(difference - (slope[i] ?? Number.NaN))).toBeLessThan(1e-7 * scale);
    }
    await matching.dispose();
  });

  it("is nearly the same in float32", async () => {
    const gradient = await sharedGradient({ model, parameters, x, labels: [4], dtype: "float64" });
    const start = images.normal(784);
    const values: number[] = [];
    for (const dtype of ["float64", "float32"] as const) {
      const cast = (arrays: Named<NDArray>): Named<NDArray> =>
        tree.map((array) => castArray(array, dtype), arrays);
      const matching = await compileMatching({
        model,
        parameters: cast(parameters),
        gradient: cast(gradient),
        examples: 1,
        labels: [4],
        dtype,
      });
      values.push((await matching.objective(start)).value);
      await matching.dispose();
    }
    const [exact = 0, coarse = 0] = values;
    expect(Math.abs(coarse - exact) / exact).toBeLessThan(1e-5);
  });

  it("refuses a label that is no class", async () => {
    await expect(sharedGradient({ model, parameters, x, labels: [10], dtype: "float64" })).rejects.toThrow(
      "label 10 is not a class from 0 to 9",
    );
  });
});
