import * as op from "../../engine/ops/index.ts";
import type { Tensor } from "../../engine/tensor.ts";
import type { ParameterSpec } from "../initialisation.ts";
import { type FloatDType, type Named, parameterAt } from "../model.ts";

/** Fully connected layers, as torch.nn.Linear: weight [outputs, inputs], bias [outputs]. */

export interface BiasOption {
  /** Whether there is a bias; true by default. */
  readonly bias?: boolean;
}

/** The parameters of a layer with `inputs` and `outputs` features. */
export function linearParameters(
  inputs: number,
  outputs: number,
  dtype: FloatDType,
  { bias = true }: BiasOption = {},
): Named<ParameterSpec> {
  const fans = { fanIn: inputs, fanOut: outputs };
  return {
    weight: { shape: [outputs, inputs], dtype, role: "weight", ...fans },
    ...(bias && { bias: { shape: [outputs], dtype, role: "bias", ...fans } }),
  };
}

/** x [..., inputs] to [..., outputs]: x weight^T + bias. */
export function linear(parameters: Named<Tensor>, x: Tensor): Tensor {
  const product = op.matmul(x, op.transpose(parameterAt(parameters, "weight")));
  return "bias" in parameters ? op.add(product, parameterAt(parameters, "bias")) : product;
}
