import type { NDArray } from "../engine/ndarray.ts";
import type { Spec, Tensor } from "../engine/tensor.ts";
import type { RandomStream } from "../numeric/random.ts";

/** Parameters of a model by name, layer and kind, in PyTorch's layouts: `parameters.fc.weight`. */
export type Named<Leaf> = { readonly [layer: string]: { readonly [kind: string]: Leaf } };

/** A network as a function of its parameters. */
export interface Model {
  /** In words, as in "LeNet with sigmoids". */
  readonly description: string;
  /** One example: [channels, height, width]. */
  readonly inputShape: readonly number[];
  readonly classes: number;
  /** Shapes of the parameters, which are all of one float dtype. */
  parameters(dtype: "float32" | "float64"): Named<Spec>;
  /** Random parameters, drawn in the order in which they are listed. */
  init(stream: RandomStream, dtype: "float32" | "float64"): Named<NDArray>;
  /** Logits [N, classes] of examples [N, ...inputShape]. */
  apply(parameters: Named<Tensor>, x: Tensor): Tensor;
}

/** The parameter at a layer's place. */
export function parameterAt<Leaf>(parameters: Named<Leaf>, layer: string, kind: string): Leaf {
  const parameter = parameters[layer]?.[kind];
  if (parameter === undefined) throw new RangeError(`the model has no parameter ${layer}.${kind}`);
  return parameter;
}
