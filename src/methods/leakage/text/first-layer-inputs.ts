/** What BERT's first layer is given for a token at a position: the normalised sum of its embeddings. */
import type { NDArray } from "../../../engine/ndarray.ts";
import type { Named } from "../../../models/model.ts";
import { bertNames, findParameter, parameterEndingIn, type TextModel } from "./model.ts";

export interface FirstLayerInputs {
  /** Tokens of the vocabulary. */
  readonly tokens: number;
  /** Positions that have an embedding. */
  readonly positions: number;
  /** Features of a token. */
  readonly width: number;
  /** LN(embedding + position + type 0) for an embedding [width], into `out`. */
  ofEmbedding(embedding: Float64Array, position: number, out: Float64Array): void;
  /** The same for a token's embedding. */
  ofToken(token: number, position: number, out: Float64Array): void;
}

/**
 * The inputs of the first layer as a function of token or embedding and position.
 *
 * @param options.epsilon of the embeddings' layer normalisation; BERT's 1e-12 by default
 * @throws RangeError naming what the model lacks of BERT's embeddings
 */
export function firstLayerInputs(
  model: Pick<TextModel, "embeddingPath">,
  parameters: Named<NDArray>,
  { epsilon = 1e-12 }: { readonly epsilon?: number } = {},
): FirstLayerInputs {
  const words = matrixRows(parameterEndingIn(parameters, model.embeddingPath));
  const places = matrixRows(parameterEndingIn(parameters, bertNames.positions));
  const types = findParameter(parameters, bertNames.tokenTypes);
  const type = types === undefined ? new Float64Array(words.width) : matrixRows(types).row(0);
  const scale = parameterEndingIn(parameters, bertNames.normScale).data as Float64Array;
  const shift = parameterEndingIn(parameters, bertNames.normShift).data as Float64Array;
  const ofEmbedding: FirstLayerInputs["ofEmbedding"] = (embedding, position, out) => {
    const place = places.row(position);
    for (let i = 0; i < out.length; i++)
      out[i] = (embedding[i] as number) + (place[i] as number) + (type[i] as number);
    normalise(out, epsilon);
    for (let i = 0; i < out.length; i++)
      out[i] = (out[i] as number) * (scale[i] as number) + (shift[i] as number);
  };
  return {
    tokens: words.count,
    positions: places.count,
    width: words.width,
    ofEmbedding,
    ofToken: (token, position, out) => ofEmbedding(words.row(token), position, out),
  };
}

/** Whether the model has what {@link firstLayerInputs} needs. */
export function hasBertInputs(parameters: Named<unknown>): boolean {
  const needed = [bertNames.positions, bertNames.normScale, bertNames.normShift];
  return needed.every((name) => findParameter(parameters, name) !== undefined);
}

/** Mean 0 and variance 1, in place. */
function normalise(vector: Float64Array, epsilon: number): void {
  const n = vector.length;
  let mean = 0;
  for (let i = 0; i < n; i++) mean += (vector[i] as number) / n;
  let variance = 0;
  for (let i = 0; i < n; i++) variance += ((vector[i] as number) - mean) ** 2 / n;
  const factor = 1 / Math.sqrt(variance + epsilon);
  for (let i = 0; i < n; i++) vector[i] = ((vector[i] as number) - mean) * factor;
}

export interface MatrixRows {
  readonly count: number;
  readonly width: number;
  row(index: number): Float64Array;
}

/** The rows of a matrix in float64. */
export function matrixRows(matrix: NDArray): MatrixRows {
  const [count = 0, width = 0] = matrix.shape;
  const data = Float64Array.from(matrix.data as ArrayLike<number>);
  return { count, width, row: (index) => data.subarray(index * width, (index + 1) * width) };
}
