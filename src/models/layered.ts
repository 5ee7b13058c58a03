import type { NDArray } from "../engine/ndarray.ts";
import * as op from "../engine/ops/index.ts";
import { formatShape } from "../engine/shape.ts";
import type { Spec, Tensor } from "../engine/tensor.ts";
import { type Initialisation, initialise, type ParameterSpec } from "./initialisation.ts";
import {
  batchNormBuffers,
  batchNormInference,
  batchNormTraining,
  groupNorm,
  initialBatchNormBuffers,
} from "./layers/normalisation.ts";
import { type ApplyOptions, type FloatDType, type Model, type Named, subtreeAt } from "./model.ts";
import { flat, nested } from "./names.ts";

/** Normalisation between convolutions: of each channel over the batch, of groups of channels, or none. */
export type Normalisation = "batch" | "group" | "none";

/** One application of a model, as its forward function sees it. */
export interface Pass {
  /** The parameters of the layer at a path. */
  at(path: string): Named<Tensor>;
  /** The normalisation at a path, of the model's kind, of x [N, C, H, W]. */
  normalise(path: string, x: Tensor): Tensor;
  /** The dropout at a path: x where there is no mask or no training. */
  drop(path: string, x: Tensor): Tensor;
}

export interface LayeredModel {
  readonly description: string;
  readonly inputShape: readonly number[];
  readonly inputDType?: "int64";
  readonly classes: number;
  readonly initialisation: Initialisation;
  /** `none` by default. */
  readonly normalisation?: Normalisation;
  parameters(dtype: FloatDType): Named<ParameterSpec>;
  masks?(examples: number, dtype: FloatDType): Named<Spec & { readonly rate: number }>;
  forward(pass: Pass, x: Tensor): Tensor;
}

/** A model from its parameters and its forward function; what layers keep and draw follows from them. */
export function layeredModel(definition: LayeredModel): Model {
  const { description, inputShape, inputDType, classes, initialisation, parameters } = definition;
  const { normalisation = "none", masks } = definition;
  const common = {
    description,
    inputShape,
    ...(inputDType && { inputDType }),
    classes,
    parameters,
    ...(masks && { masks }),
    init: (stream, dtype) => initialise(parameters(dtype), initialisation, stream, dtype),
  } satisfies Partial<Model>;

  const run = (values: Named<Tensor>, x: Tensor, options: ApplyOptions): Ran => {
    requireInput(definition, x);
    const updates: Ran["updates"] = new Map();
    const rates = masks === undefined ? {} : flat(masks(x.shape[0] ?? 0, "float32"));
    const given = options.masks === undefined ? {} : flat(options.masks);
    const pass: Pass = {
      at: (path) => subtreeAt(values, path),
      normalise(path, input) {
        if (normalisation === "none") return input;
        const own = subtreeAt(values, path);
        if (normalisation === "group") return groupNorm(own, input);
        if (options.training) {
          const { output, updated } = batchNormTraining(own, input);
          updates.set(path, updated);
          return output;
        }
        if (options.buffers === undefined)
          throw new RangeError(
            `${description}: without training, batch normalisation needs the running statistics: give buffers`,
          );
        return batchNormInference(own, subtreeAt(options.buffers, path), input);
      },
      drop(path, input) {
        const mask = given[path];
        if (!options.training || mask === undefined) return input;
        return op.dropout(input, mask, { rate: rates[path]?.rate ?? 0 });
      },
    };
    return { output: definition.forward(pass, x), updates };
  };
  const apply: Model["apply"] = (values, x, options = {}) => run(values, x, options).output;
  if (normalisation !== "batch") return { ...common, apply };

  const layers = (dtype: FloatDType): [path: string, channels: number][] =>
    Object.entries(flat(parameters(dtype)))
      .filter(([, { role }]) => role === "scale")
      .map(([path, { shape }]) => [path.slice(0, path.lastIndexOf(".")), shape[0] ?? 0]);
  const perLayer = <Leaf extends object>(
    dtype: FloatDType,
    of: (channels: number) => Named<Leaf>,
  ): Named<Leaf> =>
    nested(
      Object.fromEntries(
        layers(dtype).flatMap(([path, channels]) =>
          Object.entries(flat(of(channels))).map(([name, leaf]) => [`${path}.${name}`, leaf]),
        ),
      ),
    );
  return {
    ...common,
    apply,
    buffers: (dtype) => perLayer<Spec>(dtype, (channels) => batchNormBuffers(channels, dtype)),
    initialBuffers: (dtype) =>
      perLayer<NDArray>(dtype, (channels) => initialBatchNormBuffers(channels, dtype)),
    applyTraining(values, buffers, x, options = {}) {
      const { output, updates } = run(values, x, { ...options, training: true });
      const after: Record<string, Tensor> = {};
      for (const [path] of layers("float32"))
        for (const [name, leaf] of Object.entries(
          flat(updates.get(path)?.(subtreeAt(buffers, path)) ?? subtreeAt(buffers, path)),
        ))
          after[`${path}.${name}`] = leaf;
      return { output, buffers: nested(after) };
    },
  };
}

interface Ran {
  readonly output: Tensor;
  /** How the buffers of each normalisation change, by path. */
  readonly updates: Map<string, (buffers: Named<Tensor>) => Named<Tensor>>;
}

function requireInput({ description, inputShape, inputDType }: LayeredModel, x: Tensor): void {
  const fits =
    x.rank === inputShape.length + 1 && inputShape.every((size, axis) => x.shape[axis + 1] === size);
  const isDType = inputDType === undefined ? x.dtype.startsWith("float") : x.dtype === inputDType;
  if (fits && isDType) return;
  throw new RangeError(
    `${description}: examples are ${inputDType ?? "floats"} [N, ${inputShape.join(", ")}], got ${x.dtype} ${formatShape(x.shape)}`,
  );
}
