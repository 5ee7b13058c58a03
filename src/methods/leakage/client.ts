import { castArray, type NDArray } from "../../engine/ndarray.ts";
import type { Model, Named } from "../../models/model.ts";
import type { RandomStream } from "../../numeric/random.ts";
import type { Gradient } from "./defences/defence.ts";
import { applyDefences, type DefencePlan } from "./defences/parse.ts";
import { type Float, sharedGradient } from "./shared-gradient.ts";

export interface ClientRequest {
  readonly model: Model;
  readonly parameters: Named<NDArray>;
  /** The private examples, [N, ...model.inputShape]. */
  readonly images: NDArray;
  readonly labels: readonly number[];
  readonly plan: DefencePlan;
  /** Where the defence's randomness comes from. */
  readonly noise: RandomStream;
  readonly dtype: Float;
}

/**
 * What a client with a defence shares of its private examples.
 *
 * @returns a tree like the parameters
 * @throws RangeError when a label is not a class of the model, or the defence cannot be applied to it
 */
export async function clientGradient(request: ClientRequest): Promise<Gradient> {
  const { model, parameters, images, labels, plan, noise, dtype } = request;
  const x = castArray(images, dtype);
  const { localSteps, defences } = plan;
  const exact = await sharedGradient({
    model,
    parameters,
    x,
    labels,
    dtype,
    ...(localSteps && { localSteps }),
  });
  return applyDefences(exact, defences, { stream: noise, client: { model, parameters, x } });
}
