import * as op from "../engine/ops/index.ts";
import type { Tensor } from "../engine/tensor.ts";

/** Activations by name. All but relu are twice differentiable everywhere, as gradient matching needs. */
export type Activation = "tanh" | "relu" | "gelu" | "softplus" | "sigmoid";

const functions: Readonly<Record<Activation, (x: Tensor) => Tensor>> = {
  tanh: op.tanh,
  relu: op.relu,
  gelu: (x) => op.gelu(x),
  softplus: op.softplus,
  sigmoid: op.sigmoid,
};

/** The names of all activations. */
export const activations = Object.keys(functions) as Activation[];

/** The activation of that name, elementwise; gelu is the exact x Phi(x). */
export function activate(name: Activation, x: Tensor): Tensor {
  return functions[name](x);
}
