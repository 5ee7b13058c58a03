import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { GraphError } from "../errors.ts";
import { type NDArray, ndarray } from "../ndarray.ts";
import { describe } from "../ops/check.ts";
import { requireNumberOf } from "../ops/constants.ts";
import type { Shape } from "../shape.ts";
import type { Spec, Tensor, TensorLike } from "../tensor.ts";
import { withExternalData } from "./external-data.ts";
import { interpret } from "./interpret.ts";
import { decodeModel, type OnnxFile } from "./model.ts";
import { asTensor, type Value } from "./operators/call.ts";
import { staticInitializers, validate } from "./validate.ts";

export interface ReadOnnxOptions {
  /** What messages call the model; the path by default. */
  readonly name?: string;
  /** Sizes of the axes that the model leaves open, by their names: `{ batch: 8 }`. */
  readonly dimensions?: Readonly<Record<string, number>>;
  /**
   * Which initialisers are parameters; by default the floating-point ones that have an axis: single numbers are
   * nearly always part of a formula (a scale, an epsilon), not learned.
   */
  readonly isParameter?: (name: string, array: NDArray) => boolean;
}

/** An input of a model. A size that the model leaves open is its name; `undefined`: the file does not say. */
export interface OnnxInput {
  readonly name: string;
  readonly dtype: Spec["dtype"];
  readonly shape: readonly (number | string)[] | undefined;
}

/** A model as a function of tensors. */
export interface OnnxModel {
  readonly inputs: readonly OnnxInput[];
  /** The names of its outputs, in order. */
  readonly outputs: readonly string[];
  /** Its parameters as they are stored, by name. */
  readonly parameters: Readonly<Record<string, NDArray>>;
  /**
   * Its outputs by name. All of the engine's transforms apply: `grad`, `jvp`, `vmap`, `compile`, ...
   *
   * @param parameters tensors of the names and shapes of {@link parameters}
   * @param inputs a tensor for each of {@link inputs}; a host array is a constant, a number one of the input's dtype
   * @throws GraphError naming the parameter, input or node that does not fit
   */
  apply(
    parameters: Readonly<Record<string, TensorLike>>,
    inputs: Readonly<Record<string, TensorLike>>,
  ): Record<string, Tensor>;
  /** Its first output, on inputs in their order: what `apply` gives, for models that are one function. */
  forward(parameters: Readonly<Record<string, TensorLike>>, ...inputs: readonly TensorLike[]): Tensor;
}

/**
 * Reads an ONNX model as a differentiable function.
 *
 * - Operator sets 11 to 21. Floating-point initialisers with at least one axis become `parameters`, batch
 *   normalisation's running statistics among them (`isParameter` chooses otherwise); all others are constants.
 * - The model is applied as for inference: dropout is the identity, batch normalisation uses the stored statistics,
 *   unless a node itself says that it trains (`training_mode`): then the batch's statistics are used, and dropout with
 *   a nonzero ratio is an error, for randomness is never in a graph.
 * - Half precision (float16, bfloat16) is read as float32, and computed in it.
 * - What exporters write to work out shapes is evaluated while the graph is built: it must depend on shapes alone.
 *   Sizes that the model leaves open are those of the tensors given to `apply`, or of `dimensions`.
 * - Sub-gradients at kinks are the engine's, which are PyTorch's.
 *
 * @param source the bytes of a model, or the path of a file
 * @throws GraphError in one line: bytes that are no model; every node whose operator, operator set or form is not
 *   supported; a tensor kept in another file that is not beside the model's, or any such where bytes are given
 * @example
 * const model = await readOnnx("classifier.onnx");
 * const loss = (w, x, y) => op.softmaxCrossEntropy(model.forward(w, x), y);
 * const gradient = await compile(grad(loss), [specs(model.parameters), spec([8, 3, 32, 32]), spec([8], "int64")]);
 */
export async function readOnnx(
  source: Uint8Array | string,
  options: ReadOnnxOptions = {},
): Promise<OnnxModel> {
  if (typeof source !== "string") return parseOnnx(source, options);
  const name = options.name ?? source;
  let bytes: Uint8Array;
  try {
    bytes = await readFile(source);
  } catch (cause) {
    const reason = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
    throw new GraphError(`readOnnx: ${name}: the file cannot be read (${reason})`, { cause });
  }
  try {
    bytes = await withExternalData(bytes, dirname(source));
  } catch (cause) {
    throw new GraphError(`readOnnx: ${name}: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
  return parseOnnx(bytes, { ...options, name });
}

/** As {@link readOnnx}, from bytes and at once. */
export function parseOnnx(bytes: Uint8Array, options: ReadOnnxOptions = {}): OnnxModel {
  const { name = "the model", dimensions = {}, isParameter = hasAxes } = options;
  const file = located(name, () => {
    const problems: string[] = [];
    const decoded = decodeModel(bytes, problems);
    problems.push(...validate(decoded));
    if (problems.length > 0) throw new Error(problems.join("; "));
    return decoded;
  });
  return makeModel(file, name, dimensions, isParameter);
}

function hasAxes(_: string, array: NDArray): boolean {
  return array.shape.length > 0;
}

/** What `action` gives; its errors say which model they are about. */
function located<T>(name: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new GraphError(`readOnnx: ${name}: ${reason}`, { cause });
  }
}

function makeModel(
  file: OnnxFile,
  name: string,
  dimensions: Readonly<Record<string, number>>,
  isParameter: (name: string, array: NDArray) => boolean,
): OnnxModel {
  const parameters: Record<string, NDArray> = {};
  const constants = new Map<string, Value>();
  const fixed = staticInitializers(file);
  for (const [key, array] of file.graph.initializers) {
    const isFloat = array.dtype === "float32" || array.dtype === "float64";
    if (isFloat && !fixed.has(key) && isParameter(key, array)) parameters[key] = array;
    else constants.set(key, array);
  }
  const inputs = file.graph.inputs.map(
    (input): OnnxInput => ({
      name: input.name,
      dtype: input.dtype,
      shape: input.shape?.map((size) => (typeof size === "string" ? (dimensions[size] ?? size) : size)),
    }),
  );
  const { outputs } = file.graph;

  const apply: OnnxModel["apply"] = (given, values) =>
    located(name, () => {
      const scope = new Map(constants);
      const declared = new Map(Object.entries(parameters));
      for (const [key, value] of matched("parameter", declared, given)) {
        const expected = declared.get(key);
        if (expected !== undefined) checkShape(`parameter ${key}`, value, expected.dtype, expected.shape);
        scope.set(key, value);
      }
      const sizes = new Map(Object.entries(dimensions));
      const supplied = matched("input", new Map(inputs.map((input) => [input.name, input])), values);
      for (const input of inputs) {
        const value = supplied.get(input.name);
        if (value === undefined) continue;
        checkInput(input, value, sizes);
        scope.set(input.name, value);
      }
      const results = interpret(file, scope);
      return Object.fromEntries(outputs.map((output, i) => [output, asTensor(results[i] as Value)]));
    });

  return {
    inputs,
    outputs,
    parameters,
    apply,
    forward(given, ...values) {
      if (values.length !== inputs.length)
        throw new GraphError(`readOnnx: ${name}: ${values.length} inputs given, it has ${inputs.length}`);
      const results = apply(
        given,
        Object.fromEntries(inputs.map((input, i) => [input.name, values[i] as TensorLike])),
      );
      return results[outputs[0] ?? ""] as Tensor;
    },
  };
}

/** The given values by name, after checking that there is one for each that is declared and no other. */
function matched(
  what: string,
  declared: ReadonlyMap<string, Pick<Spec, "dtype">>,
  given: Readonly<Record<string, TensorLike>>,
): Map<string, Value> {
  const names = [...declared.keys()];
  const list = (items: readonly string[]): string => items.map((item) => JSON.stringify(item)).join(", ");
  const missing = names.filter((key) => given[key] === undefined);
  if (missing.length > 0) throw new Error(`${what} ${list(missing)} is missing`);
  const unknown = Object.keys(given).filter((key) => !declared.has(key));
  if (unknown.length > 0)
    throw new Error(`there is no ${what} ${list(unknown)}; there is ${list(names) || "none"}`);
  return new Map(
    [...declared].map(([key, { dtype }]) => [
      key,
      asValue(`${what} ${key}`, given[key] as TensorLike, dtype),
    ]),
  );
}

function asValue(what: string, value: TensorLike, dtype: Spec["dtype"]): Value {
  if (typeof value !== "number") return value;
  requireNumberOf(what, value, dtype);
  return ndarray([value], [], dtype);
}

function checkShape(what: string, value: Value, dtype: Spec["dtype"], shape: Shape): void {
  const expected = describe({ dtype, shape });
  if (describe(value) !== expected) throw new Error(`${what}: expected ${expected}, got ${describe(value)}`);
}

/** Checks an input against what the file declares; a size without a value takes the one it meets first. */
function checkInput({ name, dtype, shape }: OnnxInput, value: Value, sizes: Map<string, number>): void {
  const fits =
    value.dtype === dtype &&
    (shape === undefined ||
      (shape.length === value.shape.length &&
        shape.every((size, axis) => {
          const found = value.shape[axis] ?? 0;
          if (typeof size === "number") return size === found;
          const known = sizes.get(size) ?? found;
          sizes.set(size, known);
          return known === found;
        })));
  if (fits) return;
  const wanted = shape?.map((size) =>
    typeof size === "string" && sizes.has(size) ? `${size}=${sizes.get(size)}` : size,
  );
  throw new Error(
    `input ${JSON.stringify(name)}: expected ${dtype}${wanted ? `[${wanted.join(",")}]` : ""}, got ${describe(value)}`,
  );
}
