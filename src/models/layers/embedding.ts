import * as op from "../../engine/ops/index.ts";
import type { Tensor } from "../../engine/tensor.ts";
import type { ParameterSpec } from "../initialisation.ts";
import { type FloatDType, type Named, parameterAt } from "../model.ts";

/** Rows of a table by number, as torch.nn.Embedding: weight [rows, features]. No row is special (`padding_idx`). */

export function embeddingParameters(rows: number, features: number, dtype: FloatDType): Named<ParameterSpec> {
  // The fans that torch.nn.init counts for a weight of this shape.
  return {
    weight: { shape: [rows, features], dtype, role: "embedding", fanIn: features, fanOut: rows },
  };
}

/** ids [...] to [..., features]. */
export function embedding(parameters: Named<Tensor>, ids: Tensor): Tensor {
  return op.embedding(parameterAt(parameters, "weight"), ids);
}
