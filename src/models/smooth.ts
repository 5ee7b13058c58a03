import { topologicalOrder } from "../engine/graph.ts";
import type { Tensor } from "../engine/tensor.ts";
import { parametersFor } from "../engine/transforms/subgraph.ts";
import * as tree from "../engine/tree.ts";
import { applyAsClient, type Model, type Named } from "./model.ts";

/** Operations whose second derivative is 0 almost everywhere, so that gradients say nothing of curvature. */
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
