import * as op from "../engine/ops/index.ts";
import type { Tensor } from "../engine/tensor.ts";
import type { Optimizer } from "./optimizer.ts";
import { rootOf } from "./root.ts";
import { requireInRange } from "./settings.ts";
import { mapTensors, type TensorTree } from "./trees.ts";

export interface AdamOptions {
  /** Decay of the running mean of gradients. Default 0.9. */
  readonly beta1?: number;
  /** Decay of the running mean of squared gradients. Default 0.999. */
  readonly beta2?: number;
  /** Added to the root of the bias-corrected second moment. Default 1e-8. */
  readonly epsilon?: number;
  /** `adam`: lambda of lambda/2 |parameters|^2 in the loss, default 0; `adamW`: decoupled, default 0.01. */
  readonly weightDecay?: number;
}

/**
 * Adam: `torch.optim.Adam`'s formulas.
 *
 * Source: D. P. Kingma, J. Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, algorithm 1.
 *
 * @throws RangeError when a setting is out of range
 */
export function adam(options: AdamOptions = {}): Optimizer {
  return makeAdam("Adam", { weightDecay: 0, ...options });
}

/**
 * Adam with decoupled weight decay, parameters <- (1 - rate lambda) parameters before the step: `torch.optim.AdamW`'s
 * formulas.
 *
 * Source: I. Loshchilov, F. Hutter, "Decoupled Weight Decay Regularization", ICLR 2019, algorithm 2, with the learning
 * rate in the decay as PyTorch has it.
 *
 * @throws RangeError when a setting is out of range
 */
export function adamW(options: AdamOptions = {}): Optimizer {
  return makeAdam("AdamW", { weightDecay: 0.01, ...options });
}

function makeAdam(
  name: "Adam" | "AdamW",
  { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay }: AdamOptions & { weightDecay: number },
): Optimizer {
  requireInRange(name, { beta1, beta2 }, { high: 1 });
  requireInRange(name, { epsilon, weightDecay });
  const isCoupled = name === "Adam" && weightDecay !== 0;
  const isDecoupled = name === "AdamW" && weightDecay !== 0;
  return {
    description: `${name} with beta ${beta1} and ${beta2}, epsilon ${epsilon}${weightDecay === 0 ? "" : `, weight decay ${weightDecay}`}`,
    init: (parameters) => ({
      count: op.zeros([], "float64"),
      mean: mapTensors(op.zerosLike, parameters),
      square: mapTensors(op.zerosLike, parameters),
    }),
    update(gradient, state, parameters, learningRate) {
      const before = state as { count: Tensor; mean: TensorTree; square: TensorTree };
      const g = isCoupled
        ? mapTensors((slope, p) => slope.add(p.mul(weightDecay)), gradient, parameters)
        : gradient;
      const count = before.count.add(1);
      const mean = mapTensors((m, slope) => m.add(slope.sub(m).mul(1 - beta1)), before.mean, g);
      const square = mapTensors(
        (v, slope) => v.mul(beta2).add(slope.square().mul(1 - beta2)),
        before.square,
        g,
      );
      // The scalars are float64 even for float32 parameters, as 1 - 0.999^t loses four digits in float32.
      const rate = learningRate.div(op.sub(1, op.pow(op.constant(beta1, "float64"), count))).neg();
      const root = op.sub(1, op.pow(op.constant(beta2, "float64"), count)).sqrt();
      const decay = learningRate.mul(-weightDecay);
      const step = mapTensors(
        (m, v, p) => {
          const denominator = rootOf(v).div(root.cast(v.dtype)).add(epsilon);
          const moved = m.mul(rate.cast(m.dtype)).div(denominator);
          return isDecoupled ? p.mul(decay.cast(p.dtype)).add(moved) : moved;
        },
        mean,
        square,
        parameters,
      );
      return [step, { count, mean, square }];
    },
  };
}
