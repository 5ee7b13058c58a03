import { type NDArray, zerosArray } from "../engine/ndarray.ts";
import * as op from "../engine/ops/index.ts";
import type { CompileOptions, Executable } from "../engine/runtime/compile.ts";
import type { Tensor } from "../engine/tensor.ts";
import { compileTrees } from "./compile-trees.ts";
import type { Problem } from "./problem.ts";
import { type ArrayTree, arraysOf, mapTensors, type NamedArrays, type TensorTree } from "./trees.ts";

export interface Evaluation {
  /** The mean over the rows. */
  readonly loss: number;
  /** The share of rows whose class has the largest output; absent where the data have no integer classes. */
  readonly accuracy?: number;
}

export interface Evaluator {
  run(parameters: NamedArrays, buffers: NamedArrays): Promise<Evaluation>;
  dispose(): Promise<void>;
}

/** Computes the loss (and the accuracy) over all rows of some data, a batch at a time. */
export function createEvaluator(
  problem: Problem,
  {
    data,
    rows,
    batchSize,
    compile,
  }: {
    readonly data: NamedArrays;
    readonly rows: number;
    readonly batchSize: number;
    readonly compile?: CompileOptions | undefined;
  },
): Evaluator {
  type Part = { executable: Executable<readonly ArrayTree[], ArrayTree>; indices: NDArray };
  const parts = new Map<number, Promise<Part>>();
  const partOf = (size: number, parameters: NamedArrays, buffers: NamedArrays): Promise<Part> => {
    const known = parts.get(size);
    if (known !== undefined) return known;
    const make = async (): Promise<Part> => {
      const indices = zerosArray([size], "int32");
      const executable = await compileTrees(
        (p, b, tables, at) => {
          const batch = mapTensors((table) => op.take(table, at as Tensor), tables as TensorTree);
          const { loss, correct } = problem.evaluate(p as TensorTree, b as TensorTree, batch);
          const total = loss.rank === 0 ? loss.mul(size) : op.sum(loss);
          return { total, ...(correct === undefined ? {} : { correct: op.sum(correct) }) };
        },
        [parameters, buffers, data, indices],
        compile,
      );
      return { executable, indices };
    };
    const made = make();
    parts.set(size, made);
    return made;
  };

  return {
    async run(parameters, buffers) {
      let total = 0;
      let correct: number | undefined;
      for (let start = 0; start < rows; start += batchSize) {
        const size = Math.min(batchSize, rows - start);
        const { executable, indices } = await partOf(size, parameters, buffers);
        for (let i = 0; i < size; i++) indices.data[i] = start + i;
        const found = await executable.run(parameters, buffers, data, indices);
        const [sum, hits] = arraysOf(found);
        total += Number(sum?.data[0]);
        if (hits !== undefined) correct = (correct ?? 0) + Number(hits.data[0]);
      }
      return { loss: total / rows, ...(correct === undefined ? {} : { accuracy: correct / rows }) };
    },
    async dispose() {
      for (const part of await Promise.allSettled(parts.values()))
        if (part.status === "fulfilled") await part.value.executable.dispose();
      parts.clear();
    },
  };
}
