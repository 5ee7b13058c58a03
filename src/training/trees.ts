import { bytesPerElement } from "../engine/dtype.ts";
import { itemAt } from "../engine/lists.ts";
import { castArray, type NDArray, ndarray, zerosArray } from "../engine/ndarray.ts";
import { zeros } from "../engine/ops/constants.ts";
import { sizeOf } from "../engine/shape.ts";
import { isTensor, type Spec, type Tensor } from "../engine/tensor.ts";
import * as tree from "../engine/tree.ts";

/** Trees as training meets them: parameters, gradients, the state of an optimiser, whatever their structure. */
export type TensorTree = Tensor | readonly TensorTree[] | { readonly [name: string]: TensorTree };
export type ArrayTree = NDArray | readonly ArrayTree[] | { readonly [name: string]: ArrayTree };

/** Parameters by name, nested as the modules are. */
export type NamedTensors = tree.Named<Tensor>;
export type NamedArrays = tree.Named<NDArray>;

/** The tensors that stand for a tree of arrays inside a compiled function. */
export type TensorsOf<Arrays> = tree.MapLeaves<Arrays, NDArray, Tensor>;

export function tensorsOf(value: unknown): Tensor[] {
  return tree.leaves(value) as Tensor[];
}

export function arraysOf(value: unknown): NDArray[] {
  return tree.leaves(value) as NDArray[];
}

/**
 * The part of a tree under a name.
 *
 * @throws TypeError when the tree has no such part
 */
export function branchAt(value: TensorTree, name: string): TensorTree {
  const branch = isBranching(value) ? value[name] : undefined;
  if (branch === undefined) throw new TypeError(`the tree of tensors has no part ${name}`);
  return branch;
}

/** The tensor of a tree under a name; `undefined` where there is nothing. */
export function tensorAt(value: TensorTree, name: string): Tensor | undefined {
  const branch = isBranching(value) ? value[name] : undefined;
  return isTensor(branch) ? branch : undefined;
}

function isBranching(value: TensorTree): value is { readonly [name: string]: TensorTree } {
  return !isTensor(value) && !Array.isArray(value);
}

/** The tree of the structure of `first` with `f` of the tensors at each place of all trees. */
export function mapTensors(
  f: (...tensors: Tensor[]) => Tensor,
  first: TensorTree,
  ...others: readonly TensorTree[]
): TensorTree {
  const lists = others.map((other) => tree.leavesLike(first as unknown, other as unknown) as Tensor[]);
  const flat = tensorsOf(first).map((leaf, i) => f(leaf, ...lists.map((list) => itemAt(list, i))));
  return tree.unflatten(first as unknown, flat) as TensorTree;
}

/** Tensors of zeros of the shapes and dtypes of arrays. */
export function tracedZeros(arrays: ArrayTree): TensorTree {
  const flat = arraysOf(arrays).map(({ shape, dtype }) => zeros(shape, dtype));
  return tree.unflatten<unknown, Tensor>(arrays, flat) as TensorTree;
}

export function specTree(arrays: ArrayTree): unknown {
  return tree.unflatten<unknown, Spec>(
    arrays,
    arraysOf(arrays).map(({ shape, dtype }) => ({ shape: [...shape], dtype })),
  );
}

/** The tree with other arrays at its leaves. It has the type of the tree, for an array takes the place of an array. */
export function withArrays<T>(like: T, arrays: readonly NDArray[]): T {
  return tree.unflatten<unknown, NDArray>(like, arrays) as T;
}

/** Zeros of the shapes and dtypes of a tree of arrays or specs. */
export function zerosOf(like: unknown): ArrayTree {
  const flat = (tree.leaves(like) as Spec[]).map(({ shape, dtype }) => zerosArray(shape, dtype));
  return tree.unflatten(like, flat) as ArrayTree;
}

export function copyArrays<T extends ArrayTree>(arrays: T): T {
  const flat = arraysOf(arrays).map((array) => ({ ...array, data: array.data.slice() }) as NDArray);
  return withArrays(arrays, flat);
}

/** Copies the elements of `from` into the arrays of `into`, a tree of the same structure and shapes. */
export function writeArrays(into: ArrayTree, from: ArrayTree): void {
  const sources = tree.leavesLike(into as unknown, from as unknown) as NDArray[];
  for (const [i, target] of arraysOf(into).entries())
    (target.data as Float64Array).set(itemAt(sources, i).data as Float64Array);
}

export function bytesOf(arrays: unknown): number {
  return (tree.leaves(arrays) as Spec[]).reduce(
    (total, { shape, dtype }) => total + sizeOf(shape) * bytesPerElement(dtype),
    0,
  );
}

/** Whether no array has more than two axes: matrices, whose products with several others are one product. */
export function areMatrices(arrays: ArrayTree): boolean {
  return arraysOf(arrays).every(({ shape }) => shape.length <= 2);
}

/** The sum of two trees of floats of one structure, in arrays of its own. */
export function sumOf<T extends ArrayTree>(a: T, b: T): T {
  const out = copyArrays(a);
  const others = tree.leavesLike(a as unknown, b as unknown) as NDArray[];
  for (const [k, { data }] of arraysOf(out).entries()) {
    const more = itemAt(others, k).data;
    for (let i = 0; i < data.length; i++) data[i] = Number(data[i]) + Number(more[i]);
  }
  return out;
}

/** The Euclidean norm of all floats of a tree together. */
export function normOf(arrays: ArrayTree): number {
  let sum = 0;
  for (const { dtype, data } of arraysOf(arrays)) {
    if (dtype !== "float32" && dtype !== "float64") continue;
    for (let i = 0; i < data.length; i++) sum += (data[i] as number) ** 2;
  }
  return Math.sqrt(sum);
}

/** The elements of all arrays of a tree, one after the other. */
export function ravelArrays(arrays: ArrayTree): Float64Array {
  const all = arraysOf(arrays);
  const values = new Float64Array(all.reduce((total, { data }) => total + data.length, 0));
  let place = 0;
  for (const { data } of all) for (let i = 0; i < data.length; i++) values[place++] = Number(data[i]);
  return values;
}

/**
 * The tree of like shapes and dtypes with these elements: what {@link ravelArrays} took apart. Of float64, the arrays are
 * views of the values.
 *
 * @throws RangeError when there are not as many as the tree takes
 */
export function unravelArrays<T extends ArrayTree>(like: T, values: Float64Array): T {
  let place = 0;
  const arrays = arraysOf(like).map(({ shape, dtype }) => {
    const start = place;
    place += sizeOf(shape);
    return castArray(ndarray(values.subarray(start, place), shape, "float64"), dtype);
  });
  if (place !== values.length)
    throw new RangeError(`${values.length} elements for arrays of ${place} elements together`);
  return withArrays(like, arrays);
}
