import { describe, expect, it } from "vitest";
import type { NDArray } from "../../../engine/ndarray.ts";
import { parameterAt } from "../../../models/model.ts";
import { randomStream } from "../../../numeric/random.ts";
import { type EncoderOptions, smallEncoder } from "./encoder.testing.ts";
import { sharedTextGradient } from "./gradient.ts";
import { compileTextMatching, type TextMatchingRequest } from "./matching.ts";

const vocabularySize = 20;
const ids = [2, 17, 9, 4];
const targets = { rows: [1, 3], labels: [5, 11] };

async function client(options: Partial<EncoderOptions> = {}, aims = targets) {
  const model = smallEncoder({ vocabularySize, length: ids.length, width: 8, ...options });
  const parameters = model.init(randomStream(4), "float64");
  const gradient = await sharedTextGradient({ model, parameters, ids, targets: aims, dtype: "float64" });
  return { model, parameters, gradient, length: ids.length, rows: aims.rows };
}

/** The embeddings of the text itself. */
function truth(matrix: NDArray): Float64Array {
  const width = matrix.shape[1] ?? 0;
  const rows = matrix.data as Float64Array;
  return Float64Array.from(ids.flatMap((id) => [...rows.subarray(id * width, (id + 1) * width)]));
}

const variants: readonly [string, Partial<EncoderOptions>, Partial<TextMatchingRequest>][] = [
  ["l2", {}, { distance: "l2" }],
  ["cosine", {}, { distance: "cosine" }],
  ["tag", {}, { distance: "tag" }],
  ["l2 with a regulariser", {}, { normWeight: 0.7 }],
  ["l2 with a tied output", { tied: true }, {}],
  ["l2 of the entries that were sent", {}, { sentOnly: true }],
  ["l2 with known tokens", {}, { known: [2, undefined, undefined, 4] }],
];

describe("the matching loss of a text", () => {
  it.each(variants.filter(([, , { normWeight }]) => normWeight === undefined))(
    "is zero at the embeddings of the text: %s",
    async (_, options, extra) => {
      const shared = await client(options);
      const matching = await compileTextMatching({ ...shared, labels: targets.labels, ...extra });
      const x = truth(parameterAt(shared.parameters, shared.model.embeddingPath));
      expect(Math.abs((await matching.objective(x)).value)).toBeLessThan(1e-14);
      const elsewhere = x.map((value, i) => value + 0.05 * Math.sin(i));
      expect((await matching.objective(elsewhere)).value).toBeGreaterThan(1e-4);
      await matching.dispose();
    },
  );

  it.each(variants)("has the gradient that finite differences give: %s", async (_, options, extra) => {
    const shared = await client(options);
    // Without labels: the label logits are unknowns too.
    const matching = await compileTextMatching({ ...shared, ...extra });
    expect(matching.unknowns).toBe(4 * 8 + 2 * vocabularySize);
    const x = randomStream(6).normal(matching.unknowns, 0, 0.5);
    const gradient = (await matching.objective(x)).gradient.slice();
    const step = 1e-5;
    for (let i = 0; i < x.length; i += 5) {
      const at = async (shift: number): Promise<number> =>
        (await matching.objective(x.map((value, j) => (i === j ? value + shift : value)))).value;
      const slope = ((await at(step)) - (await at(-step))) / (2 * step);
      expect(Math.abs(slope - (gradient[i] ?? Number.NaN))).toBeLessThan(1e-7 * (1 + Math.abs(slope)));
    }
    await matching.dispose();
  });

  it("is zero at the text of a classifier", async () => {
    const shared = await client({ classes: 3 }, { rows: [0], labels: [2] });
    const matching = await compileTextMatching({ ...shared, labels: [2] });
    const x = truth(parameterAt(shared.parameters, shared.model.embeddingPath));
    expect((await matching.objective(x)).value).toBeLessThan(1e-20);
    await matching.dispose();
  });

  it("does not move known tokens", async () => {
    const shared = await client();
    const matching = await compileTextMatching({
      ...shared,
      labels: targets.labels,
      known: [2, undefined, undefined, 4],
    });
    const { gradient } = await matching.objective(randomStream(6).normal(32));
    expect(gradient.map((slope, i) => Number(slope !== 0 && (i < 8 || i >= 24)))).toEqual(
      new Float64Array(32),
    );
    await matching.dispose();
  });

  it("refuses known tokens that are none", async () => {
    const shared = await client();
    const compiling = compileTextMatching({ ...shared, known: [20] });
    await expect(compiling).rejects.toThrow("known token 20 at position 0 is not one of 20 at 4 positions");
  });
});

describe("the shared gradient of a text", () => {
  it.each([
    [{ ids: [] }, "the text has no tokens"],
    [{ targets: { rows: [1], labels: [] } }, "0 labels for 1 rows"],
    [{ targets: { rows: [], labels: [] } }, "0 labels for 0 rows"],
    [{ ids: [2, 20] }, "id 20 is not a token from 0 to 19"],
    [{ targets: { rows: [1], labels: [20] } }, "label 20 is not a class from 0 to 19"],
  ])("refuses %o", async (change, message) => {
    const { model, parameters } = await client();
    const request = { model, parameters, ids, targets, dtype: "float64" as const, ...change };
    await expect(sharedTextGradient(request)).rejects.toThrow(message);
  });
});
