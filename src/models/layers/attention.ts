import * as op from "../../engine/ops/index.ts";
import type { Tensor } from "../../engine/tensor.ts";
import type { ParameterSpec } from "../initialisation.ts";
import { type FloatDType, type Named, subtreeAt } from "../model.ts";
import { linear, linearParameters } from "./linear.ts";

/** Self-attention with several heads (Vaswani et al. 2017), without the layer that follows it. */

/** query, key and value of `hidden` features each, named as in Hugging Face's BERT. */
export function attentionParameters(hidden: number, dtype: FloatDType): Named<ParameterSpec> {
  return {
    query: linearParameters(hidden, hidden, dtype),
    key: linearParameters(hidden, hidden, dtype),
    value: linearParameters(hidden, hidden, dtype),
  };
}

export interface AttentionOptions {
  /** A divisor of the number of features. */
  readonly heads: number;
  /** Added to the scores [N, heads, T, T] before the softmax; large negative numbers hide places. */
  readonly bias?: Tensor | undefined;
  /** Applied to the attention probabilities [N, heads, T, T]. */
  readonly drop?: (probabilities: Tensor) => Tensor;
}

/** x [N, T, hidden] to [N, T, hidden]: for each head softmax(q k^T / sqrt(hidden / heads)) v. */
export function attention(
  parameters: Named<Tensor>,
  x: Tensor,
  { heads, bias, drop = (probabilities) => probabilities }: AttentionOptions,
): Tensor {
  const [examples = 0, tokens = 0, hidden = 0] = x.shape;
  const size = hidden / heads;
  const perHead = (name: string): Tensor =>
    op.transpose(
      op.reshape(linear(subtreeAt(parameters, name), x), [examples, tokens, heads, size]),
      [0, 2, 1, 3],
    );
  const scores = op.mul(op.matmul(perHead("query"), op.matrixTranspose(perHead("key"))), 1 / Math.sqrt(size));
  const probabilities = drop(op.softmax(bias === undefined ? scores : op.add(scores, bias)));
  const mixed = op.matmul(probabilities, perHead("value"));
  return op.reshape(op.transpose(mixed, [0, 2, 1, 3]), [examples, tokens, hidden]);
}
