/** A network's first and last fully connected layers, found by what they do, whatever they are called. */
import { castArray, type NDArray, ndarray } from "../../engine/ndarray.ts";
import { compile, spec } from "../../engine/runtime/compile.ts";
import { sizeOf } from "../../engine/shape.ts";
import type { Tensor } from "../../engine/tensor.ts";
import * as tree from "../../engine/tree.ts";
import { applyAsClient, type Model, type Named, parameterAt } from "../../models/model.ts";
import { randomStream } from "../../numeric/random.ts";
import { invertLinearLayer, type LinearLayerGradient } from "./invert-linear-layer.ts";
import { sharedGradient } from "./shared-gradient.ts";

/** Where a linear layer is among the parameters. */
export interface LinearLayer {
  readonly weight?: WeightPlace;
  /** The path of the bias. */
  readonly bias?: string;
}

export interface WeightPlace {
  readonly path: string;
  /** Whether it is stored as [inputs, outputs], as ONNX's MatMul takes it, instead of [outputs, inputs]. */
  readonly isTransposed: boolean;
}

/** The weight as [outputs, inputs], and the bias, of a tree like the parameters. */
export function layerOf(values: Named<NDArray>, { weight, bias }: LinearLayer): Partial<LinearLayerGradient> {
  return {
    ...(weight && { weight: outputsFirst(parameterAt(values, weight.path), weight) }),
    ...(bias !== undefined && { bias: parameterAt(values, bias) }),
  };
}

function outputsFirst(array: NDArray, { isTransposed }: WeightPlace): NDArray {
  if (!isTransposed) return array;
  const [rows = 0, columns = 0] = array.shape;
  const out = new Float64Array(array.data.length);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) out[j * rows + i] = Number(array.data[i * columns + j]);
  return ndarray(out, [columns, rows], "float64");
}

/** Relative differences up to this are rounding. */
const rounding = 1e-9;

/**
 * The layer that gives the logits. What is added to its bias is added to the logits, and a factor on the weights of one
 * class is one on that logit but for its bias: that is how they are found, in float64 on a random example.
 *
 * @returns what was found of it: a network may have no bias there, or end in something else
 */
export async function findLastLayer(model: Model, parameters: Named<NDArray>): Promise<LinearLayer> {
  const { classes } = model;
  const paths = tree.paths(parameters);
  const shapes = tree.leaves(parameters).map(({ shape }) => shape);
  const candidates = paths.filter((_, i) => shapes[i]?.includes(classes) && (shapes[i]?.length ?? 0) <= 2);
  if (candidates.length === 0) return {};
  const exact = tree.map((array) => castArray(array, "float64"), parameters);
  const stream = randomStream(0);
  const x = ndarray(stream.normal(sizeOf(model.inputShape)), [1, ...model.inputShape], "float64");
  const forward = await compile(
    (values: Named<Tensor>, inputs: Tensor) => applyAsClient(model, values, inputs),
    [model.parameters("float64"), spec(x.shape, "float64")] as const,
    { threads: 1 },
  );
  const logits = async (values: Named<NDArray>): Promise<Float64Array> =>
    Float64Array.from((await forward.run(values, x)).data as Float64Array);
  try {
    const before = await logits(exact);
    const shifts = stream.normal(classes);
    const follows = async (changed: Named<NDArray>, expected: (k: number) => number): Promise<boolean> => {
      const after = await logits(changed);
      const scale = 1 + Math.max(...before.map(Math.abs));
      return after.every((value, k) => Math.abs(value - expected(k)) <= rounding * scale);
    };
    const changedAt = (path: string, change: (value: number, i: number) => number): Named<NDArray> =>
      tree.unflatten(
        exact,
        tree
          .leaves(exact)
          .map((array, i) =>
            paths[i] === path
              ? ndarray(Float64Array.from(array.data as Float64Array, change), array.shape, "float64")
              : array,
          ),
      );
    let bias: string | undefined;
    for (const path of candidates) {
      if (parameterAt(exact, path).shape.length !== 1) continue;
      const shifted = changedAt(path, (value, k) => value + (shifts[k] ?? 0));
      if (await follows(shifted, (k) => (before[k] ?? 0) + (shifts[k] ?? 0))) bias = path;
    }
    const offset = (k: number): number => (bias === undefined ? 0 : Number(parameterAt(exact, bias).data[k]));
    for (const path of candidates) {
      const { shape } = parameterAt(exact, path);
      const [rows = 0, columns = 0] = shape;
      if (shape.length !== 2) continue;
      for (const isTransposed of [false, true]) {
        if ((isTransposed ? columns : rows) !== classes) continue;
        const classAt = (i: number): number => (isTransposed ? i % columns : Math.floor(i / columns));
        const scaled = changedAt(path, (value, i) => value * (1 + (shifts[classAt(i)] ?? 0)));
        const logit = (k: number): number =>
          offset(k) + (1 + (shifts[k] ?? 0)) * ((before[k] ?? 0) - offset(k));
        if (await follows(scaled, logit))
          return { weight: { path, isTransposed }, ...(bias !== undefined && { bias }) };
      }
    }
    return bias === undefined ? {} : { bias };
  } finally {
    await forward.dispose();
  }
}

/**
 * The fully connected layer with a bias that the example itself goes into, from whose gradient it can be read: found by
 * reading a random example from the gradient of each layer of the right size.
 */
export async function findFirstLayer(
  model: Model,
  parameters: Named<NDArray>,
): Promise<{ readonly weight: WeightPlace; readonly bias: string } | undefined> {
  if (model.inputDType !== undefined) return undefined;
  const features = sizeOf(model.inputShape);
  const paths = tree.paths(parameters);
  const leaves = tree.leaves(parameters);
  const pairs = paths.flatMap((path, i) => {
    const [rows = 0, columns = 0, ...more] = leaves[i]?.shape ?? [];
    if (more.length > 0) return [];
    return [false, true].flatMap((isTransposed) => {
      const [units, inputs] = isTransposed ? [columns, rows] : [rows, columns];
      if (inputs !== features || units === 0) return [];
      const biases = paths.filter((_, j) => leaves[j]?.shape.length === 1 && leaves[j]?.shape[0] === units);
      return biases.map((bias) => ({ weight: { path, isTransposed }, bias }));
    });
  });
  if (pairs.length === 0) return undefined;
  const exact = tree.map((array) => castArray(array, "float64"), parameters);
  const values = randomStream(1).normal(features);
  const x = ndarray(values, [1, ...model.inputShape], "float64");
  const gradient = await sharedGradient({ model, parameters: exact, x, labels: [0], dtype: "float64" });
  const scale = Math.max(...values.map(Math.abs));
  return pairs.find((pair) => {
    const { weight, bias } = layerOf(gradient, pair);
    if (weight === undefined || bias === undefined || !bias.data.some((value) => Number(value) !== 0))
      return false;
    const read = invertLinearLayer({ weight, bias });
    return read.every((value, i) => Math.abs(value - (values[i] ?? 0)) <= 1e-6 * scale);
  });
}
