import { summarize } from "../engine/runtime/summary.ts";
import { sizeOf } from "../engine/shape.ts";
import { parametersFor } from "../engine/transforms/subgraph.ts";
import * as tree from "../engine/tree.ts";
import type { Model } from "./model.ts";
import { flat } from "./names.ts";

export interface ModelDescription {
  readonly description: string;
  readonly inputShape: readonly number[];
  readonly classes: number;
  /** Each layer that has parameters, in order, with their shapes by name and how many numbers they hold. */
  readonly layers: readonly {
    readonly name: string;
    readonly shapes: Readonly<Record<string, readonly number[]>>;
    readonly parameters: number;
  }[];
  /** Numbers learned, in all layers. */
  readonly parameters: number;
  /** Floating-point operations of the forward pass of one example. */
  readonly flops: number;
}

/** What a model consists of; nothing is computed. */
export function describeModel(model: Model): ModelDescription {
  const layers = new Map<string, Record<string, readonly number[]>>();
  for (const [path, { shape }] of Object.entries(flat(model.parameters("float32")))) {
    const dot = path.lastIndexOf(".");
    const [layer, name] = dot < 0 ? ["", path] : [path.slice(0, dot), path.slice(dot + 1)];
    layers.set(layer, { ...layers.get(layer), [name]: shape });
  }
  const counted = [...layers].map(([name, shapes]) => ({
    name,
    shapes,
    parameters: Object.values(shapes).reduce((total, shape) => total + sizeOf(shape), 0),
  }));
  return {
    description: model.description,
    inputShape: model.inputShape,
    classes: model.classes,
    layers: counted,
    parameters: counted.reduce((total, layer) => total + layer.parameters, 0),
    flops: flopsOf(model),
  };
}

function flopsOf(model: Model): number {
  const parameters = model.parameters("float32");
  const buffers = model.buffers?.("float32") ?? {};
  const x = { shape: [1, ...model.inputShape], dtype: model.inputDType ?? "float32" } as const;
  const specs = [...tree.leaves(parameters), ...tree.leaves(buffers), x];
  const tensors = parametersFor(specs, "describeModel");
  const count = tree.leaves(parameters).length;
  const input = tensors.at(-1);
  if (input === undefined) throw new Error("one tensor for each spec");
  const output = model.apply(tree.unflatten(parameters, tensors.slice(0, count)), input, {
    ...(model.buffers && { buffers: tree.unflatten(buffers, tensors.slice(count, -1)) }),
  });
  return summarize([output], specs).flops;
}
