import * as op from "../engine/ops/index.ts";
import type { Spec, Tensor } from "../engine/tensor.ts";
import { activate } from "./activation.ts";
import type { Initialisation, ParameterSpec } from "./initialisation.ts";
import { type LayeredModel, layeredModel, type Pass } from "./layered.ts";
import { attention, attentionParameters } from "./layers/attention.ts";
import { embedding, embeddingParameters } from "./layers/embedding.ts";
import { linear, linearParameters } from "./layers/linear.ts";
import { layerNorm, normalisationParameters } from "./layers/normalisation.ts";
import { type FloatDType, type Named, parameterAt, subtreeAt } from "./model.ts";
import type { TextModel } from "./text-model.ts";

export interface BertOptions {
  /** How many different tokens there are; 30,522 by default, those of bert-base-uncased. */
  readonly vocabulary?: number;
  /** Tokens of one example; 128 by default, at most `positions`. */
  readonly tokens?: number;
  /** Features of a token; 128 by default. */
  readonly hidden?: number;
  /** Blocks of attention and feed-forward; 2 by default. */
  readonly layers?: number;
  /** Heads of attention, a divisor of `hidden`; 2 by default. */
  readonly heads?: number;
  /** Units of the feed-forward layer; 4 x hidden by default. */
  readonly intermediate?: number;
  /** Places that have an embedding; 512 by default. */
  readonly positions?: number;
  /** The probability of dropout in training, where masks are given; 0.1 by default. */
  readonly dropout?: number;
  /**
   * Where the layer normalisations of a block are: `post`, after each sum, as in BERT (the default), or `pre`, before
   * each sublayer.
   */
  readonly norm?: "post" | "pre";
  /**
   * `masked-lm` (the default): logits [N, tokens, vocabulary] of the token at each place; `classifier`: logits
   * [N, classes] from the first token.
   */
  readonly head?: "masked-lm" | "classifier";
  /** Of the classifier; 2 by default. */
  readonly classes?: number;
  /** Whether the masked-LM head shares the table of token embeddings, as BERT's does; true by default. */
  readonly tied?: boolean;
  /** The id of the token that fills short texts, which attention does not see. Absent: every token is seen. */
  readonly padding?: number;
  /** `normal:0.02` by default, as BERT. */
  readonly initialisation?: Initialisation;
}

const norm = { epsilon: 1e-12 };

/**
 * A transformer encoder as BERT (J. Devlin et al., NAACL 2019), by default with the sizes of bert-tiny (I. Turc et al.,
 * 2019): token, position and segment embeddings (all tokens are of segment 0), exact gelu, layer normalisation with
 * epsilon 1e-12.
 *
 * The names are those of Hugging Face's BertForMaskedLM and BertForSequenceClassification:
 * "bert.encoder.layer.0.attention.self.query.weight". With `tied`, the file's "cls.predictions.decoder.weight" and
 * ".bias" are the same as "bert.embeddings.word_embeddings.weight" and "cls.predictions.bias", and are not listed. Unlike
 * there, the embedding of the padding token is a row like any other.
 *
 * @throws RangeError when `heads` does not divide `hidden`, or there are more tokens than positions
 */
export function bert(options: BertOptions = {}): TextModel {
  const sizes = {
    vocabulary: 30522,
    tokens: 128,
    hidden: 128,
    layers: 2,
    heads: 2,
    positions: 512,
    dropout: 0.1,
    norm: "post",
    head: "masked-lm",
    tied: true,
    initialisation: "normal:0.02",
    ...options,
    classes: options.head === "classifier" ? (options.classes ?? 2) : (options.vocabulary ?? 30522),
    intermediate: options.intermediate ?? 4 * (options.hidden ?? 128),
  } as const satisfies BertOptions;
  const { tokens, hidden, heads, positions, padding } = sizes;
  if (hidden % heads !== 0) throw new RangeError(`BERT: ${heads} heads do not divide ${hidden} features`);
  if (tokens > positions) throw new RangeError(`BERT: ${tokens} tokens are more than ${positions} positions`);

  const common = {
    description: `BERT of ${sizes.layers} layers, ${hidden} features and ${heads} heads, ${sizes.head === "masked-lm" ? "masked language model" : "classifier"}`,
    classes: sizes.classes,
    initialisation: sizes.initialisation,
    parameters: (dtype) => bertParameters(sizes, dtype),
    masks: (examples, dtype) => bertMasks(sizes, examples, dtype),
  } satisfies Partial<LayeredModel>;
  const table = "bert.embeddings.word_embeddings";
  const model = layeredModel({
    ...common,
    inputShape: [tokens],
    inputDType: "int64",
    forward: (pass, ids) =>
      encode(
        sizes,
        pass,
        embedding(pass.at(table), ids),
        padding === undefined ? undefined : { ids, padding },
      ),
  });
  const embedded = layeredModel({
    ...common,
    inputShape: [tokens, hidden],
    forward: (pass, x) => encode(sizes, pass, x),
  });
  return {
    ...model,
    inputDType: "int64",
    embeddingPath: `${table}.weight`,
    embed: (parameters, ids) => embedding(subtreeAt(parameters, table), ids),
    applyEmbedded: embedded.apply,
  };
}

type Sizes = Required<Omit<BertOptions, "padding">>;

function bertParameters(sizes: Sizes, dtype: FloatDType): Named<ParameterSpec> {
  const { vocabulary, hidden, layers, intermediate, positions, head, classes, tied } = sizes;
  const dense = (inputs: number, outputs: number): Named<ParameterSpec> =>
    linearParameters(inputs, outputs, dtype);
  const LayerNorm = normalisationParameters(hidden, dtype);
  const layer = {
    attention: {
      self: attentionParameters(hidden, dtype),
      output: { dense: dense(hidden, hidden), LayerNorm },
    },
    intermediate: { dense: dense(hidden, intermediate) },
    output: { dense: dense(intermediate, hidden), LayerNorm },
  };
  const decoder = dense(hidden, vocabulary);
  const encoder = {
    embeddings: {
      word_embeddings: embeddingParameters(vocabulary, hidden, dtype),
      position_embeddings: embeddingParameters(positions, hidden, dtype),
      token_type_embeddings: embeddingParameters(2, hidden, dtype),
      LayerNorm,
    },
    encoder: { layer: Object.fromEntries(Array.from({ length: layers }, (_, i) => [String(i), layer])) },
  };
  if (head === "classifier")
    return {
      bert: { ...encoder, pooler: { dense: dense(hidden, hidden) } },
      classifier: dense(hidden, classes),
    };
  return {
    bert: encoder,
    cls: {
      predictions: {
        ...(tied && { bias: decoder.bias as ParameterSpec }),
        transform: { dense: dense(hidden, hidden), LayerNorm },
        ...(!tied && { decoder }),
      },
    },
  };
}

function bertMasks(
  { tokens, hidden, layers, heads, head, dropout: rate }: Sizes,
  examples: number,
  dtype: FloatDType,
): Named<Spec & { readonly rate: number }> {
  const mask = (...shape: number[]): Spec & { readonly rate: number } => ({
    shape: [examples, ...shape],
    dtype,
    rate,
  });
  const hiddenStates = { dropout: mask(tokens, hidden) };
  const layer = {
    attention: { self: { dropout: mask(heads, tokens, tokens) }, output: hiddenStates },
    output: hiddenStates,
  };
  return {
    bert: {
      embeddings: hiddenStates,
      encoder: { layer: Object.fromEntries(Array.from({ length: layers }, (_, i) => [String(i), layer])) },
    },
    ...(head === "classifier" && { dropout: mask(hidden) }),
  };
}

/** From token embeddings [N, T, hidden] to the head's logits. */
function encode(
  sizes: Sizes,
  pass: Pass,
  x: Tensor,
  padded?: { readonly ids: Tensor; readonly padding: number },
): Tensor {
  const [examples = 0, tokens = 0] = x.shape;
  const embeddings = pass.at("bert.embeddings");
  const positions = op.slice(parameterAt(embeddings, "position_embeddings.weight"), [0, tokens]);
  const segment = op.at(parameterAt(embeddings, "token_type_embeddings.weight"), 0);
  let h = layerNorm(subtreeAt(embeddings, "LayerNorm"), op.add(op.add(x, segment), positions), norm);
  h = pass.drop("bert.embeddings.dropout", h);
  const bias =
    padded &&
    op.reshape(op.mul(op.cast(op.equal(padded.ids, padded.padding), h.dtype), -1e9), [
      examples,
      1,
      1,
      tokens,
    ]);
  for (let i = 0; i < sizes.layers; i++) h = block(sizes, pass, `bert.encoder.layer.${i}`, h, bias);
  return sizes.head === "classifier" ? classify(pass, h) : predict(sizes, pass, h);
}

function block({ heads, norm: order }: Sizes, pass: Pass, path: string, x: Tensor, bias?: Tensor): Tensor {
  const sublayer = (name: string, input: Tensor, f: (h: Tensor) => Tensor): Tensor => {
    const normal = (h: Tensor): Tensor => layerNorm(pass.at(`${path}.${name}.LayerNorm`), h, norm);
    const inner = f(order === "pre" ? normal(input) : input);
    const sum = op.add(
      input,
      pass.drop(`${path}.${name}.dropout`, linear(pass.at(`${path}.${name}.dense`), inner)),
    );
    return order === "pre" ? sum : normal(sum);
  };
  const attended = sublayer("attention.output", x, (h) =>
    attention(pass.at(`${path}.attention.self`), h, {
      heads,
      bias,
      drop: (probabilities) => pass.drop(`${path}.attention.self.dropout`, probabilities),
    }),
  );
  return sublayer("output", attended, (h) =>
    activate("gelu", linear(pass.at(`${path}.intermediate.dense`), h)),
  );
}

function classify(pass: Pass, h: Tensor): Tensor {
  const first = op.tanh(linear(pass.at("bert.pooler.dense"), op.at(h, 0, { axis: 1 })));
  return linear(pass.at("classifier"), pass.drop("dropout", first));
}

function predict({ tied }: Sizes, pass: Pass, h: Tensor): Tensor {
  const head = pass.at("cls.predictions");
  const transformed = layerNorm(
    subtreeAt(head, "transform.LayerNorm"),
    activate("gelu", linear(subtreeAt(head, "transform.dense"), h)),
    norm,
  );
  if (!tied) return linear(subtreeAt(head, "decoder"), transformed);
  const table = parameterAt(pass.at("bert.embeddings"), "word_embeddings.weight");
  return op.add(op.matmul(transformed, op.transpose(table)), parameterAt(head, "bias"));
}
