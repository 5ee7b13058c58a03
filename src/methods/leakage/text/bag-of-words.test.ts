import { describe, expect, it } from "vitest";
import { ndarray } from "../../../engine/ndarray.ts";
import { parameterAt } from "../../../models/model.ts";
import { randomStream } from "../../../numeric/random.ts";
import { bagOfWords } from "./bag-of-words.ts";
import { smallEncoder } from "./encoder.testing.ts";
import { sharedTextGradient } from "./gradient.ts";

const rows = 500;
const width = 16;

/** A gradient with rows of N(0, 1) for the given tokens and zeros elsewhere, with noise on all. */
function gradientOf(tokens: readonly number[], noise = 0) {
  const [values, disturbance] = randomStream(11).spawn(2);
  if (values === undefined || disturbance === undefined) throw new Error("spawn(2) gives two streams");
  const data = new Float64Array(rows * width);
  for (const token of tokens) data.set(values.normal(width), token * width);
  if (noise > 0)
    for (const [i, value] of disturbance.normal(rows * width, 0, noise).entries())
      data[i] = (data[i] ?? 0) + value;
  return ndarray(data, [rows, width], "float64");
}

describe("a bag of words", () => {
  const tokens = [0, 7, 33, 250, 499];

  it("is the rows that are not zero, however small", () => {
    const gradient = gradientOf(tokens);
    gradient.data.fill(1e-300, 33 * width, 34 * width);
    const bag = bagOfWords(gradient);
    expect(bag).toMatchObject({ status: "exact", tokens });
    expect(bag.reason).toContain("5 of 500 rows");
  });

  it("may be all but one token of the vocabulary", () => {
    const most = Array.from({ length: rows - 1 }, (_, id) => id);
    expect(bagOfWords(gradientOf(most))).toMatchObject({ status: "exact", tokens: most });
  });

  it.each([1e-6, 1e-2, 0.1])("stands out of noise of %d", (noise) => {
    expect(bagOfWords(gradientOf(tokens, noise))).toMatchObject({ status: "estimated", tokens });
  });

  it("drowns in noise as large as the gradient, with no false words", () => {
    expect(bagOfWords(gradientOf([], 1)).tokens).toEqual([]);
    expect(bagOfWords(gradientOf(tokens, 3)).tokens).toEqual([]);
  });

  it("says that it cannot tell where the table is not trained", () => {
    const frozen = bagOfWords(gradientOf([]));
    expect(frozen).toMatchObject({ status: "impossible", tokens: [] });
    expect(frozen.reason).toContain("not trained");
  });

  it("refuses what is no gradient of a matrix", () => {
    expect(() => bagOfWords(ndarray([1, 2], [2], "float64"))).toThrow("found shape [2]");
    expect(() => bagOfWords(ndarray([1, Number.NaN], [1, 2], "float64"))).toThrow("row 0");
  });
});

describe("a bag of words from a table that is the output layer too", () => {
  const ids = [2, 17, 103, 4, 17, 199, 55, 3];
  const share = async (rows: readonly number[], dtype: "float32" | "float64", seed: number) => {
    const model = smallEncoder({ vocabularySize: 200, length: 8, tied: true });
    const parameters = model.init(randomStream(seed), dtype);
    const targets = { rows, labels: rows.map((row) => 30 + row) };
    const gradient = await sharedTextGradient({ model, parameters, ids, targets, dtype });
    return parameterAt(gradient, model.embeddingPath);
  };
  const present = [...new Set(ids)].sort((a, b) => a - b);

  it.each([
    [[3], "float64", 1],
    [[1, 3], "float64", 2],
    [[0, 5, 7], "float64", 3],
    [[3], "float32", 4],
  ] as const)("is exact with masks at %o in %s", async (rows, dtype, seed) => {
    const tolerance = dtype === "float32" ? 1e-3 : 1e-5;
    const bag = bagOfWords(await share(rows, dtype, seed), { tiedOutputs: rows.length, tolerance });
    expect(bag).toMatchObject({ status: "exact", tokens: present });
    expect(bag.outputSpan?.rank).toBe(rows.length);
  });

  it("cannot be had without knowing how the table is used, with noise, or with too many masks", async () => {
    const gradient = await share([3], "float64", 1);
    expect(bagOfWords(gradient).status).toBe("estimated");
    const noise = randomStream(1).normal(gradient.data.length, 0, 1e-3);
    const noisy = ndarray(
      noise.map((value, i) => value + Number(gradient.data[i])),
      gradient.shape,
      "float64",
    );
    const hidden = bagOfWords(noisy, { tiedOutputs: 1 });
    expect(hidden).toMatchObject({ status: "impossible", tokens: [] });
    expect(hidden.reason).toContain("noise hides the tokens");
    expect(bagOfWords(gradient, { tiedOutputs: 32 }).reason).toContain(
      "32 masked tokens, the model is 32 wide",
    );
  });
});
