import { allocate, type DType, holds } from "../dtype.ts";
import { fail } from "../errors.ts";
import { topologicalOrder } from "../graph.ts";
import { castArray, type NDArray, ndarray } from "../ndarray.ts";
import { fuse } from "../onnx/fuse.ts";
import { lower, simplify } from "../onnx/simplify.ts";
import { type Named, writeOnnx } from "../onnx/write.ts";
import { describe } from "../ops/check.ts";
import { constantOp, parameter, requireNumberOf } from "../ops/constants.ts";
import { formatShape, type Shape, sameShape, sizeOf } from "../shape.ts";
import { attributesIf, isTensor, type Op, type Spec, Tensor } from "../tensor.ts";
import * as tree from "../tree.ts";
import type { Device, NamedSpec, Session } from "./backend.ts";
import { nodeBackend } from "./node.ts";

/** A host array, or what stands for one: int64 elements also as numbers, a scalar as a number. */
export type HostInput =
  | NDArray
  | { readonly dtype: "int64"; readonly shape: Shape; readonly data: readonly number[] }
  | number;

/** Trees of specs as the function sees them, as the caller gives them, and as they come back. */
export type AsTensors<T> = tree.MapLeaves<T, Spec, Tensor>;
export type AsInputs<T> = tree.MapLeaves<T, Spec, HostInput>;
export type AsArrays<T> = tree.MapLeaves<T, Tensor, NDArray>;

export interface CompileOptions {
  /** `cpu` by default; {@link devices} lists what there is. */
  readonly device?: Device;
  /** Threads of one run; the cores of the machine by default. */
  readonly threads?: number;
  /** `all` (default): share, simplify and fuse. `none`: run the graph as it was traced. */
  readonly optimize?: "all" | "none";
  /** Throw after a run whose outputs are not all finite, naming the first; off by default. */
  readonly checkFinite?: boolean;
}

/** What a compiled graph consists of. */
export interface Summary {
  /** How often each operation occurs. */
  readonly operations: Readonly<Record<string, number>>;
  /** Elements of all inputs: parameters and data. */
  readonly inputElements: number;
  /** Elements of constants inside the graph. */
  readonly constantElements: number;
  /** Floating-point operations of one run. */
  readonly flops: number;
  /** Bytes read and written at the boundary in one run. */
  readonly boundaryBytes: number;
}

/** A compiled function. */
export interface Executable<Args extends readonly unknown[] = readonly unknown[], Out = unknown> {
  /**
   * Runs it on host arrays, trees like the specs it was compiled for.
   *
   * @throws GraphError when a dtype, a shape or the length of data differs from the spec, before anything runs
   */
  run(...args: Args): Promise<Out>;
  /** As {@link run}, into given arrays: a loop that swaps two sets of buffers allocates nothing. */
  runInto(outputs: Out, ...args: Args): Promise<Out>;
  readonly inputs: readonly NamedSpec[];
  readonly outputs: readonly NamedSpec[];
  /** The graph as a standard ONNX file. */
  onnx(): Uint8Array;
  summary(): Summary;
  /** Frees the runtime's memory; a run afterwards is an error. */
  dispose(): Promise<void>;
}

/** A description of an input: its shape and dtype (float32 by default). */
export function spec(shape: Shape, dtype: DType = "float32"): Spec {
  for (const size of shape)
    if (!Number.isInteger(size) || size < 0)
      fail("spec", `shape ${formatShape(shape)} has a dimension that is not a size`);
  return { shape: [...shape], dtype };
}

/** The specs of a tree of arrays or tensors. */
export function specs<T>(arrays: T): tree.MapLeaves<T, tree.LeafOf<T>, Spec> {
  return tree.map((leaf) => spec((leaf as Spec).shape, (leaf as Spec).dtype), arrays);
}

/** The devices that the runtime offers here. */
export function devices(): readonly Device[] {
  return nodeBackend.devices();
}

/**
 * Compiles a function of tensors to an executable: traces it once, simplifies the graph and loads it.
 *
 * @param f a function of trees of tensors that returns a tree of tensors
 * @param argumentSpecs a tree of {@link spec}s for each argument
 * @throws GraphError for a graph that cannot be built, a device that is not there, threads that are not a positive integer
 * @example const step = await compile((w, x) => op.matmul(x, w), [spec([3, 2]), spec([8, 3])]);
 */
export async function compile<const S extends readonly unknown[], R>(
  f: (...args: AsTensors<S> extends readonly unknown[] ? AsTensors<S> : never) => R,
  argumentSpecs: S,
  options: CompileOptions = {},
): Promise<Executable<AsInputs<S> extends readonly unknown[] ? AsInputs<S> : never, AsArrays<R>>> {
  const {
    device = "cpu",
    threads = nodeBackend.defaultThreads(),
    optimize = "all",
    checkFinite = false,
  } = options;
  if (!Number.isInteger(threads) || threads < 1)
    fail("compile", `threads ${threads} is not a positive integer`);
  requireDevice(device);

  const names = tree.paths(argumentSpecs);
  const inputs = (tree.leaves(argumentSpecs) as Spec[]).map((leaf, i): Named & NamedSpec => {
    const name = `input.${names[i] ?? ""}`;
    return { name, tensor: parameter(leaf.shape, leaf.dtype, name), shape: leaf.shape, dtype: leaf.dtype };
  });
  const args = tree.unflatten(
    argumentSpecs,
    inputs.map(({ tensor }) => tensor),
  );
  const result = (f as (...args: readonly unknown[]) => R)(...(args as unknown as readonly unknown[]));
  const results = tree.leaves(result) as unknown[];
  const tensors = results.map((leaf): Tensor => {
    if (isTensor(leaf)) return leaf;
    return fail("compile", `the function must return tensors, got ${typeof leaf}`);
  });
  if (tensors.length === 0) fail("compile", "the function returns no tensors");
  const optimized = optimize === "all" ? fuse(simplify(tensors)) : lower(tensors);
  const resultNames = tree.paths(result);
  const outputs = optimized.map((tensor, i): Named & NamedSpec => {
    const path = resultNames[i] ?? "";
    return {
      name: path === "" ? "output" : `output.${path}`,
      tensor,
      shape: tensor.shape,
      dtype: tensor.dtype,
    };
  });
  const model = writeOnnx(inputs, outputs);
  let session: Session | undefined = await nodeBackend.load(model, inputs, outputs, {
    device,
    threads,
    optimize,
  });

  const run = async (
    into: readonly NDArray[] | undefined,
    values: readonly unknown[],
  ): Promise<NDArray[]> => {
    if (session === undefined) return fail("run", "the executable was disposed");
    const arrays = checkInputs(values, argumentSpecs, inputs);
    const found = await session.run(arrays, into);
    if (checkFinite) requireFinite(found, outputs);
    return found;
  };

  const executable: Executable<readonly unknown[], unknown> = {
    async run(...values) {
      return tree.unflatten(result, await run(undefined, values));
    },
    async runInto(into, ...values) {
      const arrays = tree.leavesLike(result, into) as NDArray[];
      checkOutputs(arrays, outputs);
      await run(arrays, values);
      return into;
    },
    inputs: inputs.map(publicSpec),
    outputs: outputs.map(publicSpec),
    onnx: () => model,
    summary: () => summarize(optimized, inputs),
    async dispose() {
      const open = session;
      session = undefined;
      await open?.dispose();
    },
  };
  return executable as Executable<AsInputs<S> extends readonly unknown[] ? AsInputs<S> : never, AsArrays<R>>;
}

function publicSpec({ name, shape, dtype }: NamedSpec): NamedSpec {
  return { name, shape, dtype };
}

function requireDevice(device: Device): void {
  const available = nodeBackend.devices();
  if (available.includes(device)) return;
  const remedy =
    device === "cuda"
      ? "install onnxruntime-node with its CUDA libraries (npm_config_onnxruntime_node_install=cuda12 npm rebuild onnxruntime-node, on Linux x64 with CUDA 12)"
      : "this build of onnxruntime-node does not contain it";
  fail("compile", `device ${device} is not available here (there is ${available.join(", ")}): ${remedy}`);
}

/** The arrays of a call, after checking every one of them. */
function checkInputs(
  values: readonly unknown[],
  argumentSpecs: readonly unknown[],
  inputs: readonly NamedSpec[],
): NDArray[] {
  if (values.length !== argumentSpecs.length)
    fail("run", `${values.length} arguments for a function of ${argumentSpecs.length}`);
  const leaves = tree.leavesLike(argumentSpecs, values) as HostInput[];
  return inputs.map((input, i) => checkInput(leaves[i], input));
}

function checkInput(value: HostInput | undefined, { name, shape, dtype }: NamedSpec): NDArray {
  const expected = describe({ shape, dtype });
  if (typeof value === "number" && shape.length === 0) {
    requireNumberOf(`run: ${name}`, value, dtype);
    return ndarray([value], [], dtype);
  }
  if (typeof value !== "object" || value === null || !("data" in value))
    return fail("run", `${name}: expected an array ${expected}, got ${typeof value}`);
  if (value.dtype !== dtype || !sameShape(value.shape, shape))
    fail("run", `${name}: expected ${expected}, got ${describe(value)}`);
  if (value.data.length !== sizeOf(shape))
    fail("run", `${name}: expected ${sizeOf(shape)} elements for ${expected}, got ${value.data.length}`);
  if (dtype === "int64" && Array.isArray(value.data)) {
    for (const item of value.data as readonly number[]) requireNumberOf(`run: ${name}`, item, dtype);
    return castArray(ndarray(value.data as readonly number[], shape, "float64"), "int64");
  }
  if (!holds(value.data, dtype))
    fail("run", `${name}: expected ${expected}, but its data is not the typed array of ${dtype}`);
  return value as NDArray;
}

function checkOutputs(arrays: readonly NDArray[], outputs: readonly NamedSpec[]): void {
  if (arrays.length !== outputs.length)
    fail("runInto", `${arrays.length} arrays for ${outputs.length} outputs`);
  for (const [i, output] of outputs.entries()) checkInput(arrays[i], output);
}

function requireFinite(arrays: readonly NDArray[], outputs: readonly NamedSpec[]): void {
  for (const [i, array] of arrays.entries()) {
    if (array.dtype !== "float32" && array.dtype !== "float64") continue;
    const place = (array.data as Float64Array).findIndex((value) => !Number.isFinite(value));
    if (place !== -1) fail("run", `${outputs[i]?.name}: element ${place} is ${array.data[place]}`);
  }
}

function summarize(outputs: readonly Tensor[], inputs: readonly NamedSpec[]): Summary {
  const operations: Record<string, number> = {};
  let constantElements = 0;
  let flops = 0;
  for (const node of topologicalOrder(outputs)) {
    if (node.op.name === "parameter") continue;
    const constant = attributesIf(new Tensor(node, 0), constantOp);
    if (constant !== undefined) constantElements += sizeOf(constant.array.shape);
    else operations[node.op.name] = (operations[node.op.name] ?? 0) + 1;
    flops += flopsOf(node.op, node);
  }
  const bytes = (list: readonly Spec[]): number =>
    list.reduce((total, { shape, dtype }) => total + sizeOf(shape) * allocate(dtype, 0).BYTES_PER_ELEMENT, 0);
  return {
    operations,
    inputElements: inputs.reduce((total, { shape }) => total + sizeOf(shape), 0),
    constantElements,
    flops,
    boundaryBytes: bytes(inputs) + bytes(outputs),
  };
}

function flopsOf(op: Op, node: Tensor["node"]): number {
  return op.flops?.(node, node.attributes) ?? sizeOf(node.outputs[0]?.shape ?? []);
}

/**
 * A function that compiles itself for the shapes it meets and keeps the executables.
 *
 * @example const run = compileCached((x) => op.sum(x)); await run(ndarray([1, 2, 3]));
 */
export function compileCached<Args extends readonly unknown[], R>(
  f: (...args: Args) => R,
  options: CompileOptions = {},
): ((...args: tree.MapLeaves<Args, Tensor, NDArray>) => Promise<AsArrays<R>>) & { dispose(): Promise<void> } {
  const executables = new Map<string, Promise<Executable>>();
  const call = async (...args: readonly unknown[]): Promise<unknown> => {
    const argumentSpecs = args.map((argument) => specs(argument));
    const key = JSON.stringify(argumentSpecs);
    const known =
      executables.get(key) ??
      (compile(f as (...args: readonly unknown[]) => R, argumentSpecs, options) as Promise<Executable>);
    executables.set(key, known);
    // What does not compile is not kept: the next call says why again.
    known.catch(() => executables.delete(key));
    return (await known).run(...args);
  };
  const dispose = async (): Promise<void> => {
    const compiled = await Promise.allSettled(executables.values());
    executables.clear();
    for (const result of compiled) if (result.status === "fulfilled") await result.value.dispose();
  };
  return Object.assign(call, { dispose }) as ReturnType<typeof compileCached<Args, R>>;
}
