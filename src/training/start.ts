import type { NDArray } from "../engine/ndarray.ts";
import type { RandomStream } from "../numeric/random.ts";
import {
  type Criterion,
  type LossFunction,
  type Problem,
  problemOfLoss,
  problemOfModel,
  requireClasses,
  type TrainableModel,
} from "./problem.ts";
import { requireInRange } from "./settings.ts";
import { arraysOf, type NamedArrays } from "./trees.ts";

/** A model with its data, or a loss with its parameters. */
export interface StartOptions {
  readonly model?: TrainableModel;
  readonly criterion?: Criterion;
  readonly loss?: LossFunction;
  readonly parameters?: NamedArrays;
  readonly buffers?: NamedArrays;
  readonly data: NamedArrays;
  readonly rowPenalty?: number | undefined;
}

/** What is trained, and where it begins. */
export interface Start {
  readonly problem: Problem;
  readonly parameters: NamedArrays;
  readonly buffers: NamedArrays;
}

/**
 * @param owner what errors call the function whose options these are
 * @param drawn of the parameters of a model, where none are given
 * @throws RangeError or TypeError in one line for options that do not fit
 */
export function startOf(
  owner: string,
  { model, criterion, loss, parameters, buffers, data, rowPenalty }: StartOptions,
  drawn: { readonly stream: RandomStream; readonly dtype: "float32" | "float64" },
): Start {
  if (rowPenalty !== undefined) requireInRange(owner, { rowPenalty });
  if (loss !== undefined) {
    if (rowPenalty !== undefined)
      throw new TypeError(`${owner}: rowPenalty is for a model; a loss has its own penalty`);
    if (parameters === undefined) throw new TypeError(`${owner}: a loss needs initial parameters`);
    return { problem: problemOfLoss(loss), parameters, buffers: {} };
  }
  if (model === undefined) throw new TypeError(`${owner}: expected a model or a loss`);
  if (!("x" in data) || !("y" in data))
    throw new TypeError(`${owner}: the data of a model are { x, y }, got ${Object.keys(data).join(", ")}`);
  requireClasses("data", data.y as NDArray, model.classes);
  const first = parameters ?? (model.init(drawn.stream, drawn.dtype) as NamedArrays);
  const dtype = arraysOf(first)[0]?.dtype === "float64" ? "float64" : "float32";
  return {
    problem: problemOfModel(model, criterion, { rowPenalty }),
    parameters: first,
    buffers: buffers ?? ((model.initialBuffers?.(dtype) ?? {}) as NamedArrays),
  };
}
