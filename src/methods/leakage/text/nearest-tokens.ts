/** The way back from embeddings to tokens. */
import type { NDArray } from "../../../engine/ndarray.ts";
import * as op from "../../../engine/ops/index.ts";
import { type Named, parameterAt } from "../../../models/model.ts";
import type { TextModel } from "../../../models/text-model.ts";
import { dot } from "../../../numeric/rows.ts";
import { firstLayerInputs, scoreTokens } from "./first-layer-inputs.ts";
import { matrixRows } from "./matrix-rows.ts";
import type { TextStructure } from "./structure.ts";

/**
 * The token that an embedding at a position stands for: `cosine`, the row of the table with the smallest angle to it;
 * `euclidean`, the nearest row; `input`, the token whose input to the first layer is nearest to the embedding's. A
 * normalisation after the embeddings lets many embeddings have one input, and only that can be told from gradients behind it.
 */
export type Nearest = "input" | "cosine" | "euclidean";

export interface NearestTokensRequest {
  readonly model: Pick<TextModel, "embeddingPath">;
  /** What `readTextStructure` gives; its first layer is needed for `input`. */
  readonly structure: Pick<TextStructure, "firstLayer">;
  readonly parameters: Named<NDArray>;
  /** [length, features]. */
  readonly embeddings: NDArray<"float64">;
  /** By default `input` for models whose first layer sees the tokens one by one, else `cosine`. */
  readonly nearest?: Nearest;
  /** Ids to choose from; all by default. */
  readonly vocabulary?: readonly number[];
}

/**
 * The token that each embedding stands for: see {@link Nearest}.
 *
 * @throws RangeError when `input` is asked for of a model whose first layer does not see the tokens one by one
 */
export async function nearestTokens(request: NearestTokensRequest): Promise<number[]> {
  const { model, structure, parameters, embeddings, nearest } = request;
  const { firstLayer } = structure;
  const table = parameterAt(parameters, model.embeddingPath);
  const [length = 0] = embeddings.shape;
  const tokens = request.vocabulary ?? Array.from({ length: table.shape[0] ?? 0 }, (_, id) => id);
  if (firstLayer !== undefined && (nearest === undefined || nearest === "input")) {
    const layer = { firstLayer, parameters, length };
    const targets = await firstLayerInputs(layer, embeddings);
    if (targets !== undefined) {
      // Of |x - target|^2 only what differs between tokens.
      const scores = await scoreTokens(layer, { table, tokens }, (vectors) => {
        const products = op.sum(op.mul(vectors, op.constant(targets)), { axes: -1 });
        return op.sub(products, op.mul(op.sum(op.square(vectors), { axes: -1 }), 0.5));
      });
      return bestTokens(tokens, length, (i, position) => scores[i * length + position] ?? 0);
    }
  }
  if (nearest === "input")
    throw new RangeError(
      "nearestTokens: the model has no first layer that sees the tokens one by one, which input needs",
    );
  const rows = matrixRows(table);
  const points = matrixRows(embeddings);
  return bestTokens(tokens, length, (i, position) => {
    const row = rows.row(tokens[i] ?? 0);
    const product = dot(row, points.row(position));
    const squares = dot(row, row);
    return nearest === "euclidean" ? product - squares / 2 : product / Math.sqrt(squares || 1);
  });
}

/** The token with the largest score at each position. */
function bestTokens(
  tokens: readonly number[],
  length: number,
  score: (i: number, position: number) => number,
): number[] {
  return Array.from({ length }, (_, position) => {
    let best = 0;
    let bestScore = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < tokens.length; i++) {
      const found = score(i, position);
      if (!(found > bestScore)) continue;
      best = i;
      bestScore = found;
    }
    return tokens[best] ?? 0;
  });
}
