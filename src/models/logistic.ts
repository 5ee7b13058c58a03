import * as op from "../engine/ops/index.ts";
import { sizeOf } from "../engine/shape.ts";
import type { Initialisation } from "./initialisation.ts";
import { layeredModel } from "./layered.ts";
import { linear, linearParameters } from "./layers/linear.ts";
import type { Model } from "./model.ts";

export interface LogisticOptions {
  /** One example; flattened. */
  readonly inputShape: readonly number[];
  /** 2 or more: softmax regression. 1: logistic regression, whose one logit is that of the positive class. */
  readonly classes: number;
  /** Whether there is an intercept; true by default. */
  readonly bias?: boolean;
  /** `pytorch` by default. */
  readonly initialisation?: Initialisation;
}

/** Logistic or softmax regression: one torch.nn.Linear, `weight` [classes, features] and `bias` under "fc". */
export function logistic({
  inputShape,
  classes,
  bias = true,
  initialisation = "pytorch",
}: LogisticOptions): Model {
  const features = sizeOf(inputShape);
  const model = layeredModel({
    description: classes === 1 ? "logistic regression" : "softmax regression",
    inputShape,
    classes,
    initialisation,
    parameters: (dtype) => ({ fc: linearParameters(features, classes, dtype, { bias }) }),
    forward: (pass, x) => linear(pass.at("fc"), op.reshape(x, [x.shape[0] ?? 0, features])),
  });
  return { ...model, isLinear: true };
}
