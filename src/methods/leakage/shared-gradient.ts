import { type NDArray, ndarray } from "../../engine/ndarray.ts";
import * as op from "../../engine/ops/index.ts";
import { compile, spec } from "../../engine/runtime/compile.ts";
import type { Tensor } from "../../engine/tensor.ts";
import { grad } from "../../engine/transforms/grad.ts";
import * as tree from "../../engine/tree.ts";
import { applyAsClient, type Model, type Named } from "../../models/model.ts";

/** What a client of distributed or federated training computes of its private batch and shares. */

export type Float = "float32" | "float64";

/** The loss of a batch, a scalar, from logits [N, classes] and target probabilities of the same shape. */
export type Loss = (logits: Tensor, targets: Tensor) => Tensor;

/** Several steps of stochastic gradient descent on the client before it shares anything (federated averaging). */
export interface LocalSteps {
  /** How many steps. */
  readonly count: number;
  /** The step size, which the attacker knows. */
  readonly learningRate: number;
  /** Examples of one step, taken in order and from the front again; all of the client's by default. */
  readonly batch?: number;
}

/** The message as a function in the graph, of parameters, inputs [N, ...] and target probabilities [N, classes]. */
export type Message = (parameters: Named<Tensor>, x: Tensor, targets: Tensor) => Named<Tensor>;

/**
 * What a client shares. After one step that is the gradient of the loss with respect to all parameters. After several it
 * is (W_0 − W_k) / (k · learning rate), which the change of the weights gives away: the mean of the gradients on the way.
 *
 * @throws RangeError when the local steps are not a positive number of steps of a positive size
 */
export function messageOf({
  model,
  loss = (logits, targets) => op.softmaxCrossEntropy(logits, targets),
  localSteps,
}: {
  readonly model: Model;
  readonly loss?: Loss | undefined;
  readonly localSteps?: LocalSteps | undefined;
}): Message {
  const gradientOf: Message = (parameters, x, targets) =>
    grad((values: Named<Tensor>) => loss(applyAsClient(model, values, x), targets))(parameters);
  if (localSteps === undefined) return gradientOf;
  const { count, learningRate, batch } = localSteps;
  if (!Number.isInteger(count) || count < 1)
    throw new RangeError(`local steps: count ${count} is not a positive integer`);
  if (!(learningRate > 0 && learningRate < Infinity))
    throw new RangeError(`local steps: learning rate ${learningRate} is not a positive number`);
  if (batch !== undefined && (!Number.isInteger(batch) || batch < 1))
    throw new RangeError(`local steps: batch ${batch} is not a positive integer`);
  return (parameters, x, targets) => {
    const examples = x.shape[0] ?? 0;
    const size = Math.min(batch ?? examples, examples);
    let values = parameters;
    let total: Named<Tensor> | undefined;
    for (let step = 0; step < count; step++) {
      const places = Array.from({ length: size }, (_, i) => (step * size + i) % examples);
      const part = (tensor: Tensor): Tensor =>
        size === examples ? tensor : op.take(tensor, op.constant(ndarray(places, [size], "int64")));
      const gradient = gradientOf(values, part(x), part(targets));
      total = total === undefined ? gradient : combine(total, gradient, (sum, term) => op.add(sum, term));
      if (step + 1 < count)
        values = combine(values, gradient, (value, slope) => op.sub(value, op.mul(slope, learningRate)));
    }
    return tree.map((sum) => op.div(sum, count), total ?? gradientOf(values, x, targets)) as Named<Tensor>;
  };
}

function combine(a: Named<Tensor>, b: Named<Tensor>, f: (a: Tensor, b: Tensor) => Tensor): Named<Tensor> {
  return tree.map(f, a, b) as Named<Tensor>;
}

export interface SharedGradientRequest {
  readonly model: Model;
  readonly parameters: Named<NDArray>;
  /** [N, ...model.inputShape]. */
  readonly x: NDArray;
  /** One class for each example. */
  readonly labels: readonly number[];
  readonly dtype: Float;
  /** The mean cross entropy by default. */
  readonly loss?: Loss;
  readonly localSteps?: LocalSteps;
}

/**
 * The gradient of one training step, as a client of distributed training shares it: of the mean cross entropy over the
 * batch, for every parameter. With local steps it is their mean gradient; see {@link messageOf}.
 *
 * @returns a tree like the parameters
 * @throws RangeError when a label is not a class of the model, or the local steps are out of range
 */
export async function sharedGradient({
  model,
  parameters,
  x,
  labels,
  dtype,
  loss,
  localSteps,
}: SharedGradientRequest): Promise<Named<NDArray>> {
  checkLabels(labels, x.shape[0] ?? 0, model.classes);
  const message = messageOf({ model, loss, localSteps });
  const step = await compile(
    (values, images, classes) => message(values, images, op.oneHot(classes, model.classes, dtype)),
    [model.parameters(dtype), spec(x.shape, dtype), spec([labels.length], "int64")] as const,
    { threads: 1, checkFinite: true },
  );
  const gradient = await step.run(parameters, x, ndarray(labels, [labels.length], "int64"));
  await step.dispose();
  return gradient as Named<NDArray>;
}

/** @throws RangeError when a label is not a class of the model, or their number is not that of the examples */
export function checkLabels(labels: readonly number[], examples: number, classes: number): void {
  if (labels.length !== examples)
    throw new RangeError(`${labels.length} labels for ${examples} examples: one for each is needed`);
  for (const label of labels)
    if (!Number.isInteger(label) || label < 0 || label >= classes)
      throw new RangeError(`label ${label} is not a class from 0 to ${classes - 1}`);
}
