import { isFloat } from "../engine/dtype.ts";
import { substitute, TensorMap, topologicalOrder } from "../engine/graph.ts";
import { type NDArray, ndarray } from "../engine/ndarray.ts";
import type { OnnxInput } from "../engine/onnx/read.ts";
import { constantOp } from "../engine/ops/constants.ts";
import * as op from "../engine/ops/index.ts";
import { attributesIf, type Spec, type Tensor } from "../engine/tensor.ts";
import { parametersFor } from "../engine/transforms/subgraph.ts";
import { type FloatDType, type Named, parameterAt } from "./model.ts";
import { flat, nested } from "./names.ts";
import { acrossBatches, dtypeOf, initFrom, locatedIn, logitsOf, openOnnx, specsIn } from "./onnx-file.ts";
import type { TextModel } from "./text-model.ts";

export interface OnnxTextOptions {
  /** Tokens of the texts. A file that fixes a larger number is fed padding behind them. */
  readonly tokens: number;
}

/** A text model read from a file; its `init` gives the file's own parameters, whatever the stream. */
export interface OnnxTextModel extends TextModel {
  readonly pretrained: Named<NDArray>;
  /** Rows of the table of token embeddings. */
  readonly vocabulary: number;
}

/**
 * A masked language model (logits [N, tokens, vocabulary]) or a classifier of texts (logits [N, classes]) from an ONNX
 * file, for instance one that `torch.onnx.export` wrote.
 *
 * - The table of token embeddings is the largest matrix of which rows are looked up by an input. That input is the token
 *   ids; of other inputs, those that look up rows are fed zeros (types) or, where they are named after positions, 0, 1, 2,
 *   ...; the rest are attention masks: 1 for `tokens` places, 0 behind them.
 * - Exporters write a table that is also the output layer twice, the second time transposed. A parameter that is the
 *   table or its transpose, number for number, is the table here: its gradient is the sum of both, as in PyTorch.
 * - Parameters, precision and a softmax at the end are as in `modelFromOnnx`.
 * - Embeddings in place of ids: what the file computes from the ids beside looking up rows is computed of id 1.
 *
 * @throws InputError in one line: a file that cannot be read or has what the engine lacks; inputs that are not integers
 *   [N, tokens]; no table that is looked up; fewer places than `tokens`; outputs of other shapes
 */
export async function textModelFromOnnx(path: string, { tokens }: OnnxTextOptions): Promise<OnnxTextModel> {
  const { stored, inDType } = await openOnnx(path);
  return locatedIn(path, () => {
    const { fixedBatch, length } = boundInputs(stored.inputs, tokens);
    const run = (values: Record<string, Tensor>, given: Readonly<Record<string, Tensor>>): Tensor => {
      const model = inDType(dtypeOf(values, Object.values(values)[0] ?? op.zeros([])));
      return logitsOf(Object.values(model.apply(values, given))[0] ?? op.zeros([]));
    };

    const traced = trace(stored.parameters, stored.inputs, { examples: fixedBatch ?? 1, length, run });
    checkPlaces(traced.logits, length);
    const { input, table } = tokenTable(stored.inputs, traced);
    const copies = copiesOf(table, stored.parameters);
    const pretrained = nested(
      Object.fromEntries(Object.entries(stored.parameters).filter(([name]) => !copies.has(name))),
    );
    const [vocabulary = 0, width = 0] = stored.parameters[table]?.shape ?? [];
    const classes = classesOf(traced.logits, { examples: fixedBatch ?? 1, length, vocabulary });

    const others = (examples: number): Record<string, Tensor> =>
      Object.fromEntries(
        stored.inputs
          .filter(({ name }) => name !== input.name)
          .map((other) => [
            other.name,
            usualValues(other, { examples, length, tokens, looksUp: traced.lookups.has(other.name) }),
          ]),
      );
    const forward = (values: Named<Tensor>, ids: Tensor): Tensor => {
      const all = flat(values);
      const rows = all[table];
      for (const [name, isTransposed] of copies)
        if (rows !== undefined) all[name] = isTransposed ? op.transpose(rows) : rows;
      return run(all, { ...others(ids.shape[0] ?? 1), [input.name]: op.cast(ids, input.dtype) });
    };
    const embed = (values: Named<Tensor>, ids: Tensor): Tensor =>
      op.embedding(parameterAt(values, table), ids);
    return {
      description: `the model of ${path}`,
      inputShape: [length],
      inputDType: "int64",
      classes,
      vocabulary,
      embeddingPath: table,
      pretrained,
      parameters: (dtype: FloatDType) => specsIn(dtype, pretrained),
      init: (_: unknown, dtype: FloatDType) => initFrom(pretrained, dtype),
      embed,
      apply: (values, x) => acrossBatches(path, fixedBatch, (ids) => forward(values, ids))(x),
      applyEmbedded: (values, x) =>
        acrossBatches(path, fixedBatch, (embedded) => {
          const examples = embedded.shape[0] ?? 1;
          const shape = [examples, length];
          const [ids] = parametersFor([{ shape, dtype: "int64" }], "applyEmbedded");
          if (ids === undefined) throw new Error("one tensor for each spec");
          const logits = forward(values, ids);
          const replacements = new TensorMap<Tensor>();
          for (const found of lookupsOf(logits, { table: parameterAt(values, table), ids }))
            replacements.set(found, op.reshape(embedded, [...found.shape.slice(0, -1), width]));
          replacements.set(ids, op.constant(ndarray(new Array(examples * length).fill(1), shape, "int64")));
          const [result] = substitute([logits], replacements);
          return result ?? logits;
        })(x),
    } satisfies OnnxTextModel;
  });
}

/** The batch that all inputs agree on, where the file fixes it, and the places of a text. */
function boundInputs(
  inputs: readonly OnnxInput[],
  tokens: number,
): { readonly fixedBatch: number | undefined; readonly length: number } {
  for (const { name, dtype, shape } of inputs)
    if (isFloat(dtype) || dtype === "bool" || shape?.length !== 2)
      throw new Error(
        `expected a model of texts, whose inputs are token ids, int64 [N, tokens]; its input ${JSON.stringify(name)} is ${dtype}${shape === undefined ? " of no stated shape" : ` [${shape.join(", ")}]`}`,
      );
  if (inputs.length === 0) throw new Error("expected a model of texts; it has no input");
  const fixed = (axis: number): number | undefined =>
    inputs.map(({ shape }) => shape?.[axis]).find((size) => typeof size === "number");
  const places = fixed(1);
  if (places !== undefined && tokens > places)
    throw new Error(`it takes texts of ${places} tokens; this one has ${tokens}`);
  return { fixedBatch: fixed(0), length: places ?? tokens };
}

interface Traced {
  readonly logits: Tensor;
  readonly parameters: ReadonlyMap<string, Tensor>;
  /** The inputs that look rows of a parameter up, with its name. */
  readonly lookups: ReadonlyMap<string, string>;
}

interface TraceRequest {
  readonly examples: number;
  readonly length: number;
  run(values: Record<string, Tensor>, given: Record<string, Tensor>): Tensor;
}

function trace(
  stored: Readonly<Record<string, NDArray>>,
  inputs: readonly OnnxInput[],
  { examples, length, run }: TraceRequest,
): Traced {
  const names = Object.keys(stored);
  const specs = names.map((name): Spec => ({ shape: stored[name]?.shape ?? [], dtype: "float32" }));
  const tensors = parametersFor(
    [...specs, ...inputs.map(({ dtype }): Spec => ({ shape: [examples, length], dtype }))],
    "textModelFromOnnx",
  );
  const parameters = new Map(names.flatMap((name, i) => (tensors[i] ? [[name, tensors[i]]] : [])));
  const given = inputs.map(({ name }, i) => [name, tensors[names.length + i]] as const);
  const logits = run(
    Object.fromEntries(parameters),
    Object.fromEntries(given.flatMap(([name, ids]) => (ids ? [[name, ids]] : []))),
  );
  const lookups = new Map<string, string>();
  for (const [input, ids] of given)
    for (const [name, table] of parameters) {
      const isLarger = (table.shape[0] ?? 0) > (stored[lookups.get(input) ?? ""]?.shape[0] ?? 0);
      if (ids !== undefined && isLarger && lookupsOf(logits, { table, ids }).length > 0)
        lookups.set(input, name);
    }
  return { logits, parameters, lookups };
}

/** The tensors that are rows of a table at ids: through casts and other shapes of the ids, but nothing computed of them. */
function lookupsOf(
  output: Tensor,
  { table, ids }: { readonly table: Tensor; readonly ids: Tensor },
): Tensor[] {
  if (table.rank !== 2) return [];
  const found: Tensor[] = [];
  const order = topologicalOrder([output]);
  const reads = new TensorMap<Tensor>();
  for (const node of order)
    for (const input of node.inputs) {
      const [from, places] = input.node.inputs;
      if (input.op !== "take" || reads.has(input) || from?.node !== table.node) continue;
      reads.set(input, input);
      let source = places;
      while (source !== undefined && ["cast", "reshape"].includes(source.op)) source = source.inputs[0];
      if (source?.node === ids.node) found.push(input);
    }
  return found;
}

/** Refuses texts that a table of positions is too short for: rows whose numbers the file works out from the length. */
function checkPlaces(logits: Tensor, length: number): void {
  for (const { op: operation, inputs, attributes } of topologicalOrder([logits])) {
    const [table, places] = inputs;
    if (operation.name !== "take" || table === undefined || places === undefined) continue;
    const rows = table.shape["axis" in attributes ? Number(attributes.axis) : 0] ?? 0;
    const numbers = attributesIf(places, constantOp)?.array.data;
    if (numbers === undefined) continue;
    const largest = Math.max(...Array.from(numbers as ArrayLike<number | bigint>, Number));
    if (largest >= rows) throw new Error(`it takes texts of ${rows} tokens; this one has ${length}`);
  }
}

function tokenTable(
  inputs: readonly OnnxInput[],
  { lookups, parameters }: Traced,
): { readonly input: OnnxInput; readonly table: string } {
  const rows = (name: string | undefined): number => parameters.get(name ?? "")?.shape[0] ?? 0;
  const [input] = inputs.toSorted((a, b) => rows(lookups.get(b.name)) - rows(lookups.get(a.name)));
  const table = lookups.get(input?.name ?? "");
  if (input === undefined || table === undefined)
    throw new Error(
      `expected a model of texts, with a table of embeddings; no parameter's rows are looked up by ${inputs.map(({ name }) => JSON.stringify(name)).join(", ")}`,
    );
  return { input, table };
}

/** The parameters that equal the table, and whether they are its transpose. */
function copiesOf(
  table: string,
  parameters: Readonly<Record<string, NDArray>>,
): ReadonlyMap<string, boolean> {
  const copies = new Map<string, boolean>();
  const rows = parameters[table];
  const [count = 0, width = 0] = rows?.shape ?? [];
  const values = rows?.data as ArrayLike<number>;
  for (const [name, { shape, data }] of Object.entries(parameters)) {
    if (name === table || shape.length !== 2) continue;
    const other = data as ArrayLike<number>;
    const equals = (place: (row: number, column: number) => number): boolean => {
      for (let row = 0; row < count; row++)
        for (let column = 0; column < width; column++)
          if (other[place(row, column)] !== values[row * width + column]) return false;
      return true;
    };
    if (shape[0] === count && shape[1] === width && equals((row, column) => row * width + column))
      copies.set(name, false);
    else if (shape[0] === width && shape[1] === count && equals((row, column) => column * count + row))
      copies.set(name, true);
  }
  return copies;
}

/** What an input that is not the token ids is fed. */
function usualValues(
  { name, dtype }: OnnxInput,
  sizes: {
    readonly examples: number;
    readonly length: number;
    readonly tokens: number;
    readonly looksUp: boolean;
  },
): Tensor {
  const { examples, length, tokens, looksUp } = sizes;
  const valueAt = (place: number): number => {
    if (!looksUp) return place < tokens ? 1 : 0;
    return /position/i.test(name) ? place : 0;
  };
  const values = Array.from({ length: examples * length }, (_, i) => valueAt(i % length));
  return op.constant(ndarray(values, [examples, length], dtype));
}

/** The number of classes: of a text, or, as many as the vocabulary has, of each of its places. */
function classesOf(
  { shape, dtype }: Tensor,
  sizes: { readonly examples: number; readonly length: number; readonly vocabulary: number },
): number {
  const { examples, length, vocabulary } = sizes;
  const classes = shape.at(-1) ?? 0;
  const isClassifier = shape.length === 2 && shape[0] === examples;
  const isMasked =
    shape.length === 3 && shape[0] === examples && shape[1] === length && classes === vocabulary;
  if (!isFloat(dtype) || !(isClassifier || isMasked))
    throw new Error(
      `expected logits [N, classes] or [N, tokens, ${vocabulary}], one for each row of its table of embeddings; for a text of ${length} tokens its first output is ${dtype} [${shape.join(", ")}]`,
    );
  return classes;
}
