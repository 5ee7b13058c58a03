import { type CompileOptions, compile, type Executable } from "../engine/runtime/compile.ts";
import { type ArrayTree, specTree, type TensorTree } from "./trees.ts";

/** `compile` for functions of trees whose structure only the caller's data know. */
export function compileTrees(
  f: (...trees: TensorTree[]) => TensorTree,
  like: readonly ArrayTree[],
  options: CompileOptions = {},
): Promise<Executable<readonly ArrayTree[], ArrayTree>> {
  const untyped = compile as unknown as (
    f: (...trees: TensorTree[]) => TensorTree,
    specs: readonly unknown[],
    options: CompileOptions,
  ) => Promise<Executable<readonly ArrayTree[], ArrayTree>>;
  return untyped(f, like.map(specTree), options);
}
