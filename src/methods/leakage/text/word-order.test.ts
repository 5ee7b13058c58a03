import { describe, expect, it } from "vitest";
import { type NDArray, ndarray } from "../../../engine/ndarray.ts";
import { parameterAt } from "../../../models/model.ts";
import { randomStream } from "../../../numeric/random.ts";
import { bagOfWords } from "./bag-of-words.ts";
import { type EncoderOptions, smallEncoder } from "./encoder.testing.ts";
import { sharedTextGradient } from "./gradient.ts";
import { inferTextLabels } from "./infer-labels.ts";
import { endsIn, replaceParameters } from "./named-parameters.ts";
import { readTextStructure } from "./structure.ts";
import { wordOrder } from "./word-order.ts";

const ids = [2, 17, 103, 4, 17, 199, 55, 17, 103, 3];

async function client(options: Partial<EncoderOptions>, rows: readonly number[], text = ids) {
  const model = smallEncoder({ vocabularySize: 200, length: text.length, ...options });
  const parameters = model.init(randomStream(3), "float64");
  const targets = { rows, labels: rows.map((row) => (11 * row) % model.classes) };
  const gradient = await sharedTextGradient({ model, parameters, ids: text, targets, dtype: "float64" });
  const { tokens, outputSpan } = bagOfWords(
    parameterAt(gradient, model.embeddingPath),
    options.tied ? { tiedOutputs: rows.length } : {},
  );
  return { model, structure: await readTextStructure(model), gradient, tokens, outputSpan };
}

describe("the order of words", () => {
  it.each([
    ["two layers", {}, [3]],
    ["one layer", { layers: 1 }, [3]],
    ["a tied output and two masks", { tied: true }, [3, 6]],
    ["a classifier", { classes: 3 }, [0]],
  ] as const)("is read off the tables of tokens and positions: %s", async (_, options, rows) => {
    const order = wordOrder(await client(options, rows));
    expect(order).toMatchObject({ status: "recovered", tokens: ids });
  });

  it("is found for words that occur once even in a text longer than the model is wide", async () => {
    const text = Array.from({ length: 40 }, (_, i) => (i % 10 === 9 ? 5 : i + 20));
    const order = wordOrder(await client({ width: 16 }, [3], text));
    // The four places of token 5 are found too: the others are known by then.
    expect(order).toMatchObject({ status: "recovered", tokens: text });
    const twice = Array.from({ length: 40 }, (_, i) => 20 + (i >> 1));
    const partial = wordOrder(await client({ width: 16 }, [3], twice));
    expect(partial.status).toBe("partial");
    expect(partial.tokens).toEqual(twice.map(() => undefined));
  });

  it("is refused without a table of positions, and partial with noise", async () => {
    const shared = await client({}, [3]);
    const change = (f: (leaf: NDArray) => NDArray) => ({
      ...shared,
      gradient: replaceParameters(shared.gradient, (name, leaf) =>
        endsIn(name, "position_embeddings.weight") ? f(leaf) : leaf,
      ),
    });
    const zero = change(({ shape }) => ndarray(new Float64Array(14 * 32), shape, "float64"));
    expect(wordOrder(zero)).toMatchObject({ status: "refused", tokens: ids.map(() => undefined) });
    const noise = randomStream(5).normal(14 * 32, 0, 0.1);
    expect(wordOrder(change(({ shape }) => ndarray(noise, shape, "float64"))).status).toBe("partial");
    const none = wordOrder({ ...shared, structure: { length: ids.length } });
    expect(none).toMatchObject({ status: "refused", tokens: ids.map(() => undefined) });
  });
});

describe("the labels of a text", () => {
  it.each([
    [{}, [3], "cls.predictions.decoder.bias"],
    [{ tied: true }, [3, 5, 6], "cls.predictions.bias"],
    [{ classes: 3 }, [0], "classifier.bias"],
  ] as const)("are read off the gradient of the last bias: %o", async (options, rows, name) => {
    const { model, gradient } = await client(options, rows);
    const labels = rows.map((row) => (11 * row) % model.classes).sort((a, b) => a - b);
    expect(inferTextLabels(parameterAt(gradient, name), rows.length)).toEqual(labels);
  });

  it("may be the same token more than once", () => {
    // Two labels of class 1 and one of class 2, each predicted with 1/4 everywhere.
    const bias = ndarray([0.25, 0.25 - 2 / 3, 0.25 - 1 / 3, 0.25], [4], "float64");
    expect(inferTextLabels(bias, 3)).toEqual([1, 1, 2]);
  });

  it("need a finite gradient and a positive count", () => {
    expect(() => inferTextLabels(ndarray([Number.NaN], [1], "float64"), 1)).toThrow("not finite");
    expect(() => inferTextLabels(ndarray([1], [1], "float64"), 0)).toThrow("count 0");
  });
});
