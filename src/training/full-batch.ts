import { itemAt } from "../engine/lists.ts";
import { type NDArray, zerosArray } from "../engine/ndarray.ts";
import * as op from "../engine/ops/index.ts";
import type { CompileOptions, Executable } from "../engine/runtime/compile.ts";
import type { Tensor } from "../engine/tensor.ts";
import { valueAndGrad } from "../engine/transforms/grad.ts";
import { randomStream, type Seed } from "../numeric/random.ts";
import { compileTrees } from "./compile-trees.ts";
import { DivergenceError } from "./divergence.ts";
import { type LbfgsOptions, type LbfgsResult, minimize } from "./lbfgs.ts";
import { type Criterion, type Examples, type LossFunction, rowsOf, type TrainableModel } from "./problem.ts";
import { requireWeights } from "./settings.ts";
import { type Start, type StartOptions, startOf } from "./start.ts";
import {
  type ArrayTree,
  arraysOf,
  copyArrays,
  mapTensors,
  type NamedArrays,
  type TensorTree,
} from "./trees.ts";

interface CommonOptions<D> extends LbfgsOptions {
  readonly data: D;
  /** One factor for each row's loss [rows]; the sum is still divided by the number of rows. */
  readonly weights?: ArrayLike<number>;
  /** lambda of lambda/2 |parameters|^2, added to the mean loss. Default 0. */
  readonly weightDecay?: number;
  /** Rows of one call, for data whose activations do not fit in memory at once. Default all. */
  readonly batchSize?: number;
  /** Pairs that L-BFGS remembers. Default 100. */
  readonly historySize?: number;
  readonly compile?: CompileOptions;
}

export type FullBatchOptions<P extends NamedArrays, D extends NamedArrays> =
  | (CommonOptions<Examples> & {
      readonly model: TrainableModel;
      readonly criterion?: Criterion;
      readonly parameters?: NamedArrays;
      readonly seed?: Seed;
      readonly dtype?: "float32" | "float64";
    })
  | (CommonOptions<D> & { readonly loss: LossFunction<P, D>; readonly parameters: P });

/** The options whatever the types of the caller's trees. */
type AnyFullBatchOptions = CommonOptions<NamedArrays> &
  StartOptions & { readonly seed?: Seed; readonly dtype?: "float32" | "float64" };

export interface FullBatchResult<P = NamedArrays> extends LbfgsResult {
  readonly parameters: P;
}

/**
 * Minimises the mean loss over all rows by L-BFGS: the optimum of convex models, and a training without noise of others.
 * Batch normalisation's running statistics are not updated.
 *
 * @param options a model and its { x, y }, or a loss of each row with its initial parameters; and those of L-BFGS
 * @returns the parameters and how the search ended; `value` includes the weight decay
 * @throws RangeError for options that do not fit
 * @throws DivergenceError when the loss is not finite at the start
 * @example const { parameters } = await trainFullBatch({ model, data, weightDecay: 1e-3, toleranceGradient: 1e-9 });
 */
export async function trainFullBatch<P extends NamedArrays, D extends NamedArrays>(
  options: FullBatchOptions<P, D>,
): Promise<FullBatchResult<P>>;
export async function trainFullBatch(given: unknown): Promise<FullBatchResult> {
  const options = given as AnyFullBatchOptions;
  const { data, weights, weightDecay = 0, batchSize, compile } = options;
  const { seed = 0, dtype = "float64" } = options;
  const { problem, parameters, buffers } = startOf("trainFullBatch", options, {
    stream: randomStream(seed),
    dtype,
  });
  const rows = rowsOf("data", data);
  requireWeights("trainFullBatch", weights, rows);
  if (!(weightDecay >= 0))
    throw new RangeError(`trainFullBatch: weightDecay ${weightDecay} is not from 0 up`);
  const size = Math.min(batchSize ?? rows, rows);
  if (!Number.isInteger(size) || size < 1)
    throw new RangeError(`trainFullBatch: batchSize ${batchSize} is not a positive integer`);

  const point = copyArrays(parameters);
  const executables = new Map<number, Promise<Part>>();
  const partOf = (length: number): Promise<Part> => {
    const known =
      executables.get(length) ?? compilePart({ problem, buffers, parameters: point, data }, length, compile);
    executables.set(length, known);
    return known;
  };
  const start = flatten(point);
  const gradient = new Float64Array(start.length);
  const objective = async (x: Float64Array) => {
    unflattenInto(point, x);
    let value = 0;
    gradient.fill(0);
    for (let first = 0; first < rows; first += size) {
      const length = Math.min(size, rows - first);
      const { executable, indices, factors } = await partOf(length);
      for (let i = 0; i < length; i++) {
        indices.data[i] = first + i;
        factors.data[i] = (weights?.[first + i] ?? 1) / rows;
      }
      const [loss, ...slopes] = arraysOf(await executable.run(point, buffers, data, indices, factors));
      value += Number(loss?.data[0]);
      addFlat(gradient, slopes);
    }
    for (let i = 0; i < x.length; i++) {
      value += (weightDecay / 2) * (x[i] as number) ** 2;
      gradient[i] = (gradient[i] as number) + weightDecay * (x[i] as number);
    }
    return { value, gradient };
  };
  try {
    const { x, gradient: _, ...result } = await minimize(objective, start, options);
    if (result.status === "diverged" && result.iterations === 0)
      throw new DivergenceError(`trainFullBatch: ${result.reason}; expected finite data and parameters`, {
        step: 0,
        learningRate: options.learningRate ?? 1,
      });
    unflattenInto(point, x);
    return { ...result, parameters: point };
  } finally {
    for (const part of await Promise.allSettled(executables.values()))
      if (part.status === "fulfilled") await part.value.executable.dispose();
  }
}

interface Part {
  readonly executable: Executable<readonly ArrayTree[], ArrayTree>;
  readonly indices: NDArray;
  readonly factors: NDArray;
}

async function compilePart(
  { problem, buffers, parameters, data }: Start & { readonly data: NamedArrays },
  length: number,
  options: CompileOptions | undefined,
): Promise<Part> {
  const indices = zerosArray([length], "int32");
  const factors = zerosArray([length], itemAt(arraysOf(parameters), 0).dtype);
  const executable = await compileTrees(
    (p, running, tables, at, weights) =>
      valueAndGrad((q: TensorTree) => {
        const batch = mapTensors((table) => op.take(table, at as Tensor), tables);
        const { loss } = problem.train(q, running, batch, {});
        if (loss.rank !== 1 || loss.size !== length)
          throw new RangeError("trainFullBatch: the loss must give one number for each row");
        return op.sum(loss.mul(weights as Tensor));
      })(p),
    [parameters, buffers, data, indices, factors],
    options,
  );
  return { executable, indices, factors };
}

function flatten(parameters: NamedArrays): Float64Array {
  return Float64Array.from(arraysOf(parameters).flatMap(({ data }) => Array.from(data, Number)));
}

function unflattenInto(parameters: NamedArrays, x: Float64Array): void {
  let place = 0;
  for (const { data } of arraysOf(parameters)) {
    (data as Float64Array).set(x.subarray(place, place + data.length));
    place += data.length;
  }
}

function addFlat(sum: Float64Array, arrays: readonly NDArray[]): void {
  let place = 0;
  for (const { data } of arrays)
    for (let i = 0; i < data.length; i++, place++) sum[place] = (sum[place] as number) + Number(data[i]);
}
