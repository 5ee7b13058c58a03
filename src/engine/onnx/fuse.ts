import type { Tensor } from "../tensor.ts";

/** Patterns that have a kernel of their own. */
export function fuse(outputs: readonly Tensor[]): Tensor[] {
  return [...outputs];
}
