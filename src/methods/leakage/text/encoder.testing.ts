/**
 * A small encoder with BERT's structure and Hugging Face's parameter names, for tests of the attacks on text: token,
 * position and type embeddings, layer normalisation, layers of self-attention and a GELU network with post-normalisation,
 * and a masked language model's head.
 */
import { castArray, type NDArray, ndarray } from "../../../engine/ndarray.ts";
import * as op from "../../../engine/ops/index.ts";
import { spec } from "../../../engine/runtime/compile.ts";
import { sizeOf } from "../../../engine/shape.ts";
import type { Spec, Tensor } from "../../../engine/tensor.ts";
import type { Named } from "../../../models/model.ts";
import { namedLeaves, parameterEndingIn, replaceParameters, type TextModel } from "./model.ts";

export interface EncoderOptions {
  readonly vocabularySize: number;
  readonly length: number;
  readonly width?: number;
  readonly layers?: number;
  readonly heads?: number;
  readonly tied?: boolean;
  /** Classes of a classifier that reads the first position; a masked language model without it. */
  readonly classes?: number;
  /** Without `applyEmbedded`, as a model read from a file. */
  readonly idsOnly?: boolean;
}

export function smallEncoder(options: EncoderOptions): TextModel {
  const { vocabularySize, length, width = 32, layers = 2, heads = 2, tied = false, classes } = options;
  const { idsOnly = false } = options;
  const inner = 2 * width;
  const table = "bert.embeddings.word_embeddings.weight";
  const parameters: TextModel["parameters"] = (dtype) => {
    const linear = (out: number, into: number) => ({
      weight: spec([out, into], dtype),
      bias: spec([out], dtype),
    });
    const norm = () => ({ weight: spec([width], dtype), bias: spec([width], dtype) });
    const layer = () => ({
      attention: {
        self: { query: linear(width, width), key: linear(width, width), value: linear(width, width) },
        output: { dense: linear(width, width), LayerNorm: norm() },
      },
      intermediate: { dense: linear(inner, width) },
      output: { dense: linear(width, inner), LayerNorm: norm() },
    });
    const head: Named<Spec> =
      classes === undefined
        ? {
            cls: {
              predictions: {
                ...(tied && { bias: spec([vocabularySize], dtype) }),
                transform: { dense: linear(width, width), LayerNorm: norm() },
                ...(!tied && { decoder: linear(vocabularySize, width) }),
              },
            },
          }
        : { classifier: linear(classes, width) };
    return {
      bert: {
        embeddings: {
          word_embeddings: { weight: spec([vocabularySize, width], dtype) },
          position_embeddings: { weight: spec([length, width], dtype) },
          token_type_embeddings: { weight: spec([2, width], dtype) },
          LayerNorm: norm(),
        },
        encoder: {
          layer: Object.fromEntries(Array.from({ length: layers }, (_, i) => [String(i), layer()])),
        },
      },
      ...head,
    };
  };

  const encode = (values: Named<Tensor>, words: Tensor): Tensor => {
    const at = (name: string): Tensor => parameterEndingIn(values, name);
    const linear = (x: Tensor, name: string): Tensor =>
      op.add(op.matmul(x, op.transpose(at(`${name}.weight`))), at(`${name}.bias`));
    const norm = (x: Tensor, name: string): Tensor =>
      op.layerNorm(x, at(`${name}.weight`), at(`${name}.bias`), { epsilon: 1e-12 });
    const [n = 0, t = 0] = words.shape;
    const split = (x: Tensor): Tensor =>
      op.permute(op.reshape(x, [n, t, heads, width / heads]), [0, 2, 1, 3]);
    const positions = op.slice(at("position_embeddings.weight"), [0, t]);
    const type = op.at(at("token_type_embeddings.weight"), 0);
    let h = norm(op.add(op.add(words, positions), type), "embeddings.LayerNorm");
    for (let i = 0; i < layers; i++) {
      const layer = `encoder.layer.${i}`;
      const [q, k, v] = ["query", "key", "value"].map((name) =>
        split(linear(h, `${layer}.attention.self.${name}`)),
      ) as [Tensor, Tensor, Tensor];
      const scores = op.mul(op.matmul(q, op.matrixTranspose(k)), 1 / Math.sqrt(width / heads));
      const mixed = op.reshape(op.permute(op.matmul(op.softmax(scores), v), [0, 2, 1, 3]), [n, t, width]);
      h = norm(
        op.add(h, linear(mixed, `${layer}.attention.output.dense`)),
        `${layer}.attention.output.LayerNorm`,
      );
      const wide = op.gelu(linear(h, `${layer}.intermediate.dense`));
      h = norm(op.add(h, linear(wide, `${layer}.output.dense`)), `${layer}.output.LayerNorm`);
    }
    if (classes !== undefined) return linear(op.at(h, 0, { axis: 1 }), "classifier");
    const transformed = norm(
      op.gelu(linear(h, "predictions.transform.dense")),
      "predictions.transform.LayerNorm",
    );
    if (!tied) return linear(transformed, "predictions.decoder");
    return op.add(op.matmul(transformed, op.transpose(at("word_embeddings.weight"))), at("predictions.bias"));
  };

  return {
    description: `encoder of ${layers} layers`,
    inputShape: [length],
    classes: classes ?? vocabularySize,
    parameters,
    init: (stream, dtype) =>
      randomParameters(parameters(dtype), (size) => stream.normal(size, 0, 0.1), dtype),
    embeddingPath: table,
    apply: (values, ids) => encode(values, op.embedding(parameterEndingIn(values, table), ids)),
    ...(!idsOnly && { applyEmbedded: encode }),
  };
}

/** Random weights, normalisations that scale by one and shift by nothing, and no biases. */
function randomParameters(
  shapes: Named<Spec>,
  draw: (size: number) => Float64Array,
  dtype: "float32" | "float64",
): Named<NDArray> {
  const filled = new Map(
    namedLeaves(shapes).map(({ name, leaf: { shape } }) => {
      const size = sizeOf(shape);
      const isScale = name.endsWith("LayerNorm.weight");
      const values =
        name.endsWith("bias") || isScale ? new Float64Array(size).fill(Number(isScale)) : draw(size);
      return [name, castArray(ndarray(values, shape, "float64"), dtype) as NDArray];
    }),
  );
  const specs = shapes as Named<Spec | NDArray>;
  return replaceParameters(specs, (name, leaf) => filled.get(name) ?? leaf) as Named<NDArray>;
}
