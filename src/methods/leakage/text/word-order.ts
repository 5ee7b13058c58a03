/**
 * The order of a text's words, read off the gradients of two tables: of tokens and of positions.
 *
 * A model adds the embeddings of token and position before anything else, so both rows have the gradient of that sum: with
 * g_t the gradient at position t, row t of the positions' table gets g_t and row v of the tokens' table gets the sum of
 * g_t over the positions where v stands. [derived; it needs one text, tables that are trained, and no more positions than
 * the model is wide for tokens that occur more than once]
 */
import type { NDArray } from "../../../engine/ndarray.ts";
import type { Named } from "../../../models/model.ts";
import { matrixOfRows } from "../../../numeric/linear-algebra/matrix.ts";
import { matrixTimesVector, transposeTimesVector } from "../../../numeric/linear-algebra/product.ts";
import { svd } from "../../../numeric/linear-algebra/svd.ts";
import { dot } from "../../../numeric/rows.ts";
import { bertNames, findParameter, parameterEndingIn, type TextModel } from "./model.ts";
import { outsideSpan, type RowSpace } from "./row-space.ts";

export interface WordOrder {
  /** `recovered`: every position has its token. `partial`: some have none. `refused`: there is nothing to read it off. */
  readonly status: "recovered" | "partial" | "refused";
  /** Why, in a sentence. */
  readonly reason: string;
  /** The token at each position that has a gradient; the text's length is that of this list. */
  readonly tokens: readonly (number | undefined)[];
}

export interface WordOrderRequest {
  readonly model: Pick<TextModel, "embeddingPath">;
  /** The shared gradient of one text, a tree like the parameters. */
  readonly gradient: Named<NDArray>;
  /** The tokens present: {@link bagOfWords}. */
  readonly tokens: readonly number[];
  /** The output layer's share of the tokens' table, which is left out of the comparison. */
  readonly outputSpan?: RowSpace | undefined;
  /** The largest difference between equal gradients, relative to their length; 1e-4 by default. */
  readonly tolerance?: number;
}

/**
 * Finds where each of the present tokens stands, by comparing the two tables' gradients: tokens that occur once by
 * equality, the others by writing their row as a sum of the rows of positions.
 *
 * @throws RangeError when the model has no table of tokens
 */
export function wordOrder(request: WordOrderRequest): WordOrder {
  const { model, gradient, tokens, outputSpan, tolerance = 1e-4 } = request;
  const table = findParameter(gradient, bertNames.positions);
  if (table === undefined)
    return { status: "refused", reason: "the model has no table of positions that is trained", tokens: [] };
  const clean = (row: Float64Array): Float64Array =>
    outputSpan === undefined ? row : outsideSpan(row, outputSpan);
  const places = rowsUpToLastUsed(table).map(clean);
  if (places.length === 0)
    return { status: "refused", reason: "the gradient of the positions' table is zero", tokens: [] };
  const words = parameterEndingIn(gradient, model.embeddingPath);
  const wordRows = new Map(tokens.map((token) => [token, clean(rowAt(words, token))]));

  const found = places.map((place): number | undefined => {
    for (const [token, row] of wordRows) if (distance(row, place) < tolerance * norm(place)) return token;
    return undefined;
  });
  const rest = tokens.filter((token) => !found.includes(token));
  const free = [...found.keys()].filter((position) => found[position] === undefined);
  if (rest.length > 0 && free.length > 0)
    for (const [token, positions] of sumsOf(rest, wordRows, free, places, tolerance))
      for (const position of positions) found[position] = token;

  const missing = found.filter((token) => token === undefined).length;
  return missing === 0
    ? {
        status: "recovered",
        reason: `the gradients of the tables of tokens and positions agree at all ${places.length} positions`,
        tokens: found,
      }
    : {
        status: "partial",
        reason: `the gradients of the tables of tokens and positions agree at ${places.length - missing} of ${places.length} positions`,
        tokens: found,
      };
}

/** For each token whose row is a sum of rows of free positions: those positions. */
function sumsOf(
  tokens: readonly number[],
  wordRows: ReadonlyMap<number, Float64Array>,
  free: readonly number[],
  places: readonly Float64Array[],
  tolerance: number,
): [token: number, positions: readonly number[]][] {
  const basis = free.map((position) => places[position] ?? new Float64Array());
  const width = basis[0]?.length ?? 0;
  // More unknowns than equations have many solutions.
  if (free.length === 0 || free.length > width) return [];
  // The solution of least norm: positions of equal rows share what is theirs, and none of them comes out as 1.
  const { u, values, v } = svd(matrixOfRows(basis));
  const bound = 2 ** -52 * Math.max(width, free.length) * (values[0] ?? 0);
  const solve = (row: Float64Array): Float64Array =>
    matrixTimesVector(
      u,
      transposeTimesVector(v, row).map((along, i) => {
        const value = values[i] ?? 0;
        return value > bound ? along / value : 0;
      }),
    );
  return tokens.flatMap((token): [number, readonly number[]][] => {
    const row = wordRows.get(token) ?? new Float64Array(width);
    const weights = solve(row);
    const positions = free.filter((_, i) => Math.round(weights[i] ?? 0) === 1);
    const sum = new Float64Array(width);
    for (const position of positions)
      for (const [i, value] of (places[position] ?? sum).entries()) sum[i] = (sum[i] ?? 0) + value;
    return positions.length > 0 && distance(sum, row) < tolerance * norm(row) ? [[token, positions]] : [];
  });
}

/** The rows of a matrix up to the last one that is not zero. */
function rowsUpToLastUsed(matrix: NDArray): Float64Array[] {
  const rows = Array.from({ length: matrix.shape[0] ?? 0 }, (_, i) => rowAt(matrix, i));
  return rows.slice(0, rows.findLastIndex((row) => row.some((value) => value !== 0)) + 1);
}

function rowAt({ data, shape }: NDArray, row: number): Float64Array {
  const width = shape[1] ?? 0;
  return Float64Array.from((data as Float64Array).subarray(row * width, (row + 1) * width));
}

function norm(vector: Float64Array): number {
  return Math.sqrt(dot(vector, vector));
}

function distance(a: Float64Array, b: Float64Array): number {
  return norm(a.map((value, i) => value - (b[i] as number)));
}
