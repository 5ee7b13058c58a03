import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { temporaryFiles } from "../data/binary-files.testing.ts";
import { InputError } from "../data/input-error.ts";
import { type NDArray, ndarray, toNumbers } from "../engine/ndarray.ts";
import { writeModel } from "../engine/onnx/models.testing.ts";
import * as op from "../engine/ops/index.ts";
import { compile, spec } from "../engine/runtime/compile.ts";
import type { Tensor } from "../engine/tensor.ts";
import { grad } from "../engine/transforms/grad.ts";
import { randomStream } from "../numeric/random.ts";
import { type Named, parameterAt } from "./model.ts";
import { flat } from "./names.ts";
import { type OnnxTextModel, textModelFromOnnx } from "./onnx-text.ts";

const at = (path: string): string => fileURLToPath(new URL(`../../test/vectors/${path}`, import.meta.url));
const write = temporaryFiles();

interface Reference {
  readonly ids: number[];
  readonly row: number;
  readonly label: number;
  readonly loss: number;
  readonly gradients: Record<string, { shape: number[]; squares: number; sum: number }>;
}
const references: Record<string, Reference> = JSON.parse(
  readFileSync(at("text-models/text-models.json"), "utf8"),
);

const lossOf = (logits: Tensor, { row, label }: Reference): Tensor => {
  const rows = op.reshape(logits, [-1, logits.shape.at(-1) ?? 0]);
  return op.softmaxCrossEntropy(op.slice(rows, [row, row + 1]), op.constant(ndarray([label], [1], "int64")));
};

/** The loss, its gradient for every parameter, and the loss of the embeddings of the same ids. */
async function differentiate(model: OnnxTextModel, reference: Reference) {
  const { ids } = reference;
  const run = await compile(
    (values: Named<Tensor>, text: Tensor) => [
      lossOf(model.apply(values, text), reference),
      grad((inner: Named<Tensor>) => lossOf(model.apply(inner, text), reference))(values),
      lossOf(model.applyEmbedded(values, model.embed(values, text)), reference),
    ],
    [model.parameters("float64"), spec([1, ids.length], "int64")] as const,
  );
  const parameters = model.init(randomStream(0), "float64");
  const [loss, gradient, embedded] = await run.run(parameters, ndarray(ids, [1, ids.length], "int64"));
  await run.dispose();
  return { loss: toNumbers(loss as NDArray)[0], gradient, embedded: toNumbers(embedded as NDArray)[0] };
}

describe("textModelFromOnnx", () => {
  it.each([
    ["masked-lm", 61, 15],
    ["tied-masked-lm", 61, 16],
    ["text-classifier", 3, 15],
  ])("gives PyTorch's loss and gradient of %s", async (name, classes, length) => {
    const reference = references[name];
    if (reference === undefined) throw new Error(`there is no reference of ${name}`);
    const model = await textModelFromOnnx(at(`text-models/${name}.onnx`), { tokens: 15 });
    expect(model).toMatchObject({ classes, vocabulary: 61, inputShape: [length], inputDType: "int64" });
    expect(model.embeddingPath).toBe("words.weight");
    const { loss, gradient, embedded } = await differentiate(model, reference);
    // The file has the square root in attention and the epsilons of its normalisations in float32.
    expect(loss).toBeCloseTo(reference.loss, 8);
    expect(embedded).toBe(loss);
    // Exporters transpose weights and call them by other names: each has its sum of squares.
    const order = (digests: readonly { squares: number; sum: number }[]) =>
      digests.toSorted((a, b) => a.squares - b.squares);
    const found = order(
      Object.values(flat(gradient as Named<NDArray>)).map((array) => {
        const values = toNumbers(array);
        return {
          squares: values.reduce((total, value) => total + value * value, 0),
          sum: values.reduce((total, value) => total + value, 0),
        };
      }),
    );
    const expected = order(Object.values(reference.gradients));
    expect(found).toHaveLength(expected.length);
    for (const [i, { squares, sum }] of expected.entries()) {
      expect(Math.abs((found[i]?.squares ?? Number.NaN) - squares)).toBeLessThan(1e-7 * (1 + squares));
      // Gradients that are zero but for rounding may change places.
      if (squares > 1e-20) expect(Math.abs((found[i]?.sum ?? Number.NaN) - sum)).toBeLessThan(1e-7);
    }
    const table = reference.gradients["words.weight"];
    const own = toNumbers(parameterAt(gradient as Named<NDArray>, "words.weight"));
    expect(own.reduce((total, value) => total + value * value, 0)).toBeCloseTo(table?.squares ?? 0, 6);
  });

  it("feeds padding that attention does not see to a file that fixes more places", async () => {
    const model = await textModelFromOnnx(at("text-models/tied-masked-lm.onnx"), { tokens: 9 });
    expect(model.inputShape).toEqual([16]);
    const refused = textModelFromOnnx(at("text-models/tied-masked-lm.onnx"), { tokens: 17 });
    await expect(refused).rejects.toThrow("it takes texts of 16 tokens; this one has 17");
    const open = textModelFromOnnx(at("text-models/masked-lm.onnx"), { tokens: 17 });
    await expect(open).rejects.toThrow("it takes texts of 16 tokens; this one has 17");
  });

  it("refuses what is no text model, in one line", async () => {
    const image = at("classifiers/lenet-sigmoid.onnx");
    await expect(textModelFromOnnx(image, { tokens: 5 })).rejects.toThrow(
      new InputError(
        `${image}: expected a model of texts, whose inputs are token ids, int64 [N, tokens]; its input "image" is float32 [batch, 3, 32, 32]`,
      ),
    );
    const ids = { dtype: "int64", shape: ["n", "t"] } as const;
    const table = ndarray(randomStream(0).normal(10), [5, 2], "float32");
    const take = { type: "Gather", inputs: ["table", "ids"], outputs: ["rows"] };
    const wide = { type: "ReduceSum", inputs: ["rows"], outputs: ["out"], attributes: { keepdims: 0 } };
    const float = { type: "Cast", inputs: ["ids"], outputs: ["out"], attributes: { to: 1 } };
    for (const [nodes, shape, message] of [
      [[take, wide], ids.shape, "expected logits [N, classes] or [N, tokens, 5]"],
      [[float], ids.shape, 'no parameter\'s rows are looked up by "ids"'],
      [[take], ["n", "t", 3], 'its input "ids" is int64 [n, t, 3]'],
    ] as const) {
      const graph = {
        nodes: [...nodes],
        inputs: { ids: { ...ids, shape } },
        initializers: { table },
        outputs: [nodes.at(-1)?.outputs[0] ?? ""],
      };
      const bytes = writeModel(graph, 17);
      await expect(textModelFromOnnx(write(bytes), { tokens: 5 })).rejects.toThrow(message);
    }
    await expect(textModelFromOnnx("nowhere.onnx", { tokens: 5 })).rejects.toThrow("nowhere.onnx");
  });
});
