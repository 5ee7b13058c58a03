import { availableParallelism } from "node:os";
import * as ort from "onnxruntime-node";
import type { TypedArray } from "../dtype.ts";
import type { NDArray } from "../ndarray.ts";
import type { Backend, Device, NamedSpec, Session, SessionOptions } from "./backend.ts";
import { findBlockSize } from "./block-size.ts";

/** ONNX Runtime's Node binding. */
export const nodeBackend: Backend = {
  devices: () =>
    ort
      .listSupportedBackends()
      .flatMap(({ name }): Device[] =>
        name === "cpu" || name === "webgpu" || name === "cuda" ? [name] : [],
      ),

  defaultThreads: () => availableParallelism(),

  async blockSize(device) {
    if (device !== "cpu") return undefined;
    cpuBlockSize ??= findBlockSize(load);
    return cpuBlockSize;
  },

  load,
};

let cpuBlockSize: Promise<number | undefined> | undefined;

async function load(
  model: Uint8Array,
  inputs: readonly NamedSpec[],
  outputs: readonly NamedSpec[],
  { device, threads, optimize }: SessionOptions,
): Promise<Session> {
  const session = await ort.InferenceSession.create(model, {
    executionProviders: [device],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: optimize === "all" ? "all" : "disabled",
    logSeverityLevel: 3,
    // This one stores the factor of a product as an attribute, which is a float32 number even for float64 products.
    extra: { optimization: { disable_specified_optimizers: "MatMulScaleFusion" } },
  });
  return makeSession(session, inputs, outputs);
}

/** The runtime's tensors of arrays that were seen before, so that a loop over the same buffers makes none. */
type TensorCache = WeakMap<TypedArray, ort.Tensor>;

function makeSession(
  session: ort.InferenceSession,
  inputs: readonly NamedSpec[],
  outputs: readonly NamedSpec[],
): Session {
  const cache: TensorCache = new WeakMap();
  const named = (specs: readonly NamedSpec[], arrays: readonly NDArray[]): Record<string, ort.Tensor> => {
    const tensors: Record<string, ort.Tensor> = {};
    for (let i = 0; i < specs.length; i++) {
      const [spec, array] = [specs[i], arrays[i]];
      if (spec !== undefined && array !== undefined) tensors[spec.name] = runtimeTensor(array, cache);
    }
    return tensors;
  };
  return {
    async run(arrays, into) {
      const feeds = named(inputs, arrays);
      if (into !== undefined) {
        await session.run(feeds, named(outputs, into));
        return [...into];
      }
      const results = await session.run(feeds);
      return outputs.map(
        ({ name, dtype, shape }) =>
          ({ dtype, shape, data: (results[name] as ort.Tensor).data as TypedArray }) as NDArray,
      );
    },
    dispose: () => session.release(),
  };
}

function runtimeTensor({ dtype, shape, data }: NDArray, cache: TensorCache): ort.Tensor {
  const known = cache.get(data);
  if (known !== undefined && known.type === dtype && sameDimensions(known.dims, shape)) return known;
  const tensor = new ort.Tensor(dtype, data as ort.Tensor.DataType, shape);
  cache.set(data, tensor);
  return tensor;
}

function sameDimensions(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}
