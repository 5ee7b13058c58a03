import { apply, applyOne, type Op, type Tensor } from "../tensor.ts";
import { sumToShape } from "./broadcast.ts";
import { requireBroadcast, requireFloat, requireSameDType } from "./check.ts";
import { abs, div, floor, mul, neg, sign } from "./elementwise.ts";
import { alignAll, both } from "./shape.ts";

/** What a division leaves, exactly: a - b trunc(a / b) has the rounding of the quotient in it. */

/** The number without its fraction. */
export function truncate(x: Tensor): Tensor {
  return mul(sign(x), floor(abs(x)));
}

export const remainderOp: Op<Record<never, never>> = {
  name: "remainder",
  outputs: (inputs) => [
    { shape: requireBroadcast("remainder", inputs), dtype: requireSameDType("remainder", inputs) },
  ],
  // Where the quotient is a whole number the remainder jumps; the derivative is that of the pieces.
  gradient: ({ inputs, cotangents: [ct], wanted }) => {
    const [a, b] = both(inputs);
    return [
      ct && wanted[0] ? sumToShape(ct, a.shape) : undefined,
      ct && wanted[1] ? sumToShape(neg(mul(ct, truncate(div(a, b)))), b.shape) : undefined,
    ];
  },
  batch(args) {
    return apply(this, alignAll(args), {});
  },
  emit: (emitter, inputs) => emitter.node("Mod", inputs, { fmod: 1 }),
};

/**
 * The remainder of a / b with the sign of a, as C's fmod and NumPy's `fmod`; shapes broadcast. NaN where b is 0.
 *
 * @throws GraphError for integers, and for shapes or dtypes that do not fit
 */
export function remainder(a: Tensor, b: Tensor): Tensor {
  requireFloat("remainder", a, b);
  return applyOne(remainderOp, [a, b], {});
}
