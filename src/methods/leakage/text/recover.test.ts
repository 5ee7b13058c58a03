import { describe, expect, it } from "vitest";
import { type NDArray, ndarray } from "../../../engine/ndarray.ts";
import { parameterAt } from "../../../models/model.ts";
import { randomStream } from "../../../numeric/random.ts";
import { smallEncoder } from "./encoder.testing.ts";
import { sharedTextGradient } from "./gradient.ts";
import { endsIn, replaceParameters } from "./named-parameters.ts";
import { nearestTokens } from "./nearest-tokens.ts";
import { recoverText, sortBySwaps } from "./recover.ts";
import { readTextStructure } from "./structure.ts";

const ids = [2, 17, 103, 4, 17, 199];
const mask = { rows: [3], labels: [77] };

async function client({ wordScale = 1 } = {}) {
  const model = smallEncoder({ vocabularySize: 200, length: ids.length, width: 16 });
  const parameters = replaceParameters<NDArray>(model.init(randomStream(1), "float64"), (name, leaf) =>
    endsIn(name, model.embeddingPath)
      ? ndarray(
          (leaf.data as Float64Array).map((value) => wordScale * value),
          leaf.shape,
          "float64",
        )
      : leaf,
  );
  const gradient = await sharedTextGradient({ model, parameters, ids, targets: mask, dtype: "float64" });
  const structure = await readTextStructure(model);
  return { model, structure, parameters, gradient, length: ids.length, rows: mask.rows };
}

describe("recovering a text by matching", () => {
  it("finds every token at its last step, with L-BFGS", async () => {
    const shared = await client();
    const recovery = await recoverText({ ...shared, labels: [77], stream: randomStream(5), iterations: 500 });
    expect(recovery.tokens).toEqual(ids);
    expect(recovery.labels).toEqual([77]);
    expect(recovery.matchingLoss).toBeLessThan(1e-3);
  });

  it("keeps the start with the smallest matching loss, whatever the others found", async () => {
    const shared = await client();
    const steps: number[] = [];
    const recovery = await recoverText({
      ...shared,
      stream: randomStream(8),
      starts: 3,
      iterations: 25,
      onStep: ({ start }) => steps.push(start),
    });
    const losses = recovery.starts.map(({ matchingLoss }) => matchingLoss);
    expect(losses).toHaveLength(3);
    expect(recovery.matchingLoss).toBe(Math.min(...losses));
    expect(new Set(losses).size).toBe(3);
    expect(new Set(steps)).toEqual(new Set([0, 1, 2]));
    const again = await recoverText({ ...shared, stream: randomStream(8), starts: 3, iterations: 25 });
    expect(again.starts).toEqual(recovery.starts);
  });

  it("puts the tokens in order by the matching loss, and keeps known ones", async () => {
    const shared = await client({ wordScale: 10 });
    const options = { ...shared, labels: [77], known: [2, undefined, undefined, 4], iterations: 300 };
    const plain = await recoverText({ ...options, stream: randomStream(1) });
    expect(plain.tokens).not.toEqual(ids);
    expect(plain.tokens.toSorted((a, b) => a - b)).toEqual(ids.toSorted((a, b) => a - b));
    const moved = await recoverText({ ...options, stream: randomStream(1), reorderings: 2 });
    expect(moved.tokens).toEqual(ids);
    expect(moved.matchingLoss).toBeLessThan(1e-14);
    for (const { tokens } of [plain, moved]) expect([tokens[0], tokens[3]]).toEqual([2, 4]);
  });

  it("swaps pairs until no swap gets better, and moves nothing else", async () => {
    const objective = async (x: Float64Array) => ({
      value: x.reduce((sum, value, i) => sum + (value - i) ** 2, 0),
      gradient: x,
    });
    const request = { movable: [0, 1, 2, 3, 5], width: 1, mostEvaluations: 1000 };
    const sorted = await sortBySwaps(objective, Float64Array.of(5, 3, 2, 1, 4, 0), request);
    // One pass that swaps, one that finds nothing, and the start.
    expect(sorted).toEqual({ x: Float64Array.of(0, 1, 2, 3, 4, 5), value: 0, evaluations: 21 });
    const short = await sortBySwaps(objective, sorted.x.toReversed(), { ...request, mostEvaluations: 3 });
    expect(short.evaluations).toBe(3);
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(sortBySwaps(objective, sorted.x, { ...request, signal })).rejects.toThrow("enough");
    const held = await sortBySwaps(objective, Float64Array.of(0, 4, 2, 3, 1, 5), request);
    expect(held.x).toEqual(Float64Array.of(0, 2, 3, 4, 1, 5));
  });

  it("stops when it is told to, and refuses no starts", async () => {
    const shared = await client();
    const controller = new AbortController();
    const attack = recoverText({
      ...shared,
      stream: randomStream(1),
      signal: controller.signal,
      onStep: ({ iteration }) => iteration > 3 && controller.abort(new Error("enough")),
    });
    await expect(attack).rejects.toThrow("enough");
    await expect(recoverText({ ...shared, stream: randomStream(1), starts: 0 })).rejects.toThrow("starts 0");
    await expect(recoverText({ ...shared, stream: randomStream(1), startSd: -1 })).rejects.toThrow(
      "startSd -1",
    );
  });
});

describe("the nearest token", () => {
  const model = { embeddingPath: "table.weight" };
  const tableOf = (data: ArrayLike<number>, shape: readonly number[]) => ({
    table: { weight: ndarray(data, shape, "float64") },
  });

  it("is by angle or by distance, of the whole vocabulary or a part", async () => {
    const request = {
      model,
      structure: {},
      parameters: tableOf([1, 0, 0, 3, -1, -1], [3, 2]),
      embeddings: ndarray([0.4, 0.6, -5, -4], [2, 2], "float64"),
    };
    expect(await nearestTokens(request)).toEqual([1, 2]);
    expect(await nearestTokens({ ...request, nearest: "euclidean" })).toEqual([0, 2]);
    expect(await nearestTokens({ ...request, vocabulary: [0, 1] })).toEqual([1, 1]);
    await expect(nearestTokens({ ...request, nearest: "input" })).rejects.toThrow("no first layer");
  });

  it("is that of an exhaustive search", async () => {
    const [rows, points] = randomStream(2).spawn(2);
    if (rows === undefined || points === undefined) throw new Error("spawn(2) gives two streams");
    const table = rows.normal(50 * 4);
    const embeddings = ndarray(points.normal(20 * 4), [20, 4], "float64");
    const row = (from: Float64Array, i: number): number[] => [...from.subarray(4 * i, 4 * i + 4)];
    const distance = (a: number[], b: number[]): number =>
      Math.hypot(...a.map((value, i) => value - (b[i] ?? 0)));
    const best = Array.from({ length: 20 }, (_, i) => {
      const all = Array.from({ length: 50 }, (__, id) => distance(row(embeddings.data, i), row(table, id)));
      return all.indexOf(Math.min(...all));
    });
    const parameters = tableOf(table, [50, 4]);
    const request = { model, structure: {}, parameters, embeddings };
    expect(await nearestTokens({ ...request, nearest: "euclidean" })).toEqual(best);
  });

  it("is by its input to the first layer where the model normalises its embeddings", async () => {
    const { model: encoder, structure, parameters } = await client();
    const rowOf = (name: string, row: number): Float64Array =>
      (parameterAt(parameters, name).data as Float64Array).subarray(16 * row, 16 * (row + 1));
    // 3 (word + place + type) + 2 has the input of the word at its place, and points elsewhere.
    const data = Float64Array.from(
      ids.flatMap((id, position) => {
        const place = rowOf("bert.embeddings.position_embeddings.weight", position);
        const type = rowOf("bert.embeddings.token_type_embeddings.weight", 0);
        const others = [...place].map((value, i) => value + (type[i] ?? 0));
        return [...rowOf(encoder.embeddingPath, id)].map(
          (value, i) => 3 * (value + (others[i] ?? 0)) + 2 - (others[i] ?? 0),
        );
      }),
    );
    const embeddings = ndarray(data, [ids.length, 16], "float64");
    const request = { model: encoder, structure, parameters, embeddings };
    expect(await nearestTokens(request)).toEqual(ids);
    expect(await nearestTokens({ ...request, nearest: "cosine" })).not.toEqual(ids);
  });
});
