import { type NDArray, ndarray, zerosArray } from "../../engine/ndarray.ts";
import * as op from "../../engine/ops/index.ts";
import { compile, type Executable, spec } from "../../engine/runtime/compile.ts";
import { sizeOf } from "../../engine/shape.ts";
import type { Tensor } from "../../engine/tensor.ts";
import { grad, valueAndGrad } from "../../engine/transforms/grad.ts";
import * as tree from "../../engine/tree.ts";
import type { Model, Named } from "../../models/model.ts";
import type { Objective } from "../../training/lbfgs.ts";

/** The gradient that a client shares, and how far a dummy's gradient is from it. */

export type Float = "float32" | "float64";

/** The gradient of the mean cross entropy of a batch with respect to all parameters. */
function lossGradient(
  model: Model,
  parameters: Named<Tensor>,
  x: Tensor,
  probabilities: Tensor,
): Named<Tensor> {
  return grad((values: Named<Tensor>) => op.softmaxCrossEntropy(model.apply(values, x), probabilities))(
    parameters,
  );
}

export interface SharedGradientRequest {
  readonly model: Model;
  readonly parameters: Named<NDArray>;
  /** [N, ...model.inputShape]. */
  readonly x: NDArray;
  /** One class for each example. */
  readonly labels: readonly number[];
  readonly dtype: Float;
}

/**
 * The gradient of one training step, as a client of distributed training shares it: of the mean cross entropy over the
 * batch, for every parameter.
 *
 * @returns a tree like the parameters
 * @throws RangeError when a label is not a class of the model
 */
export async function sharedGradient({
  model,
  parameters,
  x,
  labels,
  dtype,
}: SharedGradientRequest): Promise<Named<NDArray>> {
  for (const label of labels)
    if (!Number.isInteger(label) || label < 0 || label >= model.classes)
      throw new RangeError(`label ${label} is not a class from 0 to ${model.classes - 1}`);
  const step = await compile(
    (values, images, classes) =>
      lossGradient(model, values, images, op.oneHot(classes, model.classes, dtype)),
    [model.parameters(dtype), spec(x.shape, dtype), spec([labels.length], "int64")] as const,
    { threads: 1, checkFinite: true },
  );
  const gradient = await step.run(parameters, x, ndarray(labels, [labels.length], "int64"));
  await step.dispose();
  return gradient;
}

export interface MatchingRequest {
  readonly model: Model;
  readonly parameters: Named<NDArray>;
  /** The gradient to match, a tree like the parameters. */
  readonly gradient: Named<NDArray>;
  readonly examples: number;
  /** The labels where they are known; else they are unknowns behind the images, as logits. */
  readonly labels?: readonly number[] | undefined;
  readonly dtype: Float;
}

/** The matching loss as a function of all unknowns in one vector: the images, then the label logits if they are unknown. */
export interface MatchingObjective {
  readonly unknowns: number;
  readonly objective: Objective;
  dispose(): Promise<void>;
}

/**
 * Compiles D(x', y') = sum of squared differences between the gradient of dummies and the shared one, over every entry
 * of every parameter, and its gradient (Zhu et al. 2019, equation 4: no half, no mean). Unknown labels are
 * softmax(logits). The parameters and the shared gradient are constants of the graph.
 *
 * The objective takes and gives float64; with dtype float32 everything between is float32. It runs on one thread, for
 * which the graph is large enough, so that the number of threads never changes a digit.
 */
export async function compileMatching({
  model,
  parameters,
  gradient,
  examples,
  labels,
  dtype,
}: MatchingRequest): Promise<MatchingObjective> {
  const imageShape = [examples, ...model.inputShape];
  const pixels = sizeOf(imageShape);
  const unknowns = pixels + (labels === undefined ? examples * model.classes : 0);
  const constants = tree.map((array) => op.constant(array), parameters);
  const targets = tree.leaves(gradient).map((array) => op.constant(array));

  const distance = (vector: Tensor): Tensor => {
    const inner = op.cast(vector, dtype);
    const x = op.reshape(op.slice(inner, [0, pixels]), imageShape);
    const probabilities =
      labels === undefined
        ? op.softmax(op.reshape(op.slice(inner, [pixels]), [examples, model.classes]))
        : op.oneHot(op.constant(ndarray(labels, [examples], "int64")), model.classes, dtype);
    const dummy = tree.leaves(lossGradient(model, constants, x, probabilities)) as Tensor[];
    const terms = dummy.map((entry, i) => op.sum(op.square(op.sub(entry, targets[i] ?? 0))));
    return op.cast(
      terms.reduce((total, term) => op.add(total, term)),
      "float64",
    );
  };
  const executable: Executable<[NDArray], [NDArray, NDArray]> = await compile(
    (vector: Tensor): [Tensor, Tensor] => valueAndGrad(distance)(vector),
    [spec([unknowns], "float64")] as const,
    { threads: 1 },
  );
  const value = zerosArray([], "float64");
  const slope = zerosArray([unknowns], "float64");
  return {
    unknowns,
    objective: async (x) => {
      await executable.runInto([value, slope], { dtype: "float64", shape: [unknowns], data: x });
      return { value: value.data[0] ?? Number.NaN, gradient: slope.data };
    },
    dispose: () => executable.dispose(),
  };
}
