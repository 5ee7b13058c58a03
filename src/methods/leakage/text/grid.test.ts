import { describe, expect, it } from "vitest";
import { smallEncoder } from "./encoder.testing.ts";
import { textGrid, textGridCells } from "./grid.ts";

const makeModel = ({ tokens, vocabulary }: { tokens: number; vocabulary: number }) =>
  smallEncoder({ length: tokens, vocabularySize: vocabulary, width: 16 });

describe("the grid of scales", () => {
  it("has both scales of the embeddings, of the network, and both kinds of labels", () => {
    expect(textGridCells).toHaveLength(8);
    expect(new Set(textGridCells.map((cell) => JSON.stringify(cell))).size).toBe(8);
  });

  it("attacks every seed of a cell the same way each time, the closed forms beside it", async () => {
    const cells = [{ netSd: 0.1, embeddingSd: 0.1, labels: "known" }] as const;
    const seen: number[] = [];
    const options = { makeModel, cells, seeds: [0, 1], iterations: 20 };
    const rows = await textGrid({ ...options, onRow: ({ accuracy }) => seen.push(...accuracy) });
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({ ...cells[0], spanChecks: 2, bags: 2 });
    expect(rows[0]?.accuracy).toEqual(seen);
    expect(rows[0]?.accuracyByInput).toHaveLength(2);
    expect(await textGrid({ ...options, seeds: [1] })).toMatchObject([
      { matchingLoss: [rows[0]?.matchingLoss[1]] },
    ]);
  });

  it("finds the words, but not their order, where the positions' gradient is withheld", async () => {
    const [row] = await textGrid({
      makeModel,
      cells: [{ netSd: 0.2, embeddingSd: 1, labels: "known" }],
      seeds: [1],
      iterations: 400,
      withheld: ["position_embeddings.weight"],
    });
    expect(row?.permutedAccuracy).toEqual([1]);
    expect(row?.accuracy[0]).toBeLessThan(1);
  });

  it("stops when it is told to", async () => {
    await expect(textGrid({ makeModel, signal: AbortSignal.abort(new Error("stop")) })).rejects.toThrow(
      "stop",
    );
  });
});
