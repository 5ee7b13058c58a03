import { describe, expect, it } from "vitest";
import { type NDArray, ndarray } from "../engine/ndarray.ts";
import * as op from "../engine/ops/index.ts";
import { compile, spec } from "../engine/runtime/compile.ts";
import { sizeOf } from "../engine/shape.ts";
import type { Spec, Tensor } from "../engine/tensor.ts";
import { grad, valueAndGrad } from "../engine/transforms/grad.ts";
import * as tree from "../engine/tree.ts";
import { randomStream } from "../numeric/random.ts";
import { bert } from "./bert.ts";
import { convSmall } from "./conv-small.ts";
import { mlp } from "./mlp.ts";
import type { Model, Named } from "./model.ts";
import { resnet } from "./resnet.ts";
import { vgg11 } from "./vgg.ts";

/** The derivative by the input of a function of the parameters' gradient, as gradient matching takes it. */

type Apply = (parameters: Named<Tensor>, x: Tensor) => Tensor;
const image = { inputShape: [2, 8, 8], classes: 3 };
const training = (model: Model): [Model, number[], Apply] => [
  model,
  [2, ...model.inputShape],
  (values, x) => model.apply(values, x, { training: true }),
];
const text = bert({ vocabulary: 11, tokens: 3, hidden: 6, intermediate: 5, initialisation: "normal:0.5" });

const cases: Record<string, [Model, number[], Apply]> = {
  "perceptron, tanh": training(mlp({ ...image, widths: [6, 5], activation: "tanh" })),
  "ConvSmall, gelu": training(convSmall({ ...image, width: 2, activation: "gelu" })),
  "VGG-11, group normalisation, softplus": training(
    vgg11({ inputShape: [1, 32, 32], classes: 3, width: 2, normalisation: "group", activation: "softplus" }),
  ),
  "ResNet-18, batch normalisation, sigmoid": training(
    resnet({ depth: 18, ...image, width: 2, activation: "sigmoid" }),
  ),
  "ResNet-20, no normalisation, softplus": training(
    resnet({ depth: 20, ...image, width: 2, normalisation: "none", activation: "softplus" }),
  ),
  "BERT, from embeddings": [text, [2, 3, 6], (values, x) => text.applyEmbedded(values, x)],
};

describe("second derivatives", () => {
  it.each(Object.entries(cases))("of %s are those of differences", async (_, [model, shape, apply]) => {
    const objective = (x: Tensor, values: Named<Tensor>): Tensor => {
      const gradient = grad((w: Named<Tensor>) => op.mean(op.square(op.softmax(apply(w, x)))))(values);
      return tree
        .leaves(gradient)
        .map((g) => op.sum(op.square(g)))
        .reduce((a, b) => op.add(a, b));
    };
    const executable = await compile(
      (x: Tensor, values: Named<Tensor>) => valueAndGrad(objective)(x, values),
      [spec(shape, "float64"), model.parameters("float64") as Named<Spec>],
      { threads: 1 },
    );
    const rng = randomStream(21);
    const parameters = model.init(rng, "float64");
    const x = rng.normal(sizeOf(shape));
    const direction = rng.normal(sizeOf(shape));
    const at = async (step: number): Promise<readonly [number, NDArray]> => {
      const moved = x.map((value, i) => value + step * (direction[i] ?? 0));
      const [value, slope] = await executable.run(ndarray(moved, shape, "float64"), parameters);
      return [Number(value.data[0]), slope];
    };
    const [, slope] = await at(0);
    const found = direction.reduce((sum, d, i) => sum + d * Number(slope.data[i]), 0);
    // Richardson's extrapolation of central differences: an error of the fourth order in the step.
    const difference = async (step: number): Promise<number> =>
      ((await at(step))[0] - (await at(-step))[0]) / (2 * step);
    const step = 1e-4;
    const expected = (4 * (await difference(step / 2)) - (await difference(step))) / 3;
    await executable.dispose();
    const size = Math.hypot(...(slope.data as Float64Array)) * Math.hypot(...direction);
    expect(size).toBeGreaterThan(0);
    expect(Math.abs(found - expected)).toBeLessThan(1e-6 * size);
  });
});
