/** What a text model's first layer is given for a token at a position, computed for many tokens at a time. */
import { castArray, type NDArray, ndarray } from "../../../engine/ndarray.ts";
import * as op from "../../../engine/ops/index.ts";
import { compile, spec } from "../../../engine/runtime/compile.ts";
import type { Tensor } from "../../../engine/tensor.ts";
import { instantiate } from "../../../engine/transforms/subgraph.ts";
import { vmap } from "../../../engine/transforms/vmap.ts";
import type { Named } from "../../../models/model.ts";
import { flat } from "../../../models/names.ts";
import { matrixRows } from "./matrix-rows.ts";
import type { FirstLayer } from "./structure.ts";

/** Numbers in one block of vectors: 8 MB, of which a graph holds a few. */
const blockSize = 2 ** 20;

export interface FirstLayerRequest {
  readonly firstLayer: FirstLayer;
  readonly parameters: Named<NDArray>;
  /** Tokens of the text. */
  readonly length: number;
}

/**
 * The inputs [length, width] of the first layer for embeddings [length, features].
 *
 * @returns undefined where the input of one token depends on the others, so that the layer does not see them one by one
 */
export async function firstLayerInputs(
  { firstLayer, parameters, length }: FirstLayerRequest,
  embeddings: NDArray<"float64">,
): Promise<NDArray<"float64"> | undefined> {
  const features = embeddings.shape[1] ?? 0;
  const step = await compile(
    (rows: Tensor) => vectorsOf(firstLayer, parameters, op.reshape(rows, [1, length, features])),
    [spec([length, features], "float64")] as const,
    { threads: 1 },
  );
  try {
    const inputs = await step.run(embeddings);
    const moved = embeddings.data.map((value, i) => (i < features ? 2 * value + 1 : value));
    const others = await step.run(ndarray(moved, embeddings.shape, "float64"));
    const { width } = firstLayer;
    const isLocal = others.data.every((value, i) => i < width || value === inputs.data[i]);
    return isLocal ? (inputs as NDArray<"float64">) : undefined;
  } finally {
    await step.dispose();
  }
}

/**
 * A score for each of the given tokens at each position, from what the first layer would be given for it there.
 *
 * @param score from vectors [tokens, length, width] to scores [tokens, length]
 * @returns [tokens, length]
 */
export async function scoreTokens(
  { firstLayer, parameters, length }: FirstLayerRequest,
  { table, tokens }: { readonly table: NDArray; readonly tokens: readonly number[] },
  score: (vectors: Tensor) => Tensor,
): Promise<Float64Array> {
  const rows = matrixRows(table);
  const features = rows.width;
  const block = Math.max(1, Math.min(tokens.length, Math.floor(blockSize / (length * firstLayer.width))));
  const everywhere = (row: Tensor): Tensor =>
    vectorsOf(firstLayer, parameters, op.expand(op.reshape(row, [1, 1, features]), [1, length, features]));
  const step = await compile(
    (some: Tensor) => score(vmap(everywhere, [0])(some)),
    [spec([block, features], "float64")] as const,
    { threads: 1 },
  );
  try {
    const scores = new Float64Array(tokens.length * length);
    const some = new Float64Array(block * features);
    for (let start = 0; start < tokens.length; start += block) {
      const part = tokens.slice(start, start + block);
      for (const [i, token] of part.entries()) some.set(rows.row(token), i * features);
      const found = await step.run(ndarray(some, [block, features], "float64"));
      scores.set((found.data as Float64Array).subarray(0, part.length * length), start * length);
    }
    return scores;
  } finally {
    await step.dispose();
  }
}

function vectorsOf({ graph }: FirstLayer, parameters: Named<NDArray>, embedded: Tensor): Tensor {
  const constants = Object.values(flat(parameters)).map((array) => op.constant(castArray(array, "float64")));
  const [vectors] = instantiate(graph, [...constants, embedded]);
  if (vectors === undefined) throw new Error("the first layer's graph has one result");
  return vectors;
}
