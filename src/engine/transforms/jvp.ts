import { isFloat } from "../dtype.ts";
import { fail } from "../errors.ts";
import { describe } from "../ops/check.ts";
import { eye, parameter, zerosLike } from "../ops/constants.ts";
import { flatten, reshape } from "../ops/shape.ts";
import type { Tensor } from "../tensor.ts";
import * as tree from "../tree.ts";
import { backward } from "./backward.ts";
import { freshCopy, grad, tensorLeaves, vjp } from "./grad.ts";
import { vmap } from "./vmap.ts";

/**
 * Forward-mode derivatives. Every gradient rule is linear in its cotangents, so the transpose of the reverse pass is
 * the forward pass: differentiating u -> vjp(f)(u) with respect to u. One rule an operation serves both directions, and
 * after dead code is removed the graph is the one that rules for tangents would give.
 */
export function linearize<Args extends readonly unknown[], R>(
  f: (...args: Args) => R,
  ...primals: Args
): [R, (...tangents: Args) => R] {
  const fresh = freshCopy(primals, "jvp");
  const output = f(...fresh);
  const outputs = tensorLeaves(output, "jvp");
  const probes = outputs.map((tensor) => parameter(tensor.shape, tensor.dtype, "jvp"));
  const sources = tree.leaves(fresh) as Tensor[];
  const pulled = backward(outputs, probes, sources);
  return [
    output,
    (...tangents) => {
      const directions = tensorLeaves(tree.leavesLike(fresh, tangents), "jvp");
      for (const [i, source] of sources.entries()) {
        const direction = directions[i];
        if (
          direction === undefined ||
          direction.dtype !== source.dtype ||
          String(direction.shape) !== String(source.shape)
        )
          fail(
            "jvp",
            `tangent ${direction ? describe(direction) : "missing"} for an argument ${describe(source)}`,
          );
      }
      const reached = pulled.flatMap((flow, i) =>
        flow === undefined ? [] : [{ flow, direction: directions[i] }],
      );
      const pushed = backward(
        reached.map(({ flow }) => flow),
        reached.map(({ direction }) => direction),
        probes,
      );
      return tree.unflatten(
        output,
        outputs.map((tensor, i) => (isFloat(tensor.dtype) ? pushed[i] : undefined) ?? zerosLike(tensor)),
      ) as R;
    },
  ];
}

/**
 * The value of `f` and its derivative in a direction.
 *
 * @param primals the arguments; all of their leaves are floats
 * @param tangents trees like the arguments
 * @returns `[output, derivative]`, trees of one structure
 */
export function jvp<Args extends readonly unknown[], R>(
  f: (...args: Args) => R,
  primals: Args,
  tangents: Args,
): [R, R] {
  const [output, push] = linearize(f, ...primals);
  return [output, push(...tangents)];
}

/**
 * Products of the Hessian of a scalar function with vectors, without the Hessian: forward over reverse.
 *
 * @example const product = hvp(lossOf)(parameters, direction);
 */
export function hvp<T>(f: (x: T) => Tensor): (primals: T, vectors: T) => T {
  return (primals, vectors) => jvp(grad(f), [primals], [vectors])[1] as T;
}

/**
 * The Jacobian of a function of one tensor: shape [...output, ...input]. Rows by reverse mode where there are fewer
 * outputs than inputs, columns by forward mode otherwise.
 */
export function jacobian(f: (x: Tensor) => Tensor): (x: Tensor) => Tensor {
  return (x) => {
    const [output, pull] = vjp(f, x);
    if (output.size <= x.size) {
      const row = (cotangent: Tensor): Tensor => flatten(pull(reshape(cotangent, output.shape))[0] as Tensor);
      return reshape(vmap(row)(eye(output.size, output.size, output.dtype)), [...output.shape, ...x.shape]);
    }
    const [, push] = linearize(f, x);
    const column = (tangent: Tensor): Tensor => flatten(push(reshape(tangent, x.shape)));
    return reshape(vmap(column, [0], 1)(eye(x.size, x.size, x.dtype)), [...output.shape, ...x.shape]);
  };
}

/** The matrix of second derivatives of a scalar function of one tensor: shape [...input, ...input]. */
export function hessian(f: (x: Tensor) => Tensor): (x: Tensor) => Tensor {
  return jacobian(grad(f));
}
