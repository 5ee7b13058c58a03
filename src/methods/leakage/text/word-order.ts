/**
 * The order of a text's words, read off the gradients of two tables: of tokens and of positions.
 *
 * A model adds the embeddings of token and position before anything else, so both rows have the gradient of that sum: with
 * g_t the gradient at position t, row t of the positions' table gets g_t and row v of the tokens' table gets the sum of
 * g_t over the positions where v stands. [derived; it needs one text, tables that are trained, and no more positions than
 * the model is wide for tokens that occur more than once]
 */
import type { NDArray } from "../../../engine/ndarray.ts";
import { type Named, parameterAt } from "../../../models/model.ts";
import type { TextModel } from "../../../models/text-model.ts";
import { matrixOfRows } from "../../../numeric/linear-algebra/matrix.ts";
import { matrixTimesVector, transposeTimesVector } from "../../../numeric/linear-algebra/product.ts";
import { svd } from "../../../numeric/linear-algebra/svd.ts";
import { dot } from "../../../numeric/rows.ts";
import type { RowErrors } from "./bag-of-words.ts";
import { matrixRows } from "./matrix-rows.ts";
import { nearestOrder } from "./nearest-order.ts";
import { outsideSpan, type RowSpace } from "./row-space.ts";
import type { TextStructure } from "./structure.ts";

export interface WordOrder {
  /**
   * `recovered`: every position has its token. `partial`: some have none. `estimated`: a defence moved the rows, and every
   * position has a token that fits best. `refused`: there is nothing to read it off.
   */
  readonly status: "recovered" | "partial" | "estimated" | "refused";
  /** Why, in a sentence. */
  readonly reason: string;
  /** The token at each position, where it was found. */
  readonly tokens: readonly (number | undefined)[];
}

export interface WordOrderRequest {
  readonly model: Pick<TextModel, "embeddingPath">;
  /** Which parameter is added for positions: `readTextStructure`. */
  readonly structure: Pick<TextStructure, "positions" | "length">;
  /** The shared gradient of one text, a tree like the parameters. */
  readonly gradient: Named<NDArray>;
  /** The tokens present: {@link bagOfWords}. */
  readonly tokens: readonly number[];
  /** The output layer's share of the tokens' table, which is left out of the comparison. */
  readonly outputSpan?: RowSpace | undefined;
  /** The largest difference between equal gradients, relative to their length; 1e-4 by default. */
  readonly tolerance?: number;
  /** The tokens that the attacker is told, at their positions; they are used where there are errors. */
  readonly known?: readonly (number | undefined)[];
  /** What is known of a defence's errors in either table; none by default. */
  readonly errors?: { readonly words: RowErrors; readonly positions: RowErrors };
}

/**
 * Finds where each of the present tokens stands, by comparing the two tables' gradients: tokens that occur once by
 * equality, the others by writing their row as a sum of the rows of positions.
 *
 * With errors the order is looked for that leaves least of the tokens' rows when those of their positions are taken off,
 * see {@link nearestOrder}: a guess, which `estimated` says.
 *
 * @throws RangeError when the gradient lacks one of the tables
 */
export function wordOrder(request: WordOrderRequest): WordOrder {
  const { model, structure, gradient, tokens, outputSpan, tolerance = 1e-4, errors } = request;
  const { positions, length } = structure;
  const refused = (reason: string): WordOrder => ({
    status: "refused",
    reason,
    tokens: Array.from({ length }, () => undefined),
  });
  if (positions === undefined)
    return refused("the model adds no trained table of positions to its embeddings");
  const clean = (row: Float64Array): Float64Array =>
    outputSpan === undefined ? row : outsideSpan(row, outputSpan);
  const words = matrixRows(parameterAt(gradient, model.embeddingPath));
  const added = matrixRows(asMatrix(parameterAt(gradient, positions.path), words.width));
  const places = positions.rows.map((row) => clean(added.row(row)));
  if (places.every((place) => norm(place) === 0))
    return refused("the gradient of the positions' table is zero");
  const wordRows = new Map(tokens.map((token) => [token, clean(words.row(token))]));

  if (errors !== undefined) {
    const found = nearestOrder(wordRows, places, request.known ?? []);
    const equal = found.filter((token, t) => {
      const [row, place] = [wordRows.get(token ?? -1), places[t]];
      return (
        row !== undefined && place !== undefined && distance(row, place) < errorOf(errors, { place, row })
      );
    }).length;
    return {
      status: "estimated",
      reason: `the best order of ${tokens.length} tokens at ${length} positions; the gradients of their tables agree within the errors of what was sent at ${equal}`,
      tokens: found,
    };
  }

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

/** The length that a difference of a word's row and a position's has by errors alone, but for one chance in thousands. */
function errorOf(
  { words, positions }: { readonly words: RowErrors; readonly positions: RowErrors },
  { place, row }: { readonly place: Float64Array; readonly row: Float64Array },
): number {
  const rounding = words.relative * norm(row) + positions.relative * norm(place);
  return Math.hypot(words.absolute, positions.absolute) * (Math.sqrt(row.length) + 4) + 2 * rounding;
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

/** Rows of `width` numbers, of however many axes. */
function asMatrix(array: NDArray, width: number): NDArray {
  return { ...array, shape: [array.data.length / width, width] };
}

function norm(vector: Float64Array): number {
  return Math.sqrt(dot(vector, vector));
}

function distance(a: Float64Array, b: Float64Array): number {
  return norm(a.map((value, i) => value - (b[i] as number)));
}
