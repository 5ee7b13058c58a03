/** Parameters and their gradients by name. */
import * as tree from "../../../engine/tree.ts";
import type { Named } from "../../../models/model.ts";
import { flat } from "../../../models/names.ts";

/** All leaves of a tree with their names, in its order. */
export function namedLeaves<Leaf extends object>(
  parameters: Named<Leaf>,
): { readonly name: string; readonly leaf: Leaf }[] {
  return Object.entries(flat(parameters)).map(([name, leaf]) => ({ name, leaf }));
}

/** The tree with the leaves that `change` gives something for replaced. */
export function replaceParameters<Leaf extends object>(
  parameters: Named<Leaf>,
  change: (name: string, leaf: Leaf) => Leaf,
): Named<Leaf> {
  const leaves = namedLeaves(parameters).map(({ name, leaf }) => change(name, leaf));
  return tree.unflatten(parameters as unknown, leaves) as Named<Leaf>;
}

/** Whether a name is `end` or ends in it, at a dot. */
export function endsIn(name: string, end: string): boolean {
  return name === end || name.endsWith(`.${end}`);
}
