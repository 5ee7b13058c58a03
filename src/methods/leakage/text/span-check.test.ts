import { describe, expect, it } from "vitest";
import { type NDArray, ndarray } from "../../../engine/ndarray.ts";
import { randomStream } from "../../../numeric/random.ts";
import { type EncoderOptions, smallEncoder } from "./encoder.testing.ts";
import { sharedTextGradient } from "./gradient.ts";
import { bertNames, endsIn, replaceParameters } from "./model.ts";
import { spanCheck } from "./span-check.ts";

const vocabularySize = 200;
const ids = [2, 17, 103, 4, 17, 199, 55, 3];

async function client(
  options: Partial<EncoderOptions>,
  { seed = 3, dtype = "float64" }: { seed?: number; dtype?: "float32" | "float64" } = {},
) {
  const model = smallEncoder({ vocabularySize, length: 40, ...options });
  const parameters = model.init(randomStream(seed), dtype);
  const share = (tokens: readonly number[], rows: readonly number[]) =>
    sharedTextGradient({
      model,
      parameters,
      ids: tokens,
      targets: { rows, labels: rows.map((row) => (row * 7) % model.classes) },
      dtype,
    });
  return { model, parameters, share };
}

describe("the span check", () => {
  it.each([0, 1, 2, 3])("finds every token at its place behind two layers, seed %i", async (seed) => {
    const { model, parameters, share } = await client({}, { seed });
    const check = spanCheck({ model, parameters, gradient: await share(ids, [3]), length: ids.length });
    expect(check).toMatchObject({ status: "recovered", rank: ids.length, tokens: ids });
    expect(check.candidates.map((near) => near.length)).toEqual(ids.map(() => 1));
  });

  it("finds the tokens of a classifier's text, and of one whose output is tied", async () => {
    for (const options of [{ classes: 3 }, { tied: true }]) {
      const { model, parameters, share } = await client(options);
      const gradient = await share(ids, [0]);
      expect(spanCheck({ model, parameters, gradient, length: ids.length }).tokens).toEqual(ids);
    }
  });

  it("finds them from float32 gradients with the tolerances of float32", async () => {
    const { model, parameters, share } = await client({}, { dtype: "float32" });
    const check = spanCheck({
      model,
      parameters,
      gradient: await share(ids, [3]),
      length: ids.length,
      tolerance: 1e-2,
      rankTolerance: 1e-5,
    });
    expect(check.tokens).toEqual(ids);
  });

  it("finds the masked positions alone behind one layer, and says why", async () => {
    const { model, parameters, share } = await client({ layers: 1 });
    const check = spanCheck({ model, parameters, gradient: await share(ids, [3, 5]), length: ids.length });
    expect(check).toMatchObject({ status: "partial", rank: 2 });
    expect(check.tokens).toEqual(ids.map((token, i) => (i === 3 || i === 5 ? token : undefined)));
    expect(check.reason).toContain("rank 2 for 8 tokens");
  });

  it("refuses as many tokens as the model is wide, and noise", async () => {
    const { model, parameters, share } = await client({ width: 8 });
    const gradient = await share(ids, [3]);
    const wide = spanCheck({ model, parameters, gradient, length: ids.length });
    expect(wide.status).toBe("refused");
    expect(wide.reason).toContain("8 tokens and the model is 8 wide");
    const noise = randomStream(9).normal(32 * 32, 0, 1e-3);
    const { model: other, parameters: others, share: shareOther } = await client({});
    const noisy = replaceParameters<NDArray>(await shareOther(ids, [3]), (name, leaf) =>
      endsIn(name, bertNames.firstQuery) ? ndarray(noise, leaf.shape, "float64") : leaf,
    );
    const refused = spanCheck({ model: other, parameters: others, gradient: noisy, length: ids.length });
    expect(refused).toMatchObject({ status: "refused", rank: 32 });
    expect(refused.reason).toContain("noise was added");
  });

  it("looks only at the vocabulary it is given", async () => {
    const { model, parameters, share } = await client({});
    const gradient = await share(ids, [3]);
    const check = spanCheck({ model, parameters, gradient, length: ids.length, vocabulary: [17, 55, 60] });
    expect(check.tokens).toEqual([undefined, 17, undefined, undefined, 17, undefined, 55, undefined]);
    expect(check.status).toBe("partial");
  });

  it("refuses a text longer than the model's positions", async () => {
    const { model, parameters, share } = await client({ length: 8, width: 32 });
    const gradient = await share(ids, [3]);
    expect(() => spanCheck({ model, parameters, gradient, length: 9 })).toThrow("takes 8 at most");
  });
});
