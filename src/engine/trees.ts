/** Everything for trees of tensors. */
export { ravel } from "./ravel.ts";
export {
  type LeafOf,
  leaves,
  leavesLike,
  type MapLeaves,
  map,
  type Named,
  paths,
  type Tree,
  unflatten,
  zip,
} from "./tree.ts";
