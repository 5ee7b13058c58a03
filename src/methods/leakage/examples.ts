import { type NDArray, ndarray } from "../../engine/ndarray.ts";

/** Between a batch and its examples. */

/** The examples [...shape] of a batch [N, ...shape]. */
export function examplesOf({ shape, data, dtype }: NDArray): NDArray[] {
  const [count = 0, ...rest] = shape;
  const size = data.length / count;
  return Array.from({ length: count }, (_, i) => ndarray(data.slice(i * size, (i + 1) * size), rest, dtype));
}

/**
 * Examples of one shape as a batch [N, ...shape], in float64.
 *
 * @throws RangeError when there are none
 */
export function batchOf(examples: readonly NDArray[]): NDArray<"float64"> {
  const [first] = examples;
  if (first === undefined) throw new RangeError("batchOf: there are no examples");
  const size = first.data.length;
  const data = new Float64Array(examples.length * size);
  for (const [i, example] of examples.entries())
    data.set(Float64Array.from(example.data as ArrayLike<number>), i * size);
  return ndarray(data, [examples.length, ...first.shape], "float64");
}
