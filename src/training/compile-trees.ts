import { type CompileOptions, compile, type Executable } from "../engine/runtime/compile.ts";
import { type ArrayTree, specTree, type TensorTree } from "./trees.ts";

/** `compile` for functions of trees whose structure only the caller's data know. */
export async function compileTrees(
  f: (...trees: TensorTree[]) => TensorTree,
  like: readonly ArrayTree[],
  options: CompileOptions = {},
): Promise<Executable<readonly ArrayTree[], ArrayTree>> {
  const executable: Executable<never, unknown> = await compile<readonly unknown[], unknown>(
    f,
    like.map(specTree),
    options,
  );
  return executable as Executable<readonly ArrayTree[], ArrayTree>;
}
