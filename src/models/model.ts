import type { NDArray } from "../engine/ndarray.ts";
import type { Spec, Tensor } from "../engine/tensor.ts";
import type { Named } from "../engine/tree.ts";
import type { RandomStream } from "../numeric/random.ts";

export type FloatDType = "float32" | "float64";

/**
 * Leaves by name, nested as PyTorch nests modules: `{ layer1: { "0": { conv1: { weight } } } }`. The paths of the tree
 * are PyTorch's names: "layer1.0.conv1.weight".
 */
export type { Named };

/** How a model is applied. */
export interface ApplyOptions {
  /** Statistics of the batch in batch normalisation, dropout by the given masks; false by default. */
  readonly training?: boolean;
  /** What the model's `buffers` lists, for models that have some; needed where `training` is false. */
  readonly buffers?: Named<Tensor>;
  /** Dropout: what the model's `masks` lists, 1 (keep) and 0 (drop). A layer without a mask drops nothing. */
  readonly masks?: Named<Tensor>;
}

/** A network as a function of its parameters, which are in PyTorch's layouts under PyTorch's names. */
export interface Model {
  /** In words, as in "LeNet with sigmoids". */
  readonly description: string;
  /** One example: [channels, height, width], [features], or [tokens]. */
  readonly inputShape: readonly number[];
  /** The dtype of examples that are token ids; absent: that of the parameters. */
  readonly inputDType?: "int64";
  readonly classes: number;
  /** Whether the logits are x weight^T + bias, of `fc.weight` and (where there is one) `fc.bias`, and nothing else. */
  readonly isLinear?: boolean;
  /** Shapes of the parameters, which are all of one float dtype. */
  parameters(dtype: FloatDType): Named<Spec>;
  /** What is kept but not learned: running statistics of batch normalisation. Absent: nothing. */
  buffers?(dtype: FloatDType): Named<Spec>;
  /** The masks of dropout for a batch, each with the rate at which its entries are 0. Absent: no dropout. */
  masks?(examples: number, dtype: FloatDType): Named<Spec & { readonly rate: number }>;
  /** Random parameters, drawn in the order in which they are listed. */
  init(stream: RandomStream, dtype: FloatDType): Named<NDArray>;
  /** The buffers before training. */
  initialBuffers?(dtype: FloatDType): Named<NDArray>;
  /**
   * Logits [N, classes] of examples [N, ...inputShape]; of a language model [N, tokens, classes], of an autoencoder the
   * reconstruction [N, features].
   *
   * @throws RangeError naming a parameter, or a buffer needed for inference, that is missing
   */
  apply(parameters: Named<Tensor>, x: Tensor, options?: ApplyOptions): Tensor;
  /** As `apply` in training, with the buffers after this batch. For models that have buffers. */
  applyTraining?(
    parameters: Named<Tensor>,
    buffers: Named<Tensor>,
    x: Tensor,
    options?: ApplyOptions,
  ): { readonly output: Tensor; readonly buffers: Named<Tensor> };
}

/**
 * A model as a client of distributed training applies it: in training where it has batch normalisation, of which it then
 * uses the statistics of its own batch; without dropout.
 */
export function applyAsClient(model: Model, parameters: Named<Tensor>, x: Tensor): Tensor {
  return model.buffers === undefined
    ? model.apply(parameters, x)
    : model.apply(parameters, x, { training: true });
}

/**
 * The leaf at a path, as in `parameterAt(parameters, "layer1.0.conv1.weight")`.
 *
 * @throws RangeError naming the path, when there is no leaf
 */
export function parameterAt<Leaf extends object>(parameters: Named<Leaf>, path: string): Leaf {
  const found = find(parameters, path);
  if (found === undefined || !("dtype" in found && "shape" in found))
    throw new RangeError(`the model has no parameter ${path}`);
  return found as Leaf;
}

/**
 * The subtree at a path: `subtreeAt(parameters, "layer1.0")`.
 *
 * @throws RangeError naming the path, when there is none
 */
export function subtreeAt<Leaf extends object>(parameters: Named<Leaf>, path: string): Named<Leaf> {
  const found = find(parameters, path);
  if (found === undefined || ("dtype" in found && "shape" in found))
    throw new RangeError(`the model has no layer ${path}`);
  return found as Named<Leaf>;
}

/** The subtree or leaf at a path; a name may itself hold dots. */
function find<Leaf extends object>(tree: Named<Leaf>, path: string): Leaf | Named<Leaf> | undefined {
  if (Object.hasOwn(tree, path)) return tree[path];
  for (let dot = path.indexOf("."); dot >= 0; dot = path.indexOf(".", dot + 1)) {
    const name = path.slice(0, dot);
    const child = Object.hasOwn(tree, name) ? tree[name] : undefined;
    if (child === undefined || ("dtype" in child && "shape" in child)) continue;
    const found = find(child as Named<Leaf>, path.slice(dot + 1));
    if (found !== undefined) return found;
  }
  return undefined;
}
