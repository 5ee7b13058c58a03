import { fail } from "./errors.ts";
import { describe } from "./ops/check.ts";
import { zeros } from "./ops/constants.ts";
import { flatten, reshape } from "./ops/shape.ts";
import { concat, split } from "./ops/slicing.ts";
import type { Tensor } from "./tensor.ts";
import * as tree from "./tree.ts";

/**
 * A tree of tensors as one vector, and the way back.
 *
 * @returns `[vector, unravel]`: all elements in the order of the tree's leaves, and the function that makes a tree of
 * the same structure and shapes from such a vector; it takes the dtype of the vector
 * @throws GraphError when the leaves have different dtypes, or a vector of another length is unravelled
 * @example const [vector, unravel] = ravel(parameters); // unravel(vector) is a tree like parameters
 */
export function ravel<T>(value: T): [vector: Tensor, unravel: (vector: Tensor) => T] {
  const leaves = tree.leaves(value) as Tensor[];
  const [first] = leaves;
  for (const leaf of leaves)
    if (leaf.dtype !== first?.dtype)
      fail("ravel", `the dtypes differ: ${first && describe(first)} and ${describe(leaf)}; cast one of them`);
  const sizes = leaves.map(({ size }) => size);
  const length = sizes.reduce((total, size) => total + size, 0);
  const unravel = (vector: Tensor): T => {
    if (vector.rank !== 1 || vector.size !== length)
      fail("ravel", `needs a vector of ${length} elements, got ${describe(vector)}`);
    const parts = leaves.length === 0 ? [] : split(vector, sizes);
    return tree.unflatten(
      value,
      parts.map((part, i) => reshape(part, leaves[i]?.shape ?? [])),
    ) as T;
  };
  return [first === undefined ? zeros([0]) : concat(leaves.map(flatten)), unravel];
}
