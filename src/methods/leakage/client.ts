import { castArray } from "../../engine/ndarray.ts";
import type { RandomStream } from "../../numeric/random.ts";
import type { Gradient } from "./defences/defence.ts";
import { applyDefences, type DefencePlan } from "./defences/parse.ts";
import { type SharedGradientRequest, sharedGradient } from "./shared-gradient.ts";

/** The private examples may be of any float dtype. */
export interface ClientRequest extends Omit<SharedGradientRequest, "localSteps"> {
  readonly plan: DefencePlan;
  /** Where the defence's randomness comes from. */
  readonly noise: RandomStream;
}

export interface ClientGradients {
  /** Before the defence. */
  readonly exact: Gradient;
  readonly shared: Gradient;
}

/**
 * What a client with a defence computes of its private examples, and what it shares.
 *
 * @returns trees like the parameters
 * @throws RangeError when a label is not a class of the model, or the defence cannot be applied to it
 */
export async function clientGradients({ plan, noise, ...request }: ClientRequest): Promise<ClientGradients> {
  const { model, parameters, dtype } = request;
  const x = castArray(request.x, dtype);
  const { localSteps, defences } = plan;
  const exact = await sharedGradient({ ...request, x, ...(localSteps && { localSteps }) });
  const shared = await applyDefences(exact, defences, { stream: noise, client: { model, parameters, x } });
  return { exact, shared };
}
