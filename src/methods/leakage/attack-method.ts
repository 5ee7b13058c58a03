import { topologicalOrder } from "../../engine/graph.ts";
import type { Tensor } from "../../engine/tensor.ts";
import { parametersFor } from "../../engine/transforms/subgraph.ts";
import * as tree from "../../engine/tree.ts";
import { applyAsClient, type Model, type Named } from "../../models/model.ts";
import { isNormalised } from "../../models/normalised.ts";
import type { AttackMethod } from "./attack-outcome.ts";
import type { Attack } from "./attack-task.ts";
import { findFirstLayer } from "./outer-layers.ts";

/** Operations whose second derivative is 0 almost everywhere, so that matched gradients say nothing of curvature. */
const kinked: ReadonlySet<string> = new Set(["relu", "clip", "abs", "maximum", "minimum", "where"]);

/** Whether gradients of the network's loss change smoothly with its inputs, but for ties in maximum pooling. */
export function isSmooth(model: Model): boolean {
  const specs = model.parameters("float32");
  const tensors = parametersFor(
    [...tree.leaves(specs), { shape: [1, ...model.inputShape], dtype: "float32" as const }],
    "isSmooth",
  );
  const x = tensors.at(-1);
  if (x === undefined) throw new Error("one tensor for each spec");
  const logits = applyAsClient(model, tree.unflatten(specs, tensors.slice(0, -1)) as Named<Tensor>, x);
  return !topologicalOrder([logits]).some(({ op }) => kinked.has(op.name));
}

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
