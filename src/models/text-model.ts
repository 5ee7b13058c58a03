import type { Tensor } from "../engine/tensor.ts";
import type { ApplyOptions, Model, Named } from "./model.ts";

/** A model of token ids [N, tokens] that can also start behind its table of token embeddings. */
export interface TextModel extends Model {
  readonly inputDType: "int64";
  /** The path of the table of token embeddings among the parameters, [vocabulary, features]. */
  readonly embeddingPath: string;
  /** Rows of the table for ids [N, tokens]: [N, tokens, features]. */
  embed(parameters: Named<Tensor>, ids: Tensor): Tensor;
  /** What `apply` gives, from embeddings [N, tokens, features] in place of ids; no token counts as padding. */
  applyEmbedded(parameters: Named<Tensor>, embedded: Tensor, options?: ApplyOptions): Tensor;
}
