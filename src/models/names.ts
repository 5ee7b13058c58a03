import * as tree from "../engine/tree.ts";
import type { Named } from "./model.ts";

/** Between a tree of leaves and a flat list under PyTorch's names, as files have it. */

/**
 * The tree of leaves given by their paths: `{ "fc.weight": w, "fc.bias": b }` becomes `{ fc: { weight: w, bias: b } }`.
 * Where one path would be inside another (`w` and `w.0`), all names are kept whole.
 */
export function nested<Leaf extends object>(flat: Readonly<Record<string, Leaf>>): Named<Leaf> {
  const root = new Map<string, unknown>();
  for (const [path, leaf] of Object.entries(flat)) {
    const names = path.split(".");
    const last = names.pop() ?? path;
    let branch = root;
    for (const name of names) {
      const child = branch.get(name) ?? new Map<string, unknown>();
      if (!(child instanceof Map)) return flat;
      branch.set(name, child);
      branch = child;
    }
    if (branch.has(last)) return flat;
    branch.set(last, leaf);
  }
  return objectOf(root) as Named<Leaf>;
}

/** Plain objects of nested maps. */
function objectOf(branch: ReadonlyMap<string, unknown>): object {
  return Object.fromEntries(
    [...branch].map(([name, child]) => [name, child instanceof Map ? objectOf(child) : child]),
  );
}

/** The leaves of a tree by PyTorch's names, in the order in which they are listed. */
export function flat<Leaf extends object>(named: Named<Leaf>): Record<string, Leaf> {
  const paths = tree.paths(named).map((path) => path.replaceAll(/\\([\\.])/g, "$1"));
  const leaves = tree.leaves(named) as Leaf[];
  return Object.fromEntries(paths.map((path, i) => [path, leaves[i] as Leaf]));
}
