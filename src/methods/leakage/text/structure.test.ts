import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { ndarray } from "../../../engine/ndarray.ts";
import * as op from "../../../engine/ops/index.ts";
import { bert } from "../../../models/bert.ts";
import { textModelFromOnnx } from "../../../models/onnx-text.ts";
import { textLinear } from "../../../models/text-linear.ts";
import { randomStream } from "../../../numeric/random.ts";
import { firstLayerInputs } from "./first-layer-inputs.ts";
import { readTextStructure } from "./structure.ts";

const file = (name: string): string =>
  fileURLToPath(new URL(`../../../../test/vectors/text-models/${name}.onnx`, import.meta.url));
const sizes = { tokens: 6, vocabulary: 40, hidden: 16, positions: 9 };
const rows = [0, 1, 2, 3, 4, 5];

describe("the structure of a text model", () => {
  it("is read off the graph of our BERT", async () => {
    const structure = await readTextStructure(bert(sizes));
    expect(structure).toMatchObject({
      length: 6,
      isClassifier: false,
      isTied: true,
      outputBias: "cls.predictions.bias",
      positions: { path: "bert.embeddings.position_embeddings.weight", rows },
    });
    expect(structure.firstLayer?.weights).toEqual(
      ["query", "key", "value"].map((name) => ({
        path: `bert.encoder.layer.0.attention.self.${name}.weight`,
        inputAxis: 1,
      })),
    );
    const untied = await readTextStructure(bert({ ...sizes, tied: false, norm: "pre" }));
    expect(untied).toMatchObject({ isTied: false, positions: { rows } });
    const classifier = await readTextStructure(bert({ ...sizes, head: "classifier" }));
    expect(classifier).toMatchObject({ isClassifier: true, isTied: false, outputBias: "classifier.bias" });
  });

  it.each([
    ["masked-lm", { isTied: false, isClassifier: false, positions: { path: "places.weight", rows } }, 6],
    ["tied-masked-lm", { isTied: true, isClassifier: false, outputBias: "decoder.bias" }, 16],
    ["text-classifier", { isTied: false, isClassifier: true, outputBias: "decoder.bias" }, 6],
  ])("is read off a file that PyTorch wrote: %s", async (name, expected, length) => {
    const structure = await readTextStructure(await textModelFromOnnx(file(name), { tokens: 6 }));
    expect(structure).toMatchObject({ ...expected, length });
    expect(structure.positions?.rows).toEqual(Array.from({ length }, (_, t) => t));
    // Exporters store the weights of layers transposed, under names that say nothing.
    expect(structure.firstLayer?.weights.map(({ inputAxis }) => inputAxis)).toEqual([0, 0, 0]);
  });

  it("has neither positions nor a first layer of single tokens where a model takes the mean of its embeddings", async () => {
    const structure = await readTextStructure(textLinear({ tokens: 6, vocabulary: 40, classes: 3 }));
    expect(structure).toEqual({ length: 6, isClassifier: true, isTied: false, outputBias: "fc.bias" });
  });

  it("gives the inputs of the first layer, and tells where tokens are mixed before it", async () => {
    const model = bert(sizes);
    const { firstLayer } = await readTextStructure(model);
    if (firstLayer === undefined) throw new Error("BERT has a first layer");
    const parameters = model.init(randomStream(1), "float64");
    const embeddings = ndarray(randomStream(2).normal(6 * 16), [6, 16], "float64");
    const inputs = await firstLayerInputs({ firstLayer, parameters, length: 6 }, embeddings);
    // Behind BERT's normalisation each vector has mean 0 and mean square 1.
    const first = inputs?.data.subarray(0, 16) ?? new Float64Array();
    expect(first.reduce((sum, value) => sum + value, 0)).toBeCloseTo(0, 10);
    expect(first.reduce((sum, value) => sum + value * value, 0)).toBeCloseTo(16, 8);
    const [vectors] = firstLayer.graph.results;
    if (vectors === undefined) throw new Error("the graph has a result");
    const blurred = op.add(vectors, op.mean(vectors, { axes: 0, keepAxes: true }));
    const layer = { ...firstLayer, graph: { ...firstLayer.graph, results: [blurred] } };
    expect(await firstLayerInputs({ firstLayer: layer, parameters, length: 6 }, embeddings)).toBeUndefined();
  });
});
