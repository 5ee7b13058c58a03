/**
 * Tokens and their places in closed form, from the gradient of the first layer's queries.
 *
 * The queries are W_Q x for each token's input x to the first layer, so dL/dW_Q = sum over tokens of delta x^T: its rows
 * lie in the span of the inputs. What each token of the vocabulary at each place would have as input is known; those
 * that lie in the span were there, as long as the span is not the whole space.
 *
 * Source: I. Petrov, D. I. Dimitrov, M. Baader, M. N. Müller, M. Vechev, "DAGER: Exact Gradient Inversion for Large
 * Language Models", NeurIPS 2024, section 4 (its search for the order by the second layer is not needed where positions
 * are in the input).
 */
import type { NDArray } from "../../../engine/ndarray.ts";
import type { Named } from "../../../models/model.ts";
import { firstLayerInputs, matrixRows } from "./first-layer-inputs.ts";
import { bertNames, parameterEndingIn, type TextModel } from "./model.ts";
import { distanceToSpan, rowSpace } from "./row-space.ts";

export interface SpanCandidate {
  readonly token: number;
  /** Its distance to the span, relative to its length. */
  readonly distance: number;
}

export interface SpanCheck {
  /**
   * `recovered`: every position has its token. `partial`: some positions have none, or more than one. `refused`: the
   * check says nothing here.
   */
  readonly status: "recovered" | "partial" | "refused";
  /** Why, in a sentence. */
  readonly reason: string;
  /** The token at each position where exactly one is in the span. */
  readonly tokens: readonly (number | undefined)[];
  /** All tokens in the span, the nearest first, for each position. */
  readonly candidates: readonly (readonly SpanCandidate[])[];
  /** The rank of the gradient: as many tokens had a gradient in their queries. */
  readonly rank: number;
}

export interface SpanCheckRequest {
  readonly model: Pick<TextModel, "embeddingPath">;
  readonly parameters: Named<NDArray>;
  /** The shared gradient, a tree like the parameters, of which the first layer's query weight is looked at. */
  readonly gradient: Named<NDArray>;
  /** Tokens of the text; it is the shape of the client's message. */
  readonly length: number;
  /** The tokens to consider, such as a bag of words; the whole vocabulary by default. */
  readonly vocabulary?: readonly number[];
  /** The largest distance of a token that counts as in the span; 1e-5 by default. */
  readonly tolerance?: number;
  /** Singular values below this part of the largest count as zero; 1e-7 by default. */
  readonly rankTolerance?: number;
  /** The epsilon of the embeddings' layer normalisation; BERT's 1e-12 by default. */
  readonly epsilon?: number;
}

/**
 * The tokens whose first-layer inputs LN(token + position + type 0) lie in the row space of the query gradient.
 *
 * It refuses where the text has as many tokens as the model is wide, as every vector is then in the span. Where the rank
 * is below the number of tokens some tokens have no gradient in their queries and cannot be found: with one layer and a
 * masked language model's loss all but the masked ones.
 *
 * @throws RangeError when the model lacks BERT's embeddings or queries, or the text is longer than its positions
 */
export function spanCheck(request: SpanCheckRequest): SpanCheck {
  const { gradient, length, tolerance = 1e-5, rankTolerance = 1e-7 } = request;
  const query = matrixRows(parameterEndingIn(gradient, bertNames.firstQuery));
  const { width } = query;
  const space = rowSpace(
    Array.from({ length: query.count }, (_, i) => query.row(i)),
    { rankTolerance },
  );
  const { rank } = space;
  const nothing = Array.from({ length }, () => undefined);
  const refused = (reason: string): SpanCheck => ({
    status: "refused",
    reason,
    tokens: nothing,
    candidates: nothing.map(() => []),
    rank,
  });
  if (length >= width)
    return refused(
      `the text has ${length} tokens and the model is ${width} wide: the tokens' inputs span the whole space, so that every token is in the span`,
    );
  if (rank === 0) return refused("the gradient of the first layer's queries is zero");
  if (rank > length)
    return refused(
      `the gradient of the first layer's queries has rank ${rank}, more than the ${length} tokens can give it: noise was added to it, or it is not this text's`,
    );

  const { model, parameters, epsilon } = request;
  const inputs = firstLayerInputs(model, parameters, epsilon === undefined ? {} : { epsilon });
  if (length > inputs.positions)
    throw new RangeError(
      `spanCheck: the text has ${length} tokens, the model takes ${inputs.positions} at most`,
    );
  const vocabulary = request.vocabulary ?? Array.from({ length: inputs.tokens }, (_, id) => id);
  const input = new Float64Array(width);
  const candidates = Array.from({ length }, (_, position) => {
    const near: SpanCandidate[] = [];
    for (const token of vocabulary) {
      inputs.ofToken(token, position, input);
      const distance = distanceToSpan(input, space);
      if (distance < tolerance) near.push({ token, distance });
    }
    return near.sort((a, b) => a.distance - b.distance);
  });
  // Where several are in the span, the nearest is no better than the others: rounding decides.
  const tokens = candidates.map((near) => (near.length === 1 ? near[0]?.token : undefined));
  return { ...verdictOf(candidates, { rank, length }), tokens, candidates, rank };
}

function verdictOf(
  candidates: readonly (readonly SpanCandidate[])[],
  { rank, length }: { readonly rank: number; readonly length: number },
): Pick<SpanCheck, "status" | "reason"> {
  const found = candidates.filter((near) => near.length > 0).length;
  const ambiguous = candidates.filter((near) => near.length > 1).length;
  if (rank < length)
    return {
      status: "partial",
      reason: `the gradient of the first layer's queries has rank ${rank} for ${length} tokens: only so many have a gradient in their queries (with one layer, the masked ones alone); ${found} of the positions have one in the span`,
    };
  if (found === length && ambiguous === 0)
    return {
      status: "recovered",
      reason: `at each of the ${length} positions exactly one token lies in the span of the query gradient`,
    };
  return {
    status: "partial",
    reason: `${found} of ${length} positions have a token in the span of the query gradient, ${ambiguous} have several`,
  };
}
