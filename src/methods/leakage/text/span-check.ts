/**
 * Tokens and their places in closed form, from the gradient of the first linear layer.
 *
 * A layer W x for each token's vector x has the gradient dL/dW = sum over tokens of delta x^T: its rows lie in the span of
 * the vectors. What each token of the vocabulary at each place would have as vector is known; those that lie in the span
 * were there, as long as the span is not the whole space.
 *
 * Source: I. Petrov, D. I. Dimitrov, M. Baader, M. N. Müller, M. Vechev, "DAGER: Exact Gradient Inversion for Large
 * Language Models", NeurIPS 2024, section 4, for the queries; here keys and values are looked at too, which see the same
 * vectors. (Its search for the order by the second layer is not needed where positions are in the input.)
 */
import { type NDArray, ndarray } from "../../../engine/ndarray.ts";
import * as op from "../../../engine/ops/index.ts";
import { type Named, parameterAt } from "../../../models/model.ts";
import type { TextModel } from "../../../models/text-model.ts";
import { dot } from "../../../numeric/rows.ts";
import type { RowErrors } from "./bag-of-words.ts";
import { firstLayerInputs, scoreTokens } from "./first-layer-inputs.ts";
import { matrixRows } from "./matrix-rows.ts";
import { type RowSpace, rowSpace } from "./row-space.ts";
import type { FirstLayer, TextStructure } from "./structure.ts";

export interface SpanCandidate {
  readonly token: number;
  /** Its distance to the span, relative to its length. */
  readonly distance: number;
}

export interface SpanCheck {
  /**
   * `recovered`: every position has its token. `partial`: some positions have none, or more than one. `estimated`: a
   * defence moved the gradient, and positions have the token that is by far the nearest. `refused`: the check says
   * nothing here.
   */
  readonly status: "recovered" | "partial" | "estimated" | "refused";
  /** Why, in a sentence. */
  readonly reason: string;
  /** The token at each position where exactly one is in the span, or the nearest where there are errors. */
  readonly tokens: readonly (number | undefined)[];
  /** All tokens in the span, the nearest first, for each position. */
  readonly candidates: readonly (readonly SpanCandidate[])[];
  /** The rank of the layer's gradient. */
  readonly rank: number;
}

export interface SpanCheckRequest {
  readonly model: Pick<TextModel, "embeddingPath">;
  /** Which weights to look at, and what they see: `readTextStructure`. */
  readonly structure: Pick<TextStructure, "firstLayer" | "length">;
  readonly parameters: Named<NDArray>;
  /** The shared gradient, a tree like the parameters. */
  readonly gradient: Named<NDArray>;
  /** The tokens to consider, such as a bag of words; the whole vocabulary by default. */
  readonly vocabulary?: readonly number[];
  /** The largest distance of a token that counts as in the span; 1e-5 by default. */
  readonly tolerance?: number;
  /** Singular values below this part of the largest count as zero; 1e-7 by default. */
  readonly rankTolerance?: number;
  /** What is known of a defence's errors in each parameter's gradient; none by default. */
  readonly errors?: (path: string) => RowErrors;
}

/**
 * The tokens whose vectors lie in the row space of the first layer's gradient.
 *
 * It refuses where the text has as many tokens as the vectors are long, as every vector is then in the span. Where the
 * rank is below the number of tokens, the span holds the vectors of some only: behind one layer and with a masked language
 * model's loss, those of the masked ones.
 *
 * With errors, singular values count that are above those which errors alone would give: the gradients are scaled to
 * errors of standard deviation 1, whose largest singular value is near sqrt(rows) + sqrt(columns). A token is in the
 * span when it is nearer than twice the angle by which errors may have turned it (Wedin's bound), and is taken when no
 * other is within twice its distance.
 */
export async function spanCheck(request: SpanCheckRequest): Promise<SpanCheck> {
  const { model, structure, parameters, gradient, rankTolerance = 1e-7, errors } = request;
  const { length, firstLayer } = structure;
  const refused = (reason: string, rank = 0): SpanCheck => ({
    status: "refused",
    reason,
    tokens: Array.from({ length }, () => undefined),
    candidates: Array.from({ length }, () => []),
    rank,
  });
  if (firstLayer === undefined)
    return refused("the model's graph has no linear layer that is given the tokens one by one");
  const { width } = firstLayer;
  const found = gradientSpan(firstLayer, gradient, { rankTolerance, errors });
  const { space, turned = 0 } = found ?? {};
  const tolerance = errors === undefined ? (request.tolerance ?? 1e-5) : Math.min(2 * turned, 0.9);
  if (length >= width)
    return refused(
      `the text has ${length} tokens and the first layer's inputs are ${width} long: they span the whole space, so that every token is in the span`,
      space?.rank,
    );
  if (space === undefined || space.rank === 0)
    return refused(
      errors === undefined
        ? "the gradient of the first layer is zero"
        : "nothing in the gradient of the first layer stands out of the errors of what was sent",
    );
  const { rank } = space;
  if (rank > length)
    return refused(
      `the gradient of the first layer has rank ${rank}, more than the ${length} tokens can give it: something was added to it, or it is not this text's`,
      rank,
    );

  const table = parameterAt(parameters, model.embeddingPath);
  const rows = matrixRows(table);
  const some = ndarray(
    Array.from({ length }, (_, position) => [...rows.row(position % rows.count)]).flat(),
    [length, rows.width],
    "float64",
  );
  if ((await firstLayerInputs({ firstLayer, parameters, length }, some)) === undefined)
    return refused("what the first layer is given for a token depends on the others");
  const tokens = request.vocabulary ?? Array.from({ length: rows.count }, (_, id) => id);
  const distances = await distancesToSpan({ firstLayer, parameters, length, table, tokens }, space);
  const candidates = Array.from({ length }, (_, position) =>
    tokens
      .map((token, i) => ({ token, distance: distances[i * length + position] ?? Number.NaN }))
      .filter(({ distance }) => distance < tolerance)
      .sort((a, b) => a.distance - b.distance),
  );
  return {
    ...verdictOf(candidates, { rank, length, hasErrors: errors !== undefined }),
    tokens: candidates.map(([first, second]) => {
      // Where several are in the span, the nearest is no better than the others: rounding decides.
      if (errors === undefined) return second === undefined ? first?.token : undefined;
      const isFar = (second?.distance ?? Number.POSITIVE_INFINITY) > 2 * (first?.distance ?? 0);
      return isFar ? first?.token : undefined;
    }),
    candidates,
    rank,
  };
}

/**
 * The span of all rows of the layer's gradients, each weight's scaled to one length, or to errors of standard deviation 1;
 * undefined where all are zero. `turned`: the sine of the largest angle by which errors may have turned it.
 */
function gradientSpan(
  { weights }: FirstLayer,
  gradient: Named<NDArray>,
  { rankTolerance, errors }: { readonly rankTolerance: number; readonly errors: SpanCheckRequest["errors"] },
): { readonly space: RowSpace; readonly turned: number } | undefined {
  const rows = weights.flatMap(({ path, inputAxis }) => {
    const vectors = vectorsAlong(parameterAt(gradient, path), inputAxis);
    const length = Math.sqrt(vectors.reduce((sum, vector) => sum + dot(vector, vector), 0));
    const { absolute, relative } = errors?.(path) ?? { absolute: 0, relative: 0 };
    const numbers = vectors.length * (vectors[0]?.length ?? 0);
    const size =
      errors === undefined ? length : Math.hypot(absolute, (relative * length) / Math.sqrt(numbers));
    return size === 0 ? [] : vectors.map((vector) => vector.map((value) => value / size));
  });
  if (rows.length === 0) return undefined;
  if (errors === undefined) return { space: rowSpace(rows, { rankTolerance }), turned: 0 };
  const edge = Math.sqrt(rows.length) + Math.sqrt(rows[0]?.length ?? 0) + 2;
  const { basis, singularValues } = rowSpace(rows, { rankTolerance: 0 });
  const rank = singularValues.filter((value) => value > edge).length;
  const turned = edge / (singularValues[rank - 1] ?? edge);
  return { space: { basis: basis.slice(0, rank), rank, singularValues }, turned };
}

/** The vectors of a matrix along an axis: its rows for 1, its columns for 0. */
function vectorsAlong(matrix: NDArray, axis: 0 | 1): Float64Array[] {
  const { count, width, row } = matrixRows(matrix);
  if (axis === 1) return Array.from({ length: count }, (_, i) => row(i));
  const data = matrix.data as ArrayLike<number>;
  return Array.from({ length: width }, (_, column) =>
    Float64Array.from({ length: count }, (__, i) => data[i * width + column] ?? 0),
  );
}

/** ||x - R R^T x|| / ||x|| for the vector x of each token [tokens] at each position [length]. */
function distancesToSpan(
  {
    table,
    tokens,
    ...layer
  }: {
    readonly firstLayer: FirstLayer;
    readonly parameters: Named<NDArray>;
    readonly length: number;
    readonly table: NDArray;
    readonly tokens: readonly number[];
  },
  { basis, rank }: RowSpace,
): Promise<Float64Array> {
  const directions = op.constant(
    ndarray(
      basis.flatMap((direction) => [...direction]),
      [rank, layer.firstLayer.width],
      "float64",
    ),
  );
  return scoreTokens(layer, { table, tokens }, (vectors) => {
    const along = op.matmul(vectors, op.transpose(directions));
    const rest = op.sub(vectors, op.matmul(along, directions));
    const squares = op.sum(op.square(vectors), { axes: -1 });
    return op.sqrt(op.div(op.sum(op.square(rest), { axes: -1 }), op.maximum(squares, Number.MIN_VALUE)));
  });
}

function verdictOf(
  candidates: readonly (readonly SpanCandidate[])[],
  {
    rank,
    length,
    hasErrors,
  }: { readonly rank: number; readonly length: number; readonly hasErrors: boolean },
): Pick<SpanCheck, "status" | "reason"> {
  const found = candidates.filter((near) => near.length > 0).length;
  const ambiguous = candidates.filter((near) => near.length > 1).length;
  if (hasErrors)
    return {
      status: "estimated",
      reason: `${rank} dimensions of the first layer's gradient stand out of the errors of what was sent, for ${length} tokens; ${found} of the positions have a token within those errors of their span`,
    };
  if (rank < length)
    return {
      status: "partial",
      reason: `the gradient of the first layer has rank ${rank} for ${length} tokens: it spans the inputs of some only (behind one layer, of the masked ones); ${found} of the positions have a token in the span`,
    };
  if (found === length && ambiguous === 0)
    return {
      status: "recovered",
      reason: `at each of the ${length} positions exactly one token lies in the span of the first layer's gradient`,
    };
  return {
    status: "partial",
    reason: `${found} of ${length} positions have a token in the span of the first layer's gradient, ${ambiguous} have several`,
  };
}
