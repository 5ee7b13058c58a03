import * as op from "../engine/ops/index.ts";
import type { Tensor } from "../engine/tensor.ts";
import type { Initialisation } from "./initialisation.ts";
import { type LayeredModel, layeredModel, type Pass } from "./layered.ts";
import { embedding, embeddingParameters } from "./layers/embedding.ts";
import { linear, linearParameters } from "./layers/linear.ts";
import { subtreeAt } from "./model.ts";
import type { TextModel } from "./text-model.ts";

export interface TextLinearOptions {
  /** How many different tokens there are. */
  readonly vocabulary: number;
  /** Tokens of one example. */
  readonly tokens: number;
  readonly classes: number;
  /** Features of an embedding; 64 by default. */
  readonly width?: number;
  /** The id of the token that fills short texts, which does not count in the mean. Absent: every token counts. */
  readonly padding?: number;
  /** `pytorch` by default. */
  readonly initialisation?: Initialisation;
}

/**
 * A linear classifier of the mean of the tokens' embeddings, as torch.nn.EmbeddingBag ("embedding") with torch.nn.Linear
 * ("fc"): a bag of words, as in A. Joulin et al., "Bag of Tricks for Efficient Text Classification", EACL 2017. The mean
 * of a text that is all padding is 0.
 */
export function textLinear({
  vocabulary,
  tokens,
  classes,
  width = 64,
  padding,
  initialisation = "pytorch",
}: TextLinearOptions): TextModel {
  const common = {
    description: `mean of embeddings of ${width} features and a linear layer`,
    classes,
    initialisation,
    parameters: (dtype) => ({
      embedding: embeddingParameters(vocabulary, width, dtype),
      fc: linearParameters(width, classes, dtype),
    }),
  } satisfies Partial<LayeredModel>;
  const model = layeredModel({
    ...common,
    inputShape: [tokens],
    inputDType: "int64",
    forward(pass, ids) {
      const embedded = embedding(pass.at("embedding"), ids);
      if (padding === undefined) return classify(pass, op.mean(embedded, { axes: 1 }));
      const counts = op.cast(op.notEqual(ids, padding), embedded.dtype);
      const total = op.sum(op.mul(embedded, op.unsqueeze(counts, 2)), { axes: 1 });
      return classify(pass, op.div(total, op.maximum(op.sum(counts, { axes: 1, keepAxes: true }), 1)));
    },
  });
  const embedded = layeredModel({
    ...common,
    inputShape: [tokens, width],
    forward: (pass, x) => classify(pass, op.mean(x, { axes: 1 })),
  });
  return {
    ...model,
    inputDType: "int64",
    embeddingPath: "embedding.weight",
    embed: (parameters, ids) => embedding(subtreeAt(parameters, "embedding"), ids),
    applyEmbedded: embedded.apply,
  };
}

function classify(pass: Pass, mean: Tensor): Tensor {
  return linear(pass.at("fc"), mean);
}
