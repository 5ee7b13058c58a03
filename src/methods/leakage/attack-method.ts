import type { Model } from "../../models/model.ts";
import { isNormalised } from "../../models/normalised.ts";
import { isSmooth } from "../../models/smooth.ts";
import type { AttackMethod } from "./attack-outcome.ts";
import type { Attack } from "./attack-task.ts";
import { findFirstLayer } from "./outer-layers.ts";

/** The methods worth trying, the surest first. */
export async function methodsFor({ request, known }: Attack): Promise<AttackMethod[]> {
  const { model, parameters, examples, settings } = request;
  const isOneExample = examples === 1 && settings.plan.localSteps === undefined && known.labels !== undefined;
  const search = !isSmooth(model)
    ? "inverting"
    : isOneExample && settings.restarts === 1 && isImage(model)
      ? "informed"
      : "dlg";
  if (!isOneExample) return [search];
  const first = await findFirstLayer(isNormalised(model) ? model.inner : model, parameters);
  return first === undefined ? [search] : ["linear", search];
}

/** Whether inputs have neighbours, about which something can be believed. */
function isImage({ inputShape: [, height = 0, width = 0, ...more] }: Model): boolean {
  return height > 1 && width > 1 && more.length === 0;
}
