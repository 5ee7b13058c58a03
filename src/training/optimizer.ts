import type { Tensor } from "../engine/tensor.ts";
import type { TensorTree } from "./trees.ts";

/**
 * A rule that turns gradients into steps, written with tensors so that it is a part of the compiled training step. Pure:
 * all it remembers is in its state, a tree of tensors (possibly an empty one).
 */
export interface Optimizer {
  /** With its settings, as in "SGD with momentum 0.9". */
  readonly description: string;
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

/** @throws RangeError naming the setting that is out of [low, high) */
export function requireInRange(
  owner: string,
  settings: Readonly<Record<string, number>>,
  { low = 0, high = Number.POSITIVE_INFINITY } = {},
): void {
  for (const [name, value] of Object.entries(settings))
    if (!(value >= low && value < high))
      throw new RangeError(
        `${owner}: ${name} ${value} is not a number of [${low}, ${high === Number.POSITIVE_INFINITY ? "infinity" : high})`,
      );
}
