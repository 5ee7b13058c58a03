import type { NDArray } from "../../engine/ndarray.ts";
import type { Model, Named } from "../../models/model.ts";
import type { LabelKnowledge } from "./attack-outcome.ts";
import { inferLabel, inferLabels } from "./infer-labels.ts";
import { findLastLayer, layerOf } from "./outer-layers.ts";

/** What an attacker knows of the labels before it looks for the images. */
export interface LabelsBefore {
  readonly knowledge: LabelKnowledge;
  /** Absent where they are optimised with the images. */
  readonly labels?: readonly number[];
  /** Why not as asked. */
  readonly note?: string;
}

export interface LabelsRequest {
  readonly model: Model;
  readonly parameters: Named<NDArray>;
  /** What was shared. */
  readonly gradient: Named<NDArray>;
  readonly examples: number;
  readonly labels: readonly number[] | "infer" | "joint";
}

/**
 * The labels as the attacker was told them, or as the gradient of the last layer gives them away; of a network whose last
 * layer is not found they are left to the optimisation.
 *
 * @throws RangeError when the gradient of the last layer is not finite
 */
export async function labelsBefore(request: LabelsRequest): Promise<LabelsBefore> {
  const { model, parameters, gradient, examples, labels } = request;
  if (labels === "joint") return { knowledge: "joint" };
  if (labels !== "infer") return { knowledge: "known", labels };
  const last = layerOf(gradient, await findLastLayer(model, parameters));
  const read = last.bias ?? last.weight;
  if (read === undefined)
    return {
      knowledge: "joint",
      note: "The labels could not be read off the gradient: no last linear layer was found among the parameters. They were optimised with the images.",
    };
  return {
    knowledge: "infer",
    labels: examples === 1 ? [inferLabel(read)] : inferLabels({ ...last, examples }),
  };
}
