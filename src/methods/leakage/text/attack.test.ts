import { describe, expect, it } from "vitest";
import { randomStream } from "../../../numeric/random.ts";
import { attackText } from "./attack.ts";
import { confirmText, ordersOf } from "./confirm.ts";
import { type EncoderOptions, smallEncoder } from "./encoder.testing.ts";
import { sharedTextGradient } from "./gradient.ts";
import type { TextAttackParameters, TextAttackRequest } from "./outcome.ts";
import { vocabularyOfWords, wordPiece } from "./word-piece.ts";

const sentence = "The patient's brother has the same rare disease, and he is nine.";
const more = Array.from({ length: 150 }, (_, i) => `word${i}`).join(" ");
const tokenizer = wordPiece(vocabularyOfWords([sentence, more]));

function attack(
  changes: Partial<TextAttackParameters> = {},
  { encoder = {}, ...request }: Partial<TextAttackRequest> & { encoder?: Partial<EncoderOptions> } = {},
) {
  const text = request.sentence ?? sentence;
  return attackText({
    sentence,
    tokenizer,
    model: smallEncoder({
      length: Math.max(1, tokenizer.encode(text).length) + 2,
      vocabularySize: tokenizer.vocabulary.length,
      ...encoder,
    }),
    parameters: {
      masked: 0.15,
      labels: "infer",
      distance: "l2",
      optimizer: "lbfgs",
      iterations: 0,
      starts: 1,
      reorderings: 0,
      dtype: "float64",
      ...changes,
    },
    stream: randomStream(7),
    ...request,
  });
}

describe("an attack on a text", () => {
  it("reads the text off its gradient in closed form, and is sure of it", async () => {
    const outcome = await attack();
    expect(outcome.original.map((id) => outcome.vocabulary[id])).toEqual(
      "[CLS] the patient ' s brother has the same rare disease , and he is nine . [SEP]".split(" "),
    );
    expect(outcome.masked).toHaveLength(2);
    expect(outcome.bagOfWords).toMatchObject({ status: "exact", bagRecall: 1, bagPrecision: 1 });
    expect(outcome.wordOrder).toMatchObject({ status: "recovered", tokens: outcome.original });
    expect(outcome.spanCheck).toMatchObject({ status: "recovered", tokens: outcome.original });
    expect(outcome.confirmation).toMatchObject({ confirmed: true });
    expect(outcome.confirmation?.distance).toBeLessThan(1e-12);
    expect(outcome.scored).toHaveLength(outcome.original.length - 2);
    for (const { metrics } of [outcome.wordOrder, outcome.spanCheck]) expect(metrics.tokenAccuracy).toBe(1);
    expect(outcome).not.toHaveProperty("matching");
  });

  it.each([
    ["a tied table", { tied: true }, "float64"],
    ["float32", {}, "float32"],
    ["float32 and a tied table", { tied: true }, "float32"],
  ] as const)("does so with %s", async (_, options, dtype) => {
    const outcome = await attack({ dtype }, { encoder: options });
    expect(outcome.wordOrder).toMatchObject({ status: "recovered", tokens: outcome.original });
    expect(outcome.confirmation?.confirmed).toBe(true);
    expect(outcome.model.tied).toBe("tied" in options);
  });

  it.each([
    ["prune:0.5", {}],
    ["top-k:0.1", {}],
    ["sign", {}],
    ["int8", {}],
    ["bf16", { tied: true }],
    ["clip:0.1,fp16", { tied: true }],
    ["prune:0.5", { tied: true }],
    ["noise:gaussian:1e-3", { tied: true }],
    ["noise:laplacian:variance=1e-6", {}],
  ])("recovers the text through %s, and is sure of it: %o", async (defence, encoder) => {
    const outcome = await attack({ defence }, { encoder });
    expect(outcome.bagOfWords).toMatchObject({ bagRecall: 1, bagPrecision: 1 });
    expect(outcome.wordOrder.tokens).toEqual(outcome.original);
    expect(outcome.confirmation?.confirmed).toBe(true);
    expect(outcome.defence?.description).not.toBe("");
  });

  it.each(["noise:gaussian:0.03", "dp:1:0.1"])("is not sure of what %s leaves", async (defence) => {
    const outcome = await attack({ defence });
    expect(outcome.wordOrder.metrics.tokenAccuracy).toBeLessThan(0.5);
    expect(outcome.confirmation?.confirmed).not.toBe(true);
    expect(outcome.bagOfWords.status).toBe("estimated");
    expect(outcome.defence?.adaptation).toContain("within the errors");
  });

  it("refuses defences that mix examples", async () => {
    await expect(attack({ defence: "batch:2" })).rejects.toThrow("one gradient of one text");
  });

  it("matches gradients too, and scores it where the attacker was not told", async () => {
    const losses: number[] = [];
    const short = { sentence: "he has the same rare disease", stream: randomStream(2) };
    const watched = await attack(
      { iterations: 60, starts: 2, labels: "known" },
      { ...short, onProgress: ({ matchingLoss }) => losses.push(matchingLoss) },
    );
    const { matching } = watched;
    expect(matching?.starts).toHaveLength(2);
    expect(matching?.matchingLoss).toBe(
      Math.min(...(matching?.starts.map((start) => start.matchingLoss) ?? [])),
    );
    expect(losses.at(-1)).toBeLessThan(losses[0] ?? 0);
    // Eight positions, of which [CLS], [SEP] and the masked one are known.
    expect(watched.scored).toHaveLength(5);
    const blind = await attack({ iterations: 60, starts: 2, labels: "known" }, short);
    expect(blind.matching?.tokens).toEqual(matching?.tokens);
  });

  it("leaves gaps where masked tokens cannot be told apart, and refuses an empty text", async () => {
    const noQueries = await attack({ masked: 0.05 }, { encoder: { layers: 1 } });
    expect(noQueries.spanCheck.status).toBe("partial");
    await expect(attack({}, { sentence: " \n" })).rejects.toThrow("the text has no token");
    const bare = wordPiece(["[UNK]", "the"]);
    await expect(attack({}, { sentence: "the", tokenizer: bare })).rejects.toThrow("has no [MASK]");
  });
});

describe("confirming a guess", () => {
  const ids = [2, 17, 3, 4];
  it("tells the right text and order of labels from others by the gradient alone", async () => {
    const model = smallEncoder({ vocabularySize: 30, length: 4, width: 8 });
    const parameters = model.init(randomStream(1), "float64");
    const targets = { rows: [0, 1, 3], labels: [9, 8, 9] };
    const gradient = await sharedTextGradient({ model, parameters, ids, targets, dtype: "float64" });
    const guess = { model, parameters, gradient, rows: targets.rows, dtype: "float64" as const };
    const right = await confirmText({ ...guess, ids, labels: [8, 9, 9] });
    expect(right).toMatchObject({ confirmed: true, labels: [9, 8, 9] });
    expect(right.distance).toBeLessThan(1e-14);
    const wrong = await confirmText({ ...guess, ids: [2, 3, 17, 4], labels: [8, 9, 9] });
    expect(wrong.confirmed).toBe(false);
    await expect(confirmText({ ...guess, ids, labels: [8] })).rejects.toThrow("1 labels for 3 rows");
  });

  it("goes through every different order once", () => {
    const orders = [...ordersOf([1, 2, 1, 3])].map((order) => order.join(""));
    expect(orders).toHaveLength(12);
    expect(new Set(orders).size).toBe(12);
    expect(orders[0]).toBe("1213");
    expect([...ordersOf([])]).toEqual([[]]);
  });
});
