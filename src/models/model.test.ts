import { describe, expect, it } from "vitest";
import { type NDArray, ndarray, toNumbers } from "../engine/ndarray.ts";
import * as op from "../engine/ops/index.ts";
import { compile, spec, specs } from "../engine/runtime/compile.ts";
import type { Spec, Tensor } from "../engine/tensor.ts";
import { grad } from "../engine/transforms/grad.ts";
import { vmap } from "../engine/transforms/vmap.ts";
import * as tree from "../engine/tree.ts";
import { randomStream } from "../numeric/random.ts";
import { autoencoder } from "./autoencoder.ts";
import { bert } from "./bert.ts";
import { groupsOf } from "./layers/normalisation.ts";
import { type Model, type Named, parameterAt, subtreeAt } from "./model.ts";
import { flat, nested } from "./names.ts";
import { resnet } from "./resnet.ts";
import { textLinear } from "./text-linear.ts";
import { vgg11 } from "./vgg.ts";

const leaf = (value: number): NDArray => ndarray([value], [1], "float64");

describe("names", () => {
  const named = { fc: { weight: leaf(1) }, layer1: { "0": { bn: { weight: leaf(2) } } }, top: leaf(3) };

  it("are PyTorch's", () => {
    expect(flat(named)).toEqual({
      "fc.weight": leaf(1),
      "layer1.0.bn.weight": leaf(2),
      top: leaf(3),
    });
    expect(nested(flat(named))).toEqual(named);
  });

  it("stay whole where one would be inside another", () => {
    const whole = { w: leaf(1), "w.0": leaf(2) };
    expect(nested(whole)).toBe(whole);
    expect(nested({ "w.0": leaf(2), w: leaf(1) })).toEqual(whole);
    expect(flat(nested(whole))).toEqual(whole);
    expect(parameterAt(whole, "w.0")).toEqual(leaf(2));
    const odd = { ["__proto__"]: leaf(4), "a..b": leaf(5), "": leaf(6), "c\\.d": leaf(7) };
    expect(flat(nested(odd))).toEqual(odd);
  });

  it("find parameters and layers, and say what there is not", () => {
    expect(parameterAt(named, "layer1.0.bn.weight")).toEqual(leaf(2));
    expect(parameterAt(subtreeAt(named, "layer1.0"), "bn.weight")).toEqual(leaf(2));
    for (const path of ["layer1.0.bn", "fc.bias", "fc.weight.more", "toString", ""])
      expect(() => parameterAt(named, path)).toThrow(`the model has no parameter ${path}`);
    expect(() => subtreeAt(named, "top")).toThrow("the model has no layer top");
  });
});

/** The outputs of a function of a model's parameters and an input. */
async function run(
  model: Model,
  f: (parameters: Named<Tensor>, x: Tensor) => Tensor,
  x: NDArray,
): Promise<number[]> {
  const executable = await compile(f, [model.parameters("float64") as Named<Spec>, spec(x.shape, x.dtype)]);
  const output = await executable.run(model.init(randomStream(2), "float64"), x);
  await executable.dispose();
  return toNumbers(output);
}

describe("text models", () => {
  const sizes = { vocabulary: 9, tokens: 4 };
  const ids = ndarray([3, 1, 4, 1, 5, 8, 2, 6], [2, 4], "int64");
  it.each([
    ["textLinear", textLinear({ ...sizes, classes: 3, width: 5 })],
    ["bert", bert({ ...sizes, hidden: 6, intermediate: 8, initialisation: "normal:1" })],
  ])("%s gives the same from ids and from their embeddings", async (_, model) => {
    const whole = await run(model, (values, x) => model.apply(values, x), ids);
    const apart = await run(model, (values, x) => model.applyEmbedded(values, model.embed(values, x)), ids);
    expect(apart).toEqual(whole);
    expect(flat(model.parameters("float64"))[model.embeddingPath]?.shape[0]).toBe(9);
    const rows = await run(model, (values, x) => model.embed(values, x), ids);
    const table = toNumbers(parameterAt(model.init(randomStream(2), "float64"), model.embeddingPath));
    const width = table.length / 9;
    expect(rows.slice(0, width)).toEqual(table.slice(3 * width, 4 * width));
  });

  it("does not see padding", async () => {
    for (const model of [
      textLinear({ ...sizes, classes: 3, width: 5, padding: 0 }),
      bert({ ...sizes, hidden: 6, head: "classifier", padding: 0, initialisation: "normal:1" }),
    ]) {
      const gradient = (values: Named<Tensor>, x: Tensor): Tensor =>
        parameterAt(
          grad((w: Named<Tensor>) => op.sum(op.square(model.apply(w, x))))(values),
          model.embeddingPath,
        );
      const found = await run(model, gradient, ndarray([3, 1, 0, 0], [1, 4], "int64"));
      const width = found.length / 9;
      const used = Array.from({ length: 9 }, (_, row) =>
        found.slice(row * width, (row + 1) * width).some((value) => value !== 0),
      );
      expect(used).toEqual([false, true, false, true, false, false, false, false, false]);
    }
  });

  it("has a mean of nothing where all is padding", async () => {
    const model = textLinear({ ...sizes, classes: 3, width: 5, padding: 7 });
    const found = await run(
      model,
      (values, x) => model.apply(values, x),
      ndarray([7, 7, 7, 7], [1, 4], "int64"),
    );
    expect(found).toEqual(toNumbers(parameterAt(model.init(randomStream(2), "float64"), "fc.bias")));
  });

  it("refuses what it cannot be", () => {
    expect(() => bert({ hidden: 10, heads: 3 })).toThrow("3 heads do not divide 10 features");
  });
});

describe("models", () => {
  it("decode what they encode", async () => {
    for (const kind of ["mlp", "convolutional"] as const) {
      const model = autoencoder({ inputShape: [1, 8, 8], kind, widths: [4, 3] });
      const x = ndarray(randomStream(8).normal(128), [2, 1, 8, 8], "float64");
      expect(await run(model, (values, input) => model.encode(values, input), x)).toHaveLength(
        kind === "mlp" ? 6 : 2 * 3 * 4,
      );
      expect(await run(model, (values, input) => model.apply(values, input), x)).toHaveLength(128);
    }
    expect(() => autoencoder({ inputShape: [1, 6, 8], kind: "convolutional" })).toThrow("multiples of 4");
    expect(() => autoencoder({ inputShape: [8], widths: [] })).toThrow("widths are empty");
  });

  it("say what examples they take", () => {
    const model = vgg11({ inputShape: [3, 32, 32], classes: 2, width: 1 });
    const values = tree.map((array) => op.constant(array), model.init(randomStream(0), "float32"));
    const tryWith = (x: Tensor) => () => model.apply(values, x);
    expect(tryWith(op.zeros([1, 3, 32, 31], "float32"))).toThrow(
      "examples are floats [N, 3, 32, 32], got float32 [1,3,32,31]",
    );
    expect(tryWith(op.zeros([3, 32, 32], "float32"))).toThrow("got float32 [3,32,32]");
    expect(tryWith(op.zeros([1, 3, 32, 32], "int64"))).toThrow("got int64");
  });

  it("need running statistics for inference, and more than one number for training", () => {
    const model = resnet({ depth: 20, inputShape: [1, 4, 4], classes: 2, width: 2 });
    const values = tree.map((array) => op.constant(array), model.init(randomStream(0), "float32"));
    const x = op.zeros([1, 1, 4, 4], "float32");
    expect(() => model.apply(values, x)).toThrow(
      "batch normalisation needs the running statistics: give buffers",
    );
    // The last stage of one 4 x 4 image has one pixel.
    expect(() => model.apply(values, x, { training: true })).toThrow("more than 1 number for each channel");
  });

  it("begin with running statistics of mean 0 and variance 1, like their specs", () => {
    const model = resnet({ depth: 18, inputShape: [3, 8, 8], classes: 2, width: 2 });
    const initial = model.initialBuffers?.("float64") ?? {};
    expect(specs(initial)).toEqual(model.buffers?.("float64"));
    for (const [name, array] of Object.entries(flat(initial)))
      expect(
        toNumbers(array).every((v) => v === (name.endsWith("running_var") ? 1 : 0)),
        name,
      ).toBe(true);
    expect(
      resnet({ depth: 20, inputShape: [3, 8, 8], classes: 2, normalisation: "group" }).buffers,
    ).toBeUndefined();
  });

  it("give the gradient of each example under vmap", async () => {
    const model = resnet({ depth: 20, inputShape: [1, 4, 4], classes: 2, width: 2, normalisation: "group" });
    const x = ndarray(randomStream(3).normal(48), [3, 1, 4, 4], "float64");
    const loss = (values: Named<Tensor>, input: Tensor): Tensor =>
      op.sum(op.square(model.apply(values, input)));
    const one = (values: Named<Tensor>, input: Tensor): Tensor =>
      parameterAt(grad(loss)(values, op.unsqueeze(input, 0)), "conv1.weight");
    const each = await run(model, (values, input) => vmap(one, [null, 0])(values, input), x);
    const whole = await run(
      model,
      (values, input) => parameterAt(grad(loss)(values, input), "conv1.weight"),
      x,
    );
    for (const [i, value] of whole.entries()) {
      const total = [0, 1, 2].reduce((sum, n) => sum + (each[n * whole.length + i] ?? Number.NaN), 0);
      expect(Math.abs(total - value)).toBeLessThan(1e-12 * (1 + Math.abs(value)));
    }
  });

  it("normalise groups of two channels at least", () => {
    expect([1, 2, 3, 4, 6, 16, 64, 80, 512].map(groupsOf)).toEqual([1, 1, 1, 2, 3, 8, 32, 20, 32]);
  });
});
