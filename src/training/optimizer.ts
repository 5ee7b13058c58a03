import type { Tensor } from "../engine/tensor.ts";
import type { TensorTree } from "./trees.ts";

/**
 * A rule that turns gradients into steps, written with tensors so that it is a part of the compiled training step. Pure:
 * all it remembers is in its state, a tree of tensors (possibly an empty one).
 */
export interface Optimizer {
  /** With its settings, as in "SGD with momentum 0.9". */
  readonly description: string;
  /** Where a step is -rate (gradient + weightDecay parameters) and nothing is remembered: plain SGD. */
  readonly gradientDescent?: { readonly weightDecay: number };
  /** The state before the first step. */
  init(parameters: TensorTree): TensorTree;
  /**
   * One step.
   *
   * @param gradient of the structure of the parameters
   * @param learningRate a float64 scalar
   * @returns what is added to the parameters, and the next state
   */
  update(
    gradient: TensorTree,
    state: TensorTree,
    parameters: TensorTree,
    learningRate: Tensor,
  ): readonly [step: TensorTree, state: TensorTree];
}
