/** What the attacks on text need of a model, and where it keeps what they look at. */
import type { NDArray } from "../../../engine/ndarray.ts";
import type { Spec, Tensor } from "../../../engine/tensor.ts";
import * as tree from "../../../engine/tree.ts";
import type { Named } from "../../../models/model.ts";
import type { RandomStream } from "../../../numeric/random.ts";

/** A model of token ids [N, tokens] (int64), as a function of its parameters. */
export interface TextModel {
  readonly description: string;
  /** [tokens] of one text. */
  readonly inputShape: readonly number[];
  /** Tokens of the vocabulary for a masked language model, classes for a classifier of texts. */
  readonly classes: number;
  /** The path of the table of token embeddings among the parameters, [vocabulary, features]. */
  readonly embeddingPath: string;
  parameters(dtype: "float32" | "float64"): Named<Spec>;
  init(stream: RandomStream, dtype: "float32" | "float64"): Named<NDArray>;
  /** Logits [N, tokens, classes] of each position, or [N, classes] of each text, for ids [N, tokens]. */
  apply(parameters: Named<Tensor>, ids: Tensor): Tensor;
  /**
   * What `apply` gives, from embeddings [N, tokens, features] in place of ids. A model without it, as one read from a
   * file, is applied to ids of a table that holds the embeddings.
   */
  applyEmbedded?(parameters: Named<Tensor>, embedded: Tensor): Tensor;
}

/** The parameters of BERT that the attacks look at, by the ends of their names in Hugging Face's checkpoints. */
export const bertNames = {
  positions: "embeddings.position_embeddings.weight",
  tokenTypes: "embeddings.token_type_embeddings.weight",
  normScale: "embeddings.LayerNorm.weight",
  normShift: "embeddings.LayerNorm.bias",
  firstQuery: "encoder.layer.0.attention.self.query.weight",
} as const;

/** The biases that end a masked language model (tied or not) or a classifier. */
export const outputBiases = ["predictions.bias", "predictions.decoder.bias", "classifier.bias"] as const;

/** All leaves of a tree with their names, in its order. */
export function namedLeaves<Leaf>(parameters: Named<Leaf>): { readonly name: string; readonly leaf: Leaf }[] {
  const leaves = tree.leaves(parameters as unknown) as Leaf[];
  return tree.paths(parameters).map((path, i) => ({
    // Models read from a file may have the dots within their keys.
    name: path.replaceAll("\\.", "."),
    leaf: leaves[i] as Leaf,
  }));
}

/** The parameter whose name ends in `name`, at a dot, if there is one. */
export function findParameter<Leaf>(parameters: Named<Leaf>, name: string): Leaf | undefined {
  return namedLeaves(parameters).find((entry) => endsIn(entry.name, name))?.leaf;
}

/** @throws RangeError naming what the attack needs and the model lacks */
export function parameterEndingIn<Leaf>(parameters: Named<Leaf>, name: string): Leaf {
  const found = findParameter(parameters, name);
  if (found === undefined) throw new RangeError(`the model has no parameter whose name ends in ${name}`);
  return found;
}

/** The tree with the leaves that `change` gives something for replaced. */
export function replaceParameters<Leaf>(
  parameters: Named<Leaf>,
  change: (name: string, leaf: Leaf) => Leaf,
): Named<Leaf> {
  const leaves = namedLeaves(parameters).map(({ name, leaf }) => change(name, leaf));
  return tree.unflatten(parameters as unknown, leaves) as Named<Leaf>;
}

export function endsIn(name: string, end: string): boolean {
  return name === end || name.endsWith(`.${end}`);
}

/**
 * Whether the output layer of a masked language model is the table of embeddings itself: it has logits over the
 * vocabulary and no matrix of its own for them.
 */
export function isTied({ classes, embeddingPath }: TextModel, parameters: Named<Spec>): boolean {
  const [vocabularySize = 0] = parameterEndingIn(parameters, embeddingPath).shape;
  return (
    classes === vocabularySize &&
    !namedLeaves(parameters).some(
      ({ name, leaf: { shape } }) =>
        name !== embeddingPath && shape.length === 2 && shape.includes(vocabularySize),
    )
  );
}
