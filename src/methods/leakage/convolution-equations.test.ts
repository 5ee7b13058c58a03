import { describe, expect, it } from "vitest";
import { randomStream } from "../../numeric/random.ts";
import {
  type ConvolutionShape,
  convolutionEquations,
  equationScales,
  forEachProduct,
} from "./convolution-equations.ts";

const shape: ConvolutionShape = { input: [2, 7, 6], output: [3, 4, 3], kernel: 5, stride: 2, padding: 2 };
const stream = randomStream(4);
const weight = stream.normal(3 * 2 * 25);
const delta = stream.normal(3 * 4 * 3);

/** The matrix entry by entry, from the definition of a convolution. */
function dense(): number[][] {
  const rows = Array.from({ length: 36 + 150 }, () => Array<number>(84).fill(0));
  forEachProduct(shape, (output, w, input) => {
    const [first, second] = [rows[output] ?? [], rows[36 + w] ?? []];
    first[input] = (first[input] ?? 0) + (weight[w] ?? 0);
    second[input] = (second[input] ?? 0) + (delta[output] ?? 0);
  });
  return rows;
}

describe("the equations of a convolution's input", () => {
  it("are the convolution's and the correlation's, and their products are transposes", async () => {
    const operator = await convolutionEquations(shape, weight, delta, { blocks: [1, 1] });
    const rows = dense();
    const x = stream.normal(84);
    const forward = await operator.multiply(x);
    for (const [r, row] of rows.entries())
      expect(forward[r]).toBeCloseTo(
        row.reduce((sum, value, c) => sum + value * (x[c] ?? 0), 0),
        11,
      );
    const y = stream.normal(186);
    const back = await operator.transposeMultiply(y);
    for (let c = 0; c < 84; c++)
      expect(back[c]).toBeCloseTo(
        rows.reduce((sum, row, r) => sum + (row[c] ?? 0) * (y[r] ?? 0), 0),
        11,
      );
    await operator.dispose();
  });

  it("are scaled by the root mean square norms of their blocks", () => {
    const { blocks, columnNorms } = equationScales(shape, weight, delta);
    const rows = dense();
    const square = (row: readonly number[]): number => row.reduce((sum, value) => sum + value * value, 0);
    const rootMean = (part: readonly number[][]): number =>
      Math.sqrt(part.reduce((sum, row) => sum + square(row), 0) / part.length);
    expect(blocks[0]).toBeCloseTo(rootMean(rows.slice(0, 36)), 11);
    expect(blocks[1]).toBeCloseTo(rootMean(rows.slice(36)), 11);
    const column = rows.map((row, r) => (row[40] ?? 0) / (r < 36 ? blocks[0] : blocks[1]));
    expect(columnNorms[40]).toBeCloseTo(Math.sqrt(square(column)), 11);
  });
});
