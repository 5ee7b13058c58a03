import { type NDArray, ndarray } from "../../engine/ndarray.ts";
import * as op from "../../engine/ops/index.ts";
import { spec } from "../../engine/runtime/compile.ts";
import { sizeOf } from "../../engine/shape.ts";
import type { Tensor } from "../../engine/tensor.ts";
import * as tree from "../../engine/tree.ts";
import { type Model, type Named, parameterAt } from "../../models/model.ts";

/** A tensor's numbers as the reference files have them. */
export interface Stored {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

export type TinyActivation = "sigmoid" | "tanh" | "relu";

const activations = { sigmoid: op.sigmoid, tanh: op.tanh, relu: op.relu };

/** A float64 array. */
export const double = (data: ArrayLike<number>, shape: readonly number[]): NDArray<"float64"> =>
  ndarray(data, shape, "float64");

/** logits = W2 activation(W1 x + b1) + b2, for tests; parameters from U(-1, 1). */
export function tinyNetwork({
  inputs,
  hidden,
  classes,
  activation,
}: {
  readonly inputs: number;
  readonly hidden: number;
  readonly classes: number;
  readonly activation: TinyActivation;
}): Model {
  const parameters: Model["parameters"] = (dtype) => ({
    hidden: { weight: spec([hidden, inputs], dtype), bias: spec([hidden], dtype) },
    output: { weight: spec([classes, hidden], dtype), bias: spec([classes], dtype) },
  });
  const linear = (x: Tensor, values: Named<Tensor>, layer: string): Tensor =>
    op.add(
      op.matmul(x, op.transpose(parameterAt(values, `${layer}.weight`))),
      parameterAt(values, `${layer}.bias`),
    );
  return {
    description: "a tiny network",
    inputShape: [inputs],
    classes,
    parameters,
    init: (stream, dtype) =>
      tree.map(
        ({ shape }) => ndarray(stream.uniform(sizeOf(shape), -1, 1), shape, dtype),
        parameters(dtype),
      ) as ReturnType<Model["init"]>,
    apply: (values, x) => linear(activations[activation](linear(x, values, "hidden")), values, "output"),
  };
}

/** The network and the parameters of a reference file. */
export function storedNetwork({
  activation,
  params,
}: {
  readonly activation: TinyActivation;
  readonly params: Record<"W1" | "b1" | "W2" | "b2", Stored>;
}): { readonly model: Model; readonly parameters: Named<NDArray<"float64">> } {
  const [hidden = 0, inputs = 0] = params.W1.shape;
  const classes = params.W2.shape[0] ?? 0;
  const array = ({ data, shape }: Stored): NDArray<"float64"> => double(data, shape);
  return {
    model: tinyNetwork({ inputs, hidden, classes, activation }),
    parameters: {
      hidden: { weight: array(params.W1), bias: array(params.b1) },
      output: { weight: array(params.W2), bias: array(params.b2) },
    },
  };
}
