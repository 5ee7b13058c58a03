import { describe, expect, it } from "vitest";
import { ndarray } from "../../engine/ndarray.ts";
import { randomStream } from "../../numeric/random.ts";
import { bagOfWords } from "./bag-of-words.ts";

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
    expect(bag).toMatchObject({ status: "exact", tokens, threshold: 0 });
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

  it("says that it cannot tell where the matrix is also the output layer, or not trained", () => {
    const tied = bagOfWords(gradientOf(tokens, 0.1), { tied: true });
    expect(tied.status).toBe("impossible");
    expect(tied.reason).toContain("also the output layer");
    const frozen = bagOfWords(gradientOf([]));
    expect(frozen).toMatchObject({ status: "impossible", tokens: [] });
    expect(frozen.reason).toContain("not trained");
  });

  it("refuses what is no gradient of a matrix", () => {
    expect(() => bagOfWords(ndarray([1, 2], [2], "float64"))).toThrow("found shape [2]");
    expect(() => bagOfWords(ndarray([1, Number.NaN], [1, 2], "float64"))).toThrow("row 0");
  });
});
