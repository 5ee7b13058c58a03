import { isFloat } from "../dtype.ts";
import { fail } from "../errors.ts";
import { describe } from "../ops/check.ts";
import { onesLike, toTensor, zerosLike } from "../ops/constants.ts";
import { alias } from "../ops/elementwise.ts";
import { isTensor, type Tensor, type TensorLike } from "../tensor.ts";
import * as tree from "../tree.ts";
import { backward } from "./backward.ts";

/** Reverse-mode derivatives of functions on trees of tensors. */

export interface GradOptions<N = number | readonly number[], Aux extends boolean = boolean> {
  /** Which argument, or which arguments, to differentiate with respect to; the first by default. */
  readonly argnums?: N;
  /** The function returns `[loss, extra]`, where `extra` is any tree that comes back beside the gradient. */
  readonly hasAux?: Aux;
}

/** The arguments chosen by `argnums`: one tree, or a tuple of them. */
export type Chosen<Args extends readonly unknown[], N> = N extends readonly number[]
  ? { [K in keyof N]: N[K] extends number ? Args[N[K]] : never }
  : N extends number
    ? Args[N]
    : Args[0];

/** What a differentiated function returns: the loss alone, or with something beside it. */
export type Differentiable<Aux> = Aux extends true ? readonly [Tensor, unknown] : Tensor;

/** A copy of a tree of tensors under fresh names, so that derivatives with respect to them are not confused. */
export function freshCopy<T>(arguments_: T, operation: string): T {
  return mapPaths(arguments_, (leaf, path) => {
    const tensor = requireTensor(leaf, operation, path);
    if (!isFloat(tensor.dtype))
      fail(
        operation,
        `cannot differentiate with respect to ${describe(tensor)}${path === "" ? "" : ` (${path})`}: only floats have derivatives`,
      );
    return alias(tensor);
  });
}

function mapPaths<T>(value: T, f: (leaf: unknown, path: string) => Tensor): T {
  const names = tree.paths(value);
  let next = 0;
  return tree.map((leaf) => f(leaf, names[next++] ?? ""), value) as T;
}

function requireTensor(leaf: unknown, operation: string, path: string): Tensor {
  if (isTensor(leaf)) return leaf;
  if (typeof leaf === "number" || (typeof leaf === "object" && leaf !== null && "dtype" in leaf))
    return toTensor(leaf as TensorLike);
  return fail(operation, `expected a tensor${path === "" ? "" : ` at ${path}`}, got ${typeof leaf}`);
}

export function tensorLeaves(value: unknown, operation: string): Tensor[] {
  const names = tree.paths(value);
  return tree.leaves(value).map((leaf, i) => requireTensor(leaf, operation, names[i] ?? ""));
}

/**
 * The value of `f` and its gradient.
 *
 * @param f a function of trees of tensors that returns a scalar (with `hasAux`: `[scalar, extra]`)
 * @returns a function of the same arguments that returns `[value, gradient]`; the gradient has the structure of the
 * differentiated argument, or is a tuple of them for several `argnums`
 * @throws GraphError when the value is not a scalar float or a differentiated argument is not a float
 * @example const [loss, gradients] = valueAndGrad(lossOf)(parameters, x, y);
 */
export function valueAndGrad<
  Args extends readonly unknown[],
  const N extends number | readonly number[] = 0,
  Aux extends boolean = false,
  R extends Differentiable<Aux> = Differentiable<Aux>,
>(
  f: (...args: Args) => R,
  { argnums, hasAux }: GradOptions<N, Aux> = {},
): (...args: Args) => [R, Chosen<Args, N>] {
  return (...args) => {
    const places: readonly number[] = typeof argnums === "object" ? argnums : [argnums ?? 0];
    const fresh: [...Args] = [...args];
    for (const place of places) {
      if (!Number.isInteger(place) || place < 0 || place >= args.length)
        fail("grad", `argument ${place} of ${args.length} does not exist`);
      fresh[place] = freshCopy(args[place], "grad");
    }
    const result = f(...fresh);
    const loss = (hasAux ? (result as readonly [Tensor, unknown])[0] : result) as Tensor;
    if (!isTensor(loss))
      fail("grad", `the function must return a scalar tensor${hasAux ? " and something beside it" : ""}`);
    if (loss.rank !== 0 || !isFloat(loss.dtype))
      fail("grad", `the function must return a scalar float, got ${describe(loss)}`);
    const chosen = places.map((place) => fresh[place]);
    const gradients = pullBack([loss], [onesLike(loss)], chosen);
    return [result, (typeof argnums === "object" ? gradients : gradients[0]) as Chosen<Args, N>];
  };
}

/** The cotangents of trees of sources; zeros where nothing depends on a source. */
export function pullBack<T>(outputs: readonly Tensor[], cotangents: readonly Tensor[], sources: T): T {
  const flat = tree.leaves(sources) as Tensor[];
  const flows = backward(outputs, cotangents, flat);
  return withLeaves(
    sources,
    flat.map((source, i) => flows[i] ?? zerosLike(source)),
  );
}

/**
 * The tree with other tensors at its leaves. It has the type of the tree, for a tensor takes the place of a tensor; the
 * compiler cannot know that of a type parameter.
 */
export function withLeaves<T>(like: T, tensors: readonly Tensor[]): T {
  return tree.unflatten(like, tensors) as T;
}

/**
 * The gradient of a scalar function.
 *
 * @see valueAndGrad for the arguments and errors
 * @example const slope = grad((x) => op.sum(op.square(x)));
 */
export function grad<Args extends readonly unknown[], const N extends number | readonly number[] = 0>(
  f: (...args: Args) => Tensor,
  options?: GradOptions<N, false>,
): (...args: Args) => Chosen<Args, N>;
export function grad<Args extends readonly unknown[], Extra, const N extends number | readonly number[] = 0>(
  f: (...args: Args) => readonly [Tensor, Extra],
  options: GradOptions<N, true> & { readonly hasAux: true },
): (...args: Args) => [Chosen<Args, N>, Extra];
export function grad<Args extends readonly unknown[]>(
  f: (...args: Args) => Tensor | readonly [Tensor, unknown],
  options: GradOptions = {},
): (...args: Args) => unknown {
  const both = valueAndGrad<Args, number | readonly number[], boolean>(f, options);
  return (...args) => {
    const [result, gradient] = both(...args);
    return options.hasAux ? [gradient, (result as readonly [Tensor, unknown])[1]] : gradient;
  };
}

/**
 * The value of `f` and the map from cotangents of its output to cotangents of its arguments.
 *
 * @returns `[output, pullback]`; `pullback(cotangents)` takes a tree like the output and returns one like the arguments
 */
export function vjp<Args extends readonly unknown[], R>(
  f: (...args: Args) => R,
  ...primals: Args
): [R, (cotangents: R) => Args] {
  const fresh = freshCopy(primals, "vjp");
  const output = f(...fresh);
  const flat = tensorLeaves(output, "vjp");
  return [
    output,
    (cotangents) => {
      const flows = tensorLeaves(tree.leavesLike(output, cotangents), "vjp");
      for (const [i, tensor] of flat.entries()) {
        const flow = flows[i];
        if (flow === undefined || flow.dtype !== tensor.dtype || String(flow.shape) !== String(tensor.shape))
          fail("vjp", `cotangent ${flow ? describe(flow) : "missing"} for an output ${describe(tensor)}`);
      }
      return pullBack(flat, flows, fresh);
    },
  ];
}
