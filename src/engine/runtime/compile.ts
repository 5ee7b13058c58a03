import type { DType } from "../dtype.ts";
import { fail } from "../errors.ts";
import type { NDArray } from "../ndarray.ts";
import { blockConvolutions, hasBlockableConvolutions } from "../onnx/blocked.ts";
import { fuse } from "../onnx/fuse.ts";
import { lower, simplify } from "../onnx/simplify.ts";
import { type Named, writeOnnx } from "../onnx/write.ts";
import { parameter } from "../ops/constants.ts";
import { formatShape, type Shape } from "../shape.ts";
import { isTensor, type Spec, type Tensor } from "../tensor.ts";
import * as tree from "../tree.ts";
import type { Device, NamedSpec, Session } from "./backend.ts";
import { checkInputs, checkOutputs, type HostInput, requireFinite } from "./check-arrays.ts";
import { nodeBackend } from "./node.ts";
import { arrayParts, hasLargeOutputs, outputParts } from "./parts.ts";
import { type Summary, summarize } from "./summary.ts";

/** Trees of specs as the function sees them, as the caller gives them, and as they come back. */
export type AsTensors<T> = tree.MapLeaves<T, Spec, Tensor>;
export type AsInputs<T> = tree.MapLeaves<T, Spec, HostInput>;
export type AsArrays<T> = tree.MapLeaves<T, Tensor, NDArray>;

/** `T` as the list of arguments that it is: of a mapped list the compiler does not know that it is one. */
type ListOf<T> = T extends readonly unknown[] ? T : never;

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

/** A compiled function. */
export interface Executable<Args extends readonly unknown[] = readonly unknown[], Out = unknown> {
  /**
   * Runs it on host arrays, trees like the specs it was compiled for.
   *
   * @throws GraphError when a dtype, a shape or the length of data differs from the spec, before anything runs
   */
  run(...args: Args): Promise<Out>;
  /** As {@link run}, into given arrays, so that a loop swaps two sets of buffers. */
  runInto(outputs: Out, ...args: Args): Promise<Out>;
  readonly inputs: readonly NamedSpec[];
  readonly outputs: readonly NamedSpec[];
  /** The graph as a standard ONNX file. */
  onnx(): Uint8Array;
  /**
   * The graph as it is run, for another session on this machine that is to compute the same bits: an ONNX file that may
   * have the runtime's own operators.
   */
  native(): Uint8Array;
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
  f: (...args: ListOf<AsTensors<S>>) => R,
  argumentSpecs: S,
  options: CompileOptions = {},
): Promise<Executable<ListOf<AsInputs<S>>, AsArrays<R>>> {
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
  const args: unknown = tree.unflatten(
    argumentSpecs,
    inputs.map(({ tensor }) => tensor),
  );
  const result = f(...(args as ListOf<AsTensors<S>>));
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
  const settings = { device, threads, optimize };
  const native = optimize === "all" ? await nativeForm(outputs, device) : outputs;
  const model = writeOnnx(inputs, native);
  let session: Session | undefined = await nodeBackend.load(model, inputs, outputs, settings);
  let partSession: Promise<Session> | undefined;

  const opened = (): Session => session ?? fail("run", "the executable was disposed");
  /** The session whose large outputs are in parts, which is made when arrays are given for them. */
  const openedInParts = (): Promise<Session> => {
    const parts = outputParts(native);
    partSession ??= nodeBackend.load(writeOnnx(inputs, parts), inputs, parts, settings);
    return partSession;
  };
  const withParts = hasLargeOutputs(outputs);

  const executable: Executable<readonly unknown[], unknown> = {
    async run(...values) {
      const found = await opened().run(checkInputs(values, argumentSpecs, inputs));
      if (checkFinite) requireFinite(found, outputs);
      return tree.unflatten(result, found);
    },
    async runInto(into, ...values) {
      const given = tree.leavesLike(result, into) as NDArray[];
      checkOutputs(given, outputs);
      const whole = opened();
      const arrays = checkInputs(values, argumentSpecs, inputs);
      if (withParts) await (await openedInParts()).run(arrays, arrayParts(outputs, given));
      else await whole.run(arrays, given);
      if (checkFinite) requireFinite(given, outputs);
      return into;
    },
    inputs: inputs.map(publicSpec),
    outputs: outputs.map(publicSpec),
    onnx: () => (native === outputs ? model : writeOnnx(inputs, outputs)),
    native: () => model,
    summary: () => summarize(optimized, inputs),
    async dispose() {
      const open = [session, await partSession];
      session = undefined;
      partSession = undefined;
      for (const each of open) await each?.dispose();
    },
  };
  return executable as Executable<ListOf<AsInputs<S>>, AsArrays<R>>;
}

/** The outputs as this runtime on this machine computes them fastest. */
async function nativeForm<T extends Named>(outputs: readonly T[], device: Device): Promise<readonly T[]> {
  const tensors = outputs.map(({ tensor }) => tensor);
  if (!hasBlockableConvolutions(tensors)) return outputs;
  const block = await nodeBackend.blockSize(device);
  if (block === undefined) return outputs;
  const blocked = blockConvolutions(tensors, block);
  return outputs.map((output, i) => ({ ...output, tensor: blocked[i] ?? output.tensor }));
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
