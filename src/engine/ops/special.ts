import { apply, applyOne, type Op, type Tensor, type TensorLike } from "../tensor.ts";
import { requireFloat } from "./check.ts";
import { toTensor } from "./constants.ts";
import * as e from "./elementwise.ts";
import { unary, unaryOf } from "./elementwise-rules.ts";
import { only } from "./shape.ts";

/** Special functions: accurate where the textbook formula cancels, composed where the runtime has no kernel. */

const log1pOp = unary("log1p", {
  gradient: (ct, x) => e.div(ct, e.add(x, 1)),
  onnx: "Log1p",
  lower: (x) => {
    // Kahan: log(u) x / (u - 1) with u = fl(1 + x) undoes the rounding of 1 + x.
    const u = e.add(x, 1);
    const delta = e.sub(u, 1);
    const small = e.equal(delta, 0);
    const large = e.equal(u, Number.POSITIVE_INFINITY);
    const ratio = e.div(x, e.where(small, 1, delta));
    return e.where(small, x, e.where(large, u, e.mul(e.log(e.where(small, 1, u)), ratio)));
  },
});

const expm1Op = unary("expm1", {
  // Not y + 1, which cancels where x is far below 0.
  gradient: (ct, x) => e.mul(ct, e.exp(x)),
  onnx: "Expm1",
  lower: (x) => {
    // Kahan: (u - 1) x / log(u) with u = fl(exp(x)); the ends are where log(u) is 0 or infinite.
    const u = e.exp(x);
    const delta = e.sub(u, 1);
    const tiny = e.equal(delta, 0);
    const ends = e.logicalOr(tiny, e.logicalOr(e.equal(u, 0), e.equal(u, Number.POSITIVE_INFINITY)));
    const ratio = e.div(x, e.log(e.where(ends, 2, u)));
    return e.where(tiny, x, e.where(ends, delta, e.mul(delta, ratio)));
  },
});

const softplusOp = unary("softplus", {
  gradient: (ct, x) => e.mul(ct, e.sigmoid(x)),
  onnx: "Softplus",
  lower: (x) => (x.dtype === "float64" ? e.add(e.relu(x), log1p(e.exp(e.neg(e.abs(x))))) : undefined),
});

const twoOverRootPi = 2 / Math.sqrt(Math.PI);

const erfOp = unary("erf", {
  gradient: (ct, x) => e.mul(ct, e.mul(e.exp(e.neg(e.square(x))), twoOverRootPi)),
  onnx: "Erf",
  lower: (x) => (x.dtype === "float64" ? erfFloat64(x) : undefined),
});

/** Horner's scheme, coefficients of the lowest power first. */
function polynomial(x: Tensor, coefficients: readonly number[]): Tensor {
  const [highest = 0, ...rest] = coefficients.toReversed();
  let value = toTensor(highest, x.dtype);
  for (const coefficient of rest) value = e.add(e.mul(value, x), coefficient);
  return value;
}

/**
 * Cody's rational Chebyshev approximations in float64 (W. J. Cody, "Rational Chebyshev approximations for the error
 * function", Mathematics of Computation 23, 1969): `near` is erf(x) for |x| <= 0.46875, `far` is erfc(|x|) beyond. Each
 * is evaluated at an argument moved into its interval, so that none overflows where another is chosen.
 */
function errorFunctions(x: Tensor): { readonly isNear: Tensor; readonly near: Tensor; readonly far: Tensor } {
  const magnitude = e.abs(x);
  const inner = e.clip(x, { min: -0.46875, max: 0.46875 });
  const z = e.square(inner);
  const near = e.div(
    e.mul(
      inner,
      polynomial(
        z,
        [3209.3775891384694, 377.485237685302, 113.86415415105016, 3.1611237438705655, 0.18577770618460315],
      ),
    ),
    polynomial(z, [2844.236833439171, 1282.6165260773723, 244.02463793444417, 23.601290952344122, 1]),
  );
  const middle = e.clip(magnitude, { min: 0.46875, max: 4 });
  const middleRatio = e.div(
    polynomial(
      middle,
      [
        1230.3393547979972, 2051.0783778260716, 1712.0476126340707, 881.952221241769, 298.6351381974001,
        66.11919063714163, 8.883149794388377, 0.5641884969886701, 2.1531153547440383e-8,
      ],
    ),
    polynomial(
      middle,
      [
        1230.3393548037495, 3439.3676741437216, 4362.619090143247, 3290.7992357334597, 1621.3895745666903,
        537.1811018620099, 117.6939508913125, 15.744926110709835, 1,
      ],
    ),
  );
  // From 28 on the complement is 0 in float64.
  const outer = e.clip(magnitude, { min: 4, max: 28 });
  const w = e.reciprocal(e.square(outer));
  const tail = e.div(
    e.mul(
      w,
      polynomial(
        w,
        [
          0.0006587491615298378, 0.016083785148742275, 0.12578172611122926, 0.36034489994980445,
          0.30532663496123236, 0.016315387137302097,
        ],
      ),
    ),
    polynomial(
      w,
      [
        0.0023352049762686918, 0.06051834131244132, 0.5279051029514285, 1.8729528499234673, 2.568520192289822,
        1,
      ],
    ),
  );
  const outerRatio = e.div(e.sub(1 / Math.sqrt(Math.PI), tail), outer);
  const complement = (argument: Tensor, ratio: Tensor): Tensor =>
    e.mul(e.exp(e.neg(e.square(argument))), ratio);
  return {
    isNear: e.lessEqual(magnitude, 0.46875),
    near,
    far: e.where(e.lessEqual(magnitude, 4), complement(middle, middleRatio), complement(outer, outerRatio)),
  };
}

function erfFloat64(x: Tensor): Tensor {
  const { isNear, near, far } = errorFunctions(x);
  const value = e.where(isNear, near, e.mul(e.sign(x), e.sub(1, far)));
  // The clips lose a NaN; choosing it again keeps IEEE's propagation.
  return e.where(e.isNaN(x), x, value);
}

const normalDensity = (x: Tensor): Tensor =>
  e.mul(e.exp(e.mul(e.square(x), -0.5)), 1 / Math.sqrt(2 * Math.PI));

/** The standard normal distribution function; in float64 to full relative accuracy in the lower tail, too. */
const normalDistributionOp = unary("normalDistribution", {
  gradient: (ct, x) => e.mul(ct, normalDensity(x)),
  onnx: "NormalDistribution",
  lower: (x) => {
    const z = e.mul(x, Math.SQRT1_2);
    if (x.dtype === "float32") return e.mul(e.add(erf(z), 1), 0.5);
    const { isNear, near, far } = errorFunctions(z);
    const half = e.mul(far, 0.5);
    const value = e.where(isNear, e.mul(e.add(near, 1), 0.5), e.where(e.less(z, 0), half, e.sub(1, half)));
    return e.where(e.isNaN(x), x, value);
  },
});

interface GeluOptions {
  /** `none`: x Phi(x) with the error function. `tanh`: the approximation of Hendrycks and Gimpel. */
  readonly approximate: "none" | "tanh";
}

const rootTwoOverPi = Math.sqrt(2 / Math.PI);

/** (1 + tanh(u)) / 2 of the tanh approximation, as sigmoid(2 u), which does not cancel. */
function tanhDistribution(x: Tensor): Tensor {
  return e.sigmoid(e.mul(e.add(x, e.mul(e.mul(e.square(x), x), 0.044715)), 2 * rootTwoOverPi));
}

const geluOp: Op<GeluOptions> = {
  name: "gelu",
  outputs: ([x]) => [{ shape: x?.shape ?? [], dtype: x?.dtype ?? "float32" }],
  gradient: ({ inputs, attributes, cotangents: [ct] }) => {
    const x = only(inputs);
    if (ct === undefined) return [undefined];
    if (attributes.approximate === "none") {
      const distribution = unaryOf(normalDistributionOp, x, "float");
      return [e.mul(ct, e.add(distribution, e.mul(x, normalDensity(x))))];
    }
    const distribution = tanhDistribution(x);
    const slope = e.mul(e.add(e.mul(e.square(x), 3 * 0.044715), 1), 2 * rootTwoOverPi);
    const density = e.mul(e.mul(distribution, e.sub(1, distribution)), slope);
    return [e.mul(ct, e.add(distribution, e.mul(x, density)))];
  },
  batch: ({ inputs, attributes }) => apply(geluOp, inputs, attributes),
  lower: (inputs, { approximate }) => {
    const x = only(inputs);
    // In float32 the fused kernel, which is one pass; its error is below 1e-6, so its tail below -4 has few digits.
    if (x.dtype === "float32") return undefined;
    return [
      e.mul(x, approximate === "tanh" ? tanhDistribution(x) : unaryOf(normalDistributionOp, x, "float")),
    ];
  },
  emit: (emitter, inputs, _, { approximate }) => emitter.node("Gelu", inputs, { approximate }),
};

/** log(1 + x), accurate near 0. */
export const log1p = (x: TensorLike): Tensor => unaryOf(log1pOp, x, "float");
/** exp(x) - 1, accurate near 0. */
export const expm1 = (x: TensorLike): Tensor => unaryOf(expm1Op, x, "float");
/** log(1 + exp(x)), without overflow. */
export const softplus = (x: TensorLike): Tensor => unaryOf(softplusOp, x, "float");
/** The error function. */
export const erf = (x: TensorLike): Tensor => unaryOf(erfOp, x, "float");

/** The Gaussian error linear unit x Phi(x), or its tanh approximation. */
export function gelu(x: TensorLike, { approximate = "none" }: Partial<GeluOptions> = {}): Tensor {
  const tensor = toTensor(x);
  requireFloat("gelu", tensor);
  return applyOne(geluOp, [tensor], { approximate });
}
