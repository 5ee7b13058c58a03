import { type NDArray, ndarray, zerosArray } from "../../engine/ndarray.ts";
import * as op from "../../engine/ops/index.ts";
import type { NamedSpec } from "../../engine/runtime/backend.ts";
import { compile, type Executable, spec } from "../../engine/runtime/compile.ts";
import { nodeBackend } from "../../engine/runtime/node.ts";
import { formatShape, sameShape, sizeOf } from "../../engine/shape.ts";
import type { Tensor } from "../../engine/tensor.ts";
import { valueAndGrad } from "../../engine/transforms/grad.ts";
import * as tree from "../../engine/tree.ts";
import type { Model, Named } from "../../models/model.ts";
import type { Objective } from "../../training/lbfgs.ts";
import { type Distance, gradientDistance } from "./distances.ts";
import { type Priors, priorTerms } from "./priors.ts";
import { checkLabels, type Float, type LocalSteps, type Loss, messageOf } from "./shared-gradient.ts";

/** How far the gradient of dummy examples is from a shared one, as a function to minimise. */

export interface MatchingRequest {
  readonly model: Model;
  readonly parameters: Named<NDArray>;
  /** The gradient to match, a tree like the parameters. */
  readonly gradient: Named<NDArray>;
  readonly examples: number;
  /** The labels where they are known; else they are unknowns behind the images, as logits. */
  readonly labels?: readonly number[] | undefined;
  readonly dtype: Float;
  /** `squared` by default. */
  readonly distance?: Distance;
  /**
   * Which entries count: `all` (default); `sent`, those that are not 0 in the shared gradient, for a gradient that was
   * pruned; or a tree like the parameters with 1 where an entry counts and 0 where it does not.
   */
  readonly mask?: "all" | "sent" | Named<NDArray>;
  /** How far apart the gradients are, instead of `distance` and `mask`: a scalar of the tensors of the dummies' and of the shared one. */
  readonly misfit?: (found: readonly Tensor[], shared: readonly Tensor[]) => Tensor;
  readonly priors?: Priors;
  /** The client's loss; the mean cross entropy by default. */
  readonly loss?: Loss;
  /** What the client did before it sent the mean gradient of its steps; one step by default. */
  readonly localSteps?: LocalSteps;
}

/** The matching loss as a function of all unknowns in one vector: the images, then the label logits if they are unknown. */
export interface MatchingObjective {
  readonly unknowns: number;
  readonly objective: Objective;
  /** The compiled graph, from which {@link loadMatching} makes the same objective in another process. */
  readonly graph: MatchingGraph;
  dispose(): Promise<void>;
}

/** A compiled matching loss as plain data. */
export interface MatchingGraph {
  readonly unknowns: number;
  /** Of this machine's runtime: {@link Executable.native}. */
  readonly onnx: Uint8Array;
  readonly inputs: readonly NamedSpec[];
  readonly outputs: readonly NamedSpec[];
}

/**
 * Compiles the matching loss of dummies and its gradient: the distance between the dummies' gradient and the shared one,
 * plus the priors. By default it is D(x', y') = sum of squared differences over every entry of every parameter (Zhu et
 * al. 2019, equation 4: no half, no mean). Unknown labels are softmax(logits). The parameters and the shared gradient
 * are constants of the graph.
 *
 * The objective takes and gives float64; with dtype float32 everything between is float32. It runs on one thread, for
 * which the graph is large enough, so that the number of threads never changes a digit.
 *
 * @throws RangeError when the gradient does not have the parameters' names and shapes, a label is not a class of the
 *   model, or a weight is out of range
 */
export async function compileMatching({
  model,
  parameters,
  gradient,
  examples,
  labels,
  dtype,
  distance = "squared",
  mask = "all",
  misfit,
  priors = {},
  loss,
  localSteps,
}: MatchingRequest): Promise<MatchingObjective> {
  checkGradient(parameters, gradient);
  if (labels !== undefined) checkLabels(labels, examples, model.classes);
  const imageShape = [examples, ...model.inputShape];
  const pixels = sizeOf(imageShape);
  const unknowns = pixels + (labels === undefined ? examples * model.classes : 0);
  const constants = tree.map((array) => op.constant(array), parameters) as Named<Tensor>;
  const received = leavesLike(parameters, gradient);
  const masks = masksOf(misfit === undefined ? mask : "all", parameters, received);
  const targets = received.map((array, i) => masked(op.constant(array), masks[i]));
  const message = messageOf({ model, loss, localSteps });

  const matchingLoss = (vector: Tensor): Tensor => {
    const inner = op.cast(vector, dtype);
    const x = op.reshape(op.slice(inner, [0, pixels]), imageShape);
    const probabilities =
      labels === undefined
        ? op.softmax(op.reshape(op.slice(inner, [pixels]), [examples, model.classes]))
        : op.oneHot(op.constant(ndarray(labels, [examples], "int64")), model.classes, dtype);
    const dummy = tree.leaves(message(constants, x, probabilities)) as Tensor[];
    const apart =
      misfit?.(dummy, targets) ??
      gradientDistance(
        dummy.map((entry, i) => masked(entry, masks[i])),
        targets,
        distance,
      );
    const prior = priorTerms(x, priors);
    return op.cast(prior === undefined ? apart : op.add(apart, prior), "float64");
  };
  const executable: Executable<[NDArray], [NDArray, NDArray]> = await compile(
    (vector: Tensor): [Tensor, Tensor] => valueAndGrad(matchingLoss)(vector),
    [spec([unknowns], "float64")] as const,
    { threads: 1 },
  );
  const { inputs, outputs } = executable;
  return {
    unknowns,
    graph: { unknowns, onnx: executable.native(), inputs, outputs },
    objective: objectiveOf(unknowns, (into, vector) => executable.runInto(into, vector)),
    dispose: () => executable.dispose(),
  };
}

/** The objective of a graph that was compiled elsewhere; the same digits. */
export async function loadMatching(graph: MatchingGraph): Promise<Omit<MatchingObjective, "graph">> {
  const { unknowns, onnx, inputs, outputs } = graph;
  const session = await nodeBackend.load(onnx, inputs, outputs, {
    device: "cpu",
    threads: 1,
    optimize: "all",
  });
  return {
    unknowns,
    objective: objectiveOf(unknowns, (into, vector) => session.run([vector], into)),
    dispose: () => session.dispose(),
  };
}

function objectiveOf(
  unknowns: number,
  runInto: (into: [NDArray, NDArray], vector: NDArray) => Promise<unknown>,
): Objective {
  const value = zerosArray([], "float64");
  const slope = zerosArray([unknowns], "float64");
  return async (x) => {
    await runInto([value, slope], { dtype: "float64", shape: [unknowns], data: x });
    return { value: value.data[0] ?? Number.NaN, gradient: slope.data };
  };
}

/** @throws RangeError with the differing names and shapes when a gradient is not one of these parameters */
export function checkGradient(parameters: Named<NDArray>, gradient: Named<NDArray>): void {
  const found = new Map(tree.paths(gradient).map((path, i) => [path, tree.leaves(gradient)[i]]));
  const expected = tree.leaves(parameters);
  const differences = tree.paths(parameters).flatMap((path, i) => {
    const shape = expected[i]?.shape ?? [];
    const array = found.get(path);
    found.delete(path);
    if (array !== undefined && sameShape(array.shape, shape)) return [];
    return [`${path}: ${formatShape(shape)} expected, ${array ? formatShape(array.shape) : "nothing"} found`];
  });
  for (const [path, array] of found)
    differences.push(`${path}: not expected, ${formatShape(array?.shape ?? [])} found`);
  if (differences.length > 0)
    throw new RangeError(`the gradient is not one of the model's parameters: ${differences.join("; ")}`);
}

function leavesLike(parameters: Named<NDArray>, gradient: Named<NDArray>): NDArray[] {
  return tree.leavesLike(parameters, gradient) as NDArray[];
}

/** The masks as constants, undefined for a tensor of which every entry counts: its graph stays as it was. */
function masksOf(
  mask: "all" | "sent" | Named<NDArray>,
  parameters: Named<NDArray>,
  received: readonly NDArray[],
): (Tensor | undefined)[] {
  if (mask === "all") return received.map(() => undefined);
  if (mask !== "sent") checkGradient(parameters, mask);
  const counts = mask === "sent" ? received : leavesLike(parameters, mask);
  return received.map(({ dtype, shape }, i) => {
    const values = Array.from(counts[i]?.data as ArrayLike<number>, (value) => (value === 0 ? 0 : 1));
    return values.every((value) => value === 1) ? undefined : op.constant(ndarray(values, shape, dtype));
  });
}

function masked(tensor: Tensor, mask: Tensor | undefined): Tensor {
  return mask === undefined ? tensor : op.mul(tensor, mask);
}
