/** A network's first and last fully connected layers, found by what they do, whatever they are called. */
import { castArray, type NDArray, ndarray, toNumbers } from "../../engine/ndarray.ts";
import { compile, spec } from "../../engine/runtime/compile.ts";
import { sizeOf } from "../../engine/shape.ts";
import type { Tensor } from "../../engine/tensor.ts";
import * as tree from "../../engine/tree.ts";
import { applyAsClient, type Model, type Named, parameterAt } from "../../models/model.ts";
import { flat } from "../../models/names.ts";
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
  const places = Object.entries(flat(parameters));
  const vectors = places.filter(([, { shape }]) => shape.length === 1 && shape[0] === classes);
  const matrices = places.filter(([, { shape }]) => shape.length === 2 && shape.includes(classes));
  if (model.inputDType !== undefined || vectors.length + matrices.length === 0) return {};
  const probe = await probeOf(model, parameters);
  try {
    const shifts = randomStream(0).normal(classes);
    const shift = (k: number): number => shifts[k] ?? 0;
    let bias: { readonly path: string; readonly values: NDArray } | undefined;
    for (const [path, values] of vectors) {
      const isBias = await probe.gives(
        path,
        (value, k) => value + shift(k),
        (logit, k) => logit + shift(k),
      );
      if (isBias) bias = { path, values };
    }
    const found = bias === undefined ? {} : { bias: bias.path };
    const offset = (k: number): number => Number(bias?.values.data[k] ?? 0);
    for (const [path, { shape }] of matrices)
      for (const isTransposed of [false, true]) {
        const [rows = 0, columns = 0] = shape;
        if ((isTransposed ? columns : rows) !== classes) continue;
        const classOf = (i: number): number => (isTransposed ? i % columns : Math.floor(i / columns));
        const isWeight = await probe.gives(
          path,
          (value, i) => value * (1 + shift(classOf(i))),
          (logit, k) => offset(k) + (1 + shift(k)) * (logit - offset(k)),
        );
        if (isWeight) return { ...found, weight: { path, isTransposed } };
      }
    return found;
  } finally {
    await probe.dispose();
  }
}

interface Probe {
  /** Whether changing a parameter's entries changes the logits of a random example as expected. */
  gives(
    path: string,
    change: (value: number, i: number) => number,
    expected: (logit: number, k: number) => number,
  ): Promise<boolean>;
  dispose(): Promise<void>;
}

async function probeOf(model: Model, parameters: Named<NDArray>): Promise<Probe> {
  const exact = tree.map((array) => castArray(array, "float64"), parameters);
  const shape = [1, ...model.inputShape];
  const x = ndarray(randomStream(1).normal(sizeOf(shape)), shape, "float64");
  const forward = await compile(
    (values: Named<Tensor>, inputs: Tensor) => applyAsClient(model, values, inputs),
    [model.parameters("float64"), spec(shape, "float64")] as const,
    { threads: 1 },
  );
  const logitsOf = async (values: Named<NDArray>): Promise<number[]> =>
    toNumbers(await forward.run(values, x));
  const before = await logitsOf(exact);
  const scale = 1 + Math.max(...before.map(Math.abs));
  return {
    async gives(path, change, expected) {
      const changed = Object.entries(flat(exact)).map(([name, array]) =>
        name === path ? ndarray(array.data.map(change), array.shape, "float64") : array,
      );
      const after = await logitsOf(tree.unflatten(exact, changed));
      return after.every((value, k) => Math.abs(value - expected(before[k] ?? 0, k)) <= rounding * scale);
    },
    dispose: () => forward.dispose(),
  };
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
  const places = Object.entries(flat(parameters));
  const pairs = places.flatMap(([path, { shape }]) => {
    const [rows = 0, columns = 0] = shape;
    if (shape.length !== 2) return [];
    return [false, true].flatMap((isTransposed) => {
      const [units, inputs] = isTransposed ? [columns, rows] : [rows, columns];
      if (inputs !== features) return [];
      const biases = places.filter(([, { shape }]) => shape.length === 1 && shape[0] === units);
      return biases.map(([bias]) => ({ weight: { path, isTransposed }, bias }));
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
