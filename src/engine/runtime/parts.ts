import { bytesPerElement, type DataOf, type DType } from "../dtype.ts";
import type { NDArray } from "../ndarray.ts";
import { flatten } from "../ops/shape.ts";
import { split } from "../ops/slicing.ts";
import { sizeOf } from "../shape.ts";
import type { Spec, Tensor } from "../tensor.ts";
import type { NamedSpec } from "./backend.ts";

/**
 * Large outputs in parts. ONNX Runtime's Node binding writes an output into the array that it is given, and then copies
 * it into a fresh one all the same. For a large array nearly all of that time is the operating system handing out new
 * pages; a small one reuses memory that was freed before. So a large output leaves the graph as several small ones, each
 * written to its place in the given array. (Measured for 103 MB: 33 ms instead of 63.)
 */
const partBytes = 16 * 2 ** 20;

function partsOf(spec: Spec): number {
  return Math.ceil((sizeOf(spec.shape) * bytesPerElement(spec.dtype)) / partBytes);
}

/** Whether any output is large enough for parts to pay. */
export function hasLargeOutputs(outputs: readonly Spec[]): boolean {
  return outputs.some((output) => partsOf(output) > 1);
}

/** Sizes of about equal parts. */
function partSizes(spec: Spec): number[] {
  const count = partsOf(spec);
  const size = sizeOf(spec.shape);
  return Array.from(
    { length: count },
    (_, part) => Math.floor((size * (part + 1)) / count) - Math.floor((size * part) / count),
  );
}

/** Graph outputs, the large ones as vectors of their parts. */
export function outputParts(
  outputs: readonly (NamedSpec & { readonly tensor: Tensor })[],
): (NamedSpec & { readonly tensor: Tensor })[] {
  return outputs.flatMap((output) => {
    if (partsOf(output) <= 1) return [output];
    return split(flatten(output.tensor), partSizes(output)).map((tensor, part) => ({
      name: `${output.name}.part.${part}`,
      tensor,
      shape: tensor.shape,
      dtype: tensor.dtype,
    }));
  });
}

/** The parts of arrays that take the outputs, in the order of {@link outputParts}: views, not copies. */
export function arrayParts(outputs: readonly NamedSpec[], arrays: readonly NDArray[]): NDArray[] {
  return arrays.flatMap((array, i): NDArray[] => {
    const output = outputs[i];
    if (output === undefined || partsOf(output) <= 1) return [array];
    let start = 0;
    return partSizes(output).map((size) => {
      start += size;
      return {
        dtype: array.dtype,
        shape: [size],
        data: array.data.subarray(start - size, start) as DataOf[DType],
      };
    });
  });
}
