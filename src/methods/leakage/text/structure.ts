/**
 * What an attacker reads off the graph of a text model before any gradient: which table is added for positions, whether
 * the output layer is the table of embeddings, which weights see each token by itself. No parameter's name is looked at.
 */
import { dependents, topologicalOrder } from "../../../engine/graph.ts";
import { ndarray, toNumbers } from "../../../engine/ndarray.ts";
import * as op from "../../../engine/ops/index.ts";
import { compile, spec } from "../../../engine/runtime/compile.ts";
import { sizeOf } from "../../../engine/shape.ts";
import type { Node, Subgraph, Tensor } from "../../../engine/tensor.ts";
import { instantiate, parametersFor } from "../../../engine/transforms/subgraph.ts";
import * as tree from "../../../engine/tree.ts";
import type { Named } from "../../../models/model.ts";
import { flat } from "../../../models/names.ts";
import type { TextModel } from "../../../models/text-model.ts";

export interface TextStructure {
  /** Tokens of a text. */
  readonly length: number;
  /** Whether there is one row of logits for the text, and not one for each token. */
  readonly isClassifier: boolean;
  /** Whether the output layer uses the table of embeddings too. */
  readonly isTied: boolean;
  /** The parameter that is added to the logits last. */
  readonly outputBias?: string;
  /** The parameter whose row `rows[t]` is added to the embedding at position t before anything else is done with it. */
  readonly positions?: { readonly path: string; readonly rows: readonly number[] };
  /** The first linear layers that the embeddings go through, where they see the tokens one by one. */
  readonly firstLayer?: FirstLayer;
}

/** Weights that are multiplied with the same vectors: in a transformer, queries, keys and values of the first block. */
export interface FirstLayer {
  /** `inputAxis` is the axis of a weight along which the vectors lie. */
  readonly weights: readonly { readonly path: string; readonly inputAxis: 0 | 1 }[];
  /** The size of the vectors. */
  readonly width: number;
  /** From the model's parameters in their order and embeddings [1, length, features] to the vectors [length, width]. */
  readonly graph: Subgraph;
}

/** The model as a graph of float64 tensors, from embeddings to logits. */
interface Trace {
  readonly length: number;
  readonly parameters: ReadonlyMap<string, Tensor>;
  readonly embedded: Tensor;
  readonly logits: Tensor;
  /** All nodes, each after those it reads. */
  readonly order: readonly Node[];
  /** Those that depend on the embeddings. */
  readonly ofText: ReadonlySet<Node>;
}

/** Reads a model's structure for texts of the length that it is made for. */
export async function readTextStructure(model: TextModel): Promise<TextStructure> {
  const traced = trace(model);
  const { length, logits, order, parameters } = traced;
  const table = parameters.get(model.embeddingPath);
  if (table === undefined) throw new RangeError(`the model has no parameter ${model.embeddingPath}`);
  const outputBias = lastAdded(traced, model.classes);
  const positions = await positionsOf(traced, table.shape[1] ?? 0);
  const firstLayer = firstLayerOf(traced);
  return {
    length,
    isClassifier: logits.rank === 2,
    isTied: dependents(order, [table]).has(logits.node),
    ...(outputBias !== undefined && { outputBias }),
    ...(positions !== undefined && { positions }),
    ...(firstLayer !== undefined && { firstLayer }),
  };
}

function trace(model: TextModel): Trace {
  const specs = model.parameters("float64");
  const [length = 0] = model.inputShape;
  const names = Object.keys(flat(specs));
  const width = flat(specs)[model.embeddingPath]?.shape[1] ?? 0;
  const tensors = parametersFor(
    [...tree.leaves(specs), spec([1, length, width], "float64")],
    "the text model",
  );
  const embedded = tensors.at(-1);
  if (embedded === undefined) throw new Error("one tensor for each spec");
  const values = tree.unflatten(specs, tensors.slice(0, -1)) as Named<Tensor>;
  const logits = model.applyEmbedded(values, embedded);
  const order = topologicalOrder([logits]);
  return {
    length,
    parameters: new Map(names.flatMap((name, i) => (tensors[i] === undefined ? [] : [[name, tensors[i]]]))),
    embedded,
    logits,
    order,
    ofText: dependents(order, [embedded]),
  };
}

/** What a tensor is but for its shape and type. */
function bare(tensor: Tensor): Tensor {
  let inner = tensor;
  while (["reshape", "cast", "expand"].includes(inner.op)) inner = inner.inputs[0] ?? inner;
  return inner;
}

/** The parameter of `classes` numbers that the logits end with adding. */
function lastAdded({ logits, parameters }: Trace, classes: number): string | undefined {
  const sum = bare(logits);
  if (sum.op !== "add") return undefined;
  const terms = sum.inputs.map((term) => bare(term).node);
  return [...parameters].find(({ 1: { node, size } }) => size === classes && terms.includes(node))?.[0];
}

/** What is added to the embeddings while nothing else reads them or their sum. */
function addedToEmbeddings({ embedded, order, ofText }: Trace): Tensor[] {
  const added: Tensor[] = [];
  let current = embedded.node;
  for (;;) {
    const readers = order.filter(({ inputs }) => inputs.some(({ node }) => node === current));
    const [reader] = readers;
    if (reader === undefined || readers.length > 1) return added;
    if (reader.op.name === "add") added.push(...reader.inputs.filter(({ node }) => !ofText.has(node)));
    else if (!["reshape", "cast"].includes(reader.op.name)) return added;
    current = reader;
  }
}

/**
 * The parameter of which each position is added a row of its own. What is added is computed with the rows' numbers in the
 * place of their values, and with ones: a selection of rows gives both back.
 */
async function positionsOf(traced: Trace, width: number): Promise<TextStructure["positions"]> {
  const { length, parameters } = traced;
  for (const added of addedToEmbeddings(traced)) {
    const sources = new Set(topologicalOrder([added]));
    const used = [...parameters].filter(([, tensor]) => sources.has(tensor.node));
    for (const [path, table] of used) {
      if (table.shape.at(-1) !== width || added.size !== length * width) continue;
      const places = used.findIndex(([name]) => name === path);
      const selection = await compile(
        (rows, ones) =>
          [rows, ones].flatMap((values) =>
            instantiate(
              { parameters: used.map(([, tensor]) => tensor), results: [added] },
              used.map(([, tensor], i) => (i === places ? values : zerosLike(tensor))),
            ),
          ),
        [spec(table.shape, "float64"), spec(table.shape, "float64")] as const,
        { threads: 1 },
      );
      const rowNumbers = Float64Array.from({ length: table.size }, (_, i) => Math.floor(i / width));
      const [numbers, ones] = await selection.run(
        ndarray(rowNumbers, table.shape, "float64"),
        ndarray(new Float64Array(table.size).fill(1), table.shape, "float64"),
      );
      await selection.dispose();
      if (numbers === undefined || ones === undefined) continue;
      const chosen = toNumbers(numbers);
      const rows = Array.from({ length }, (_, t) => chosen[t * width] ?? 0);
      const isSelection =
        toNumbers(ones).every((value) => value === 1) &&
        chosen.every((value, i) => value === rows[Math.floor(i / width)]);
      if (isSelection && new Set(rows).size === length) return { path, rows };
    }
  }
  return undefined;
}

function zerosLike({ shape }: Tensor): Tensor {
  return op.zeros(shape, "float64");
}

/** The first products of the text with parameters, before any that mixes its tokens. */
function firstLayerOf({ length, parameters, embedded, order, ofText }: Trace): FirstLayer | undefined {
  const behind = new Set<Node>();
  const found = new Map<Node, { vectors: Tensor; weights: FirstLayer["weights"][number][] }>();
  for (const node of order) {
    const isBehind = node.inputs.some((input) => behind.has(input.node));
    if (isBehind) behind.add(node);
    const [vectors, factor] = node.inputs;
    if (node.op.name !== "matmul" || vectors === undefined || factor === undefined) continue;
    if (!ofText.has(node)) continue;
    behind.add(node);
    if (isBehind || !ofText.has(vectors.node)) continue;
    const weight = weightOf(factor, parameters);
    const width = vectors.shape.at(-1) ?? 0;
    if (weight === undefined || vectors.size !== length * width) continue;
    const source = bare(vectors);
    const group = found.get(source.node) ?? { vectors, weights: [] };
    group.weights.push(weight);
    found.set(source.node, group);
  }
  const [first] = [...found.values()].sort((a, b) => b.weights.length - a.weights.length);
  if (first === undefined) return undefined;
  const width = first.vectors.shape.at(-1) ?? 0;
  return {
    weights: first.weights,
    width,
    graph: {
      parameters: [...parameters.values(), embedded],
      results: [op.reshape(first.vectors, [length, width])],
    },
  };
}

/** The parameter that a factor is, transposed or not. */
function weightOf(
  factor: Tensor,
  parameters: ReadonlyMap<string, Tensor>,
): FirstLayer["weights"][number] | undefined {
  let inner = factor;
  let isTransposed = false;
  while (["transpose", "cast"].includes(inner.op)) {
    isTransposed = inner.op === "transpose" ? !isTransposed : isTransposed;
    inner = inner.inputs[0] ?? inner;
  }
  const path = [...parameters].find(([, { node }]) => node === inner.node)?.[0];
  return path === undefined || sizeOf(inner.shape) === 0 || inner.rank !== 2
    ? undefined
    : { path, inputAxis: isTransposed ? 1 : 0 };
}
