import { describe, expect, it } from "vitest";
import { castArray, type NDArray, ndarray } from "../../../engine/ndarray.ts";
import { randomStream } from "../../../numeric/random.ts";
import { type EncoderOptions, smallEncoder } from "./encoder.testing.ts";
import { sharedTextGradient } from "./gradient.ts";
import { endsIn, replaceParameters } from "./named-parameters.ts";
import { spanCheck } from "./span-check.ts";
import { readTextStructure } from "./structure.ts";

const vocabularySize = 200;
const ids = [2, 17, 103, 4, 17, 199, 55, 3];

async function client(
  options: Partial<EncoderOptions>,
  { seed = 3, dtype = "float64" }: { seed?: number; dtype?: "float32" | "float64" } = {},
) {
  const model = smallEncoder({ vocabularySize, length: ids.length, ...options });
  const parameters = model.init(randomStream(seed), dtype);
  const structure = await readTextStructure(model);
  const share = (tokens: readonly number[], rows: readonly number[]) =>
    sharedTextGradient({
      model,
      parameters,
      ids: tokens,
      targets: { rows, labels: rows.map((row) => (row * 7) % model.classes) },
      dtype,
    });
  return { model, parameters, structure, share };
}

describe("the span check", () => {
  it.each([0, 1, 2, 3])("finds every token at its place behind two layers, seed %i", async (seed) => {
    const { share, ...known } = await client({}, { seed });
    const check = await spanCheck({ ...known, gradient: await share(ids, [3]) });
    expect(check).toMatchObject({ status: "recovered", rank: ids.length, tokens: ids });
    expect(check.candidates.map((near) => near.length)).toEqual(ids.map(() => 1));
  });

  it("finds the tokens of a classifier's text, and of one whose output is tied", async () => {
    for (const options of [{ classes: 3 }, { tied: true }]) {
      const { share, ...known } = await client(options);
      expect((await spanCheck({ ...known, gradient: await share(ids, [0]) })).tokens).toEqual(ids);
    }
  });

  it("finds them from float32 gradients with the tolerances of float32", async () => {
    const { share, ...known } = await client({}, { dtype: "float32" });
    const check = await spanCheck({
      ...known,
      gradient: await share(ids, [3]),
      tolerance: 1e-2,
      rankTolerance: 1e-5,
    });
    expect(check.tokens).toEqual(ids);
  });

  it("finds the masked position alone behind one layer, and says why", async () => {
    const { share, ...known } = await client({ layers: 1 });
    const check = await spanCheck({ ...known, gradient: await share(ids, [3]) });
    // One dimension by the queries, one for each head by the keys and one by the values.
    expect(check).toMatchObject({ status: "partial", rank: 5 });
    expect(check.tokens).toEqual(ids.map((token, i) => (i === 3 ? token : undefined)));
    expect(check.reason).toContain("rank 5 for 8 tokens");
  });

  it("finds all behind one layer where masks and heads give the keys and values as many dimensions", async () => {
    const { share, ...known } = await client({ layers: 1 });
    const check = await spanCheck({ ...known, gradient: await share(ids, [3, 5]) });
    expect(check).toMatchObject({ status: "recovered", rank: 8, tokens: ids });
  });

  it("refuses as many tokens as the model is wide, and noise that it was not told of", async () => {
    const { share, ...known } = await client({ width: 8 });
    const wide = await spanCheck({ ...known, gradient: await share(ids, [3]) });
    expect(wide.status).toBe("refused");
    expect(wide.reason).toContain("8 tokens and the first layer's inputs are 8 long");
    const other = await client({});
    const noise = randomStream(9).normal(32 * 32, 0, 1e-3);
    const noisy = replaceParameters<NDArray>(await other.share(ids, [3]), (name, leaf) =>
      endsIn(name, "layer.0.attention.self.query.weight") ? ndarray(noise, leaf.shape, "float64") : leaf,
    );
    const refused = await spanCheck({ ...other, gradient: noisy });
    expect(refused).toMatchObject({ status: "refused", rank: 32 });
    expect(refused.reason).toContain("something was added to it");
  });

  it("finds the nearest tokens under noise of a known strength, and nothing where noise hides all", async () => {
    const { share, ...known } = await client({});
    const exact = await share(ids, [3]);
    const under = async (sd: number) => {
      const stream = randomStream(4);
      const gradient = replaceParameters<NDArray>(exact, (_, leaf) => {
        const noise = stream.normal(leaf.data.length, 0, sd);
        return castArray(
          ndarray(
            noise.map((value, i) => value + Number(leaf.data[i])),
            leaf.shape,
            "float64",
          ),
          "float64",
        );
      });
      return spanCheck({ ...known, gradient, errors: () => ({ noise: sd, absolute: sd, relative: 0 }) });
    };
    expect(await under(1e-6)).toMatchObject({ status: "estimated", rank: ids.length, tokens: ids });
    const hidden = await under(1);
    expect(hidden.status).toBe("refused");
    expect(hidden.reason).toContain("nothing in the gradient of the first layer stands out");
  });

  it("looks only at the vocabulary it is given", async () => {
    const { share, ...known } = await client({});
    const check = await spanCheck({ ...known, gradient: await share(ids, [3]), vocabulary: [17, 55, 60] });
    expect(check.tokens).toEqual([undefined, 17, undefined, undefined, 17, undefined, 55, undefined]);
    expect(check.status).toBe("partial");
  });

  it("is refused without a layer that sees the tokens one by one", async () => {
    const { share, ...known } = await client({});
    const check = await spanCheck({
      ...known,
      structure: { length: ids.length },
      gradient: await share(ids, [3]),
    });
    expect(check.status).toBe("refused");
    expect(check.reason).toContain("no linear layer that is given the tokens one by one");
  });
});
