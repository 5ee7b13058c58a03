/** Functions of parameters over the rows of some data, in evaluation: losses, and their first and second derivatives. */
import { itemAt } from "../engine/lists.ts";
import { type NDArray, zerosArray } from "../engine/ndarray.ts";
import * as op from "../engine/ops/index.ts";
import type { CompileOptions, Executable } from "../engine/runtime/compile.ts";
import type { Tensor } from "../engine/tensor.ts";
import { valueAndGrad } from "../engine/transforms/grad.ts";
import { jvp } from "../engine/transforms/jvp.ts";
import { compileTrees } from "./compile-trees.ts";
import { type Examples, type Problem, rowsOf } from "./problem.ts";
import { internalsOf, type TrainingRecord } from "./record.ts";
import { gradientNormsOfRows } from "./row-gradient-norms.ts";
import {
  type ArrayTree,
  arraysOf,
  mapTensors,
  type NamedArrays,
  type TensorTree,
  withArrays,
} from "./trees.ts";

/** All without penalties: of the losses that an evaluation has. Each keeps its compiled graphs until `dispose`. */
export interface RowFunctions {
  /** How many rows the data have. */
  readonly rows: number;
  /** The loss of each row, and where there are classes whether the row's is the likeliest. */
  losses(parameters: NamedArrays): Promise<{ readonly losses: Float64Array; readonly correct?: Uint8Array }>;
  /** The gradient of the mean loss. */
  gradient(parameters: NamedArrays): Promise<NamedArrays>;
  /** ⟨direction, gradient of the row's loss⟩ for each row. */
  slopes(parameters: NamedArrays, direction: NamedArrays): Promise<Float64Array>;
  /** The Euclidean norm of the gradient of each row's loss. */
  gradientNorms(parameters: NamedArrays): Promise<Float64Array>;
  /** The Hessian of the mean loss times a direction. */
  hessianProduct(parameters: NamedArrays, direction: NamedArrays): Promise<NamedArrays>;
  dispose(): Promise<void>;
}

export interface RowFunctionsOptions {
  /** Rows of one call. Default 256. */
  readonly batchSize?: number;
  readonly compile?: CompileOptions | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The functions of a recorded training's model and loss.
 *
 * @param given data of the structure of the training's; by default that itself
 * @throws RangeError when the data do not fit
 */
export function rowFunctions(
  record: TrainingRecord,
  given: Examples | NamedArrays = internalsOf(record).stepper.options.data,
  { batchSize = 256, compile, signal }: RowFunctionsOptions = {},
): RowFunctions {
  const { problem, compile: compiled } = internalsOf(record).stepper.options;
  const data: NamedArrays = { ...given };
  const rows = rowsOf("data", data);
  const over = eachBatch({
    data,
    rows,
    batchSize: Math.min(batchSize, rows),
    compile: compile ?? compiled,
    signal,
  });
  const evaluated = (values: TensorTree, batch: TensorTree): Tensor => rowLosses(problem, values, batch);
  const losses = over((p, _, batch) => {
    const { loss, correct } = problem.evaluate(p, {}, batch);
    if (loss.rank !== 1)
      throw new RangeError("rowFunctions: needs a loss function that returns one loss for each row");
    return correct === undefined ? { rows: [loss] } : { rows: [loss, correct] };
  });
  const gradient = over((p, _, batch) => {
    const [, slope] = valueAndGrad((values: TensorTree) => op.sum(evaluated(values, batch)))(p);
    return { sums: slope };
  });
  const slopes = over((p, direction, batch) => {
    const [, along] = jvp((values: TensorTree) => evaluated(values, batch), [p], [direction]);
    return { rows: [along] };
  });
  const norms = over((p, _, batch) => ({ rows: [gradientNormsOfRows(evaluated, p, batch)] }));
  const product = over((p, direction, batch) => {
    const [, curved] = valueAndGrad((values: TensorTree) => {
      const [, along] = jvp((inner: TensorTree) => evaluated(inner, batch), [values], [direction]);
      return op.sum(along);
    })(p);
    return { sums: curved };
  });
  return {
    rows,
    async losses(parameters) {
      const [found, correct] = await losses.rows(parameters, {});
      return {
        losses: itemAt([found], 0),
        ...(correct === undefined ? {} : { correct: Uint8Array.from(correct) }),
      };
    },
    gradient: (parameters) => gradient.mean(parameters, {}),
    slopes: async (parameters, direction) => itemAt(await slopes.rows(parameters, direction), 0),
    gradientNorms: async (parameters) => itemAt(await norms.rows(parameters, {}), 0),
    hessianProduct: (parameters, direction) => product.mean(parameters, direction),
    async dispose() {
      for (const each of [losses, gradient, slopes, norms, product]) await each.dispose();
    },
  };
}

function rowLosses(problem: Problem, parameters: TensorTree, batch: TensorTree): Tensor {
  return problem.evaluate(parameters, {}, batch).loss;
}

/** What a function finds in a batch: lists of one number for each row, or a tree like the parameters that is summed. */
interface Found {
  readonly rows?: readonly Tensor[];
  readonly sums?: TensorTree;
}

interface Compiled {
  readonly executable: Executable<readonly ArrayTree[], ArrayTree>;
  readonly indices: NDArray;
}

/** Compiles a function of parameters, a direction and a batch once for each size of batch, and runs it over all. */
function eachBatch({
  data,
  rows,
  batchSize,
  compile,
  signal,
}: {
  readonly data: NamedArrays;
  readonly rows: number;
  readonly batchSize: number;
  readonly compile: CompileOptions | undefined;
  readonly signal: AbortSignal | undefined;
}) {
  return (f: (parameters: TensorTree, direction: TensorTree, batch: TensorTree) => Found) => {
    const parts = new Map<number, Promise<Compiled>>();
    const make = async (size: number, like: readonly ArrayTree[]): Promise<Compiled> => {
      const indices = zerosArray([size], "int32");
      const executable = await compileTrees(
        (parameters, direction, tables, at) => {
          const batch = mapTensors((table) => op.take(table, at as Tensor), tables);
          const { rows: lists, sums } = f(parameters, direction, batch);
          return lists ?? sums ?? {};
        },
        [...like, data, indices],
        compile,
      );
      return { executable, indices };
    };
    async function* batches(parameters: NamedArrays, direction: NamedArrays) {
      for (let start = 0; start < rows; start += batchSize) {
        signal?.throwIfAborted();
        const size = Math.min(batchSize, rows - start);
        const part = parts.get(size) ?? make(size, [parameters, direction]);
        parts.set(size, part);
        const { executable, indices } = await part;
        for (let i = 0; i < size; i++) indices.data[i] = start + i;
        yield { start, arrays: arraysOf(await executable.run(parameters, direction, data, indices)) };
      }
    }
    return {
      async rows(parameters: NamedArrays, direction: NamedArrays): Promise<Float64Array[]> {
        const lists: Float64Array[] = [];
        for await (const { start, arrays } of batches(parameters, direction))
          for (const [k, { data: values }] of arrays.entries()) {
            lists[k] ??= new Float64Array(rows);
            for (let i = 0; i < values.length; i++) itemAt(lists, k)[start + i] = Number(values[i]);
          }
        return lists;
      },
      async mean(parameters: NamedArrays, direction: NamedArrays): Promise<NamedArrays> {
        const sums = arraysOf(parameters).map(({ data: values }) => new Float64Array(values.length));
        for await (const { arrays } of batches(parameters, direction))
          for (const [k, sum] of sums.entries()) {
            const { data: values } = itemAt(arrays, k);
            for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] ?? 0) + Number(values[i]);
          }
        const means = arraysOf(parameters).map(({ dtype, shape }, k): NDArray => {
          const values = itemAt(sums, k).map((sum) => sum / rows);
          return dtype === "float64"
            ? { dtype, shape, data: values }
            : { dtype: "float32", shape, data: Float32Array.from(values) };
        });
        return withArrays(parameters, means);
      },
      async dispose(): Promise<void> {
        for (const part of await Promise.allSettled(parts.values()))
          if (part.status === "fulfilled") await part.value.executable.dispose();
        parts.clear();
      },
    };
  };
}

/** How many rows a training has. */
export function rowCount(record: TrainingRecord): number {
  return arraysOf(internalsOf(record).stepper.options.data)[0]?.shape[0] ?? 0;
}
