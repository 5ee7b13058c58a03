import * as op from "../engine/ops/index.ts";
import type { Tensor } from "../engine/tensor.ts";
import type { Optimizer } from "./optimizer.ts";
import { requireInRange } from "./settings.ts";
import { mapTensors, type TensorTree } from "./trees.ts";

export interface SgdOptions {
  /** The share mu of the last velocity that is kept: v <- mu v + (1 - dampening) g. Default 0, plain SGD. */
  readonly momentum?: number;
  /** Default 0. The first velocity is the gradient itself, whatever this is, as in PyTorch. */
  readonly dampening?: number;
  /** Steps along g + mu v instead of v (I. Sutskever et al. 2013, as PyTorch has it). Default false. */
  readonly nesterov?: boolean;
  /** lambda of lambda/2 |parameters|^2 in the loss: g <- g + lambda parameters. Default 0. */
  readonly weightDecay?: number;
}

/**
 * Stochastic gradient descent, with momentum (B. Polyak 1964) or Nesterov's momentum: `torch.optim.SGD`'s formulas.
 *
 * @throws RangeError when a setting is out of range, or Nesterov's step lacks momentum or has dampening
 * @example sgd({ momentum: 0.9, nesterov: true })
 */
export function sgd({
  momentum = 0,
  dampening = 0,
  nesterov = false,
  weightDecay = 0,
}: SgdOptions = {}): Optimizer {
  requireInRange("sgd", { momentum, weightDecay });
  requireInRange("sgd", { dampening }, { high: 1 + Number.EPSILON });
  if (nesterov && (momentum === 0 || dampening !== 0))
    throw new RangeError("sgd: nesterov needs a momentum above 0 and no dampening");
  const decayed = (g: Tensor, p: Tensor): Tensor => (weightDecay === 0 ? g : g.add(p.mul(weightDecay)));
  const scaled = (direction: TensorTree, learningRate: Tensor): TensorTree =>
    mapTensors((d) => d.mul(learningRate.cast(d.dtype).neg()), direction);

  if (momentum === 0)
    return {
      description: `SGD${decayInWords(weightDecay)}`,
      gradientDescent: { weightDecay },
      init: () => ({}),
      update: (gradient, state, parameters, learningRate) => [
        scaled(mapTensors(decayed, gradient, parameters), learningRate),
        state,
      ],
    };

  return {
    description: `SGD with ${nesterov ? "Nesterov's " : ""}momentum ${momentum}${dampening === 0 ? "" : `, dampening ${dampening}`}${decayInWords(weightDecay)}`,
    init: (parameters) => ({
      velocity: mapTensors(op.zerosLike, parameters),
      // Only dampening tells the first step from the others: without it, 0 mu + g is the gradient anyway.
      ...(dampening === 0 ? {} : { begun: op.zeros([], "float64") }),
    }),
    update(gradient, state, parameters, learningRate) {
      const { velocity, begun } = state as { velocity: TensorTree; begun?: Tensor };
      const decayedGradient = mapTensors(decayed, gradient, parameters);
      const next = mapTensors(
        (v, g) => {
          const kept = v.mul(momentum);
          if (begun === undefined) return kept.add(g);
          return kept.add(g.mul(op.sub(1, begun.mul(dampening)).cast(g.dtype)));
        },
        velocity,
        decayedGradient,
      );
      const direction = nesterov ? mapTensors((g, v) => g.add(v.mul(momentum)), decayedGradient, next) : next;
      const nextState = { velocity: next, ...(begun === undefined ? {} : { begun: op.onesLike(begun) }) };
      return [scaled(direction, learningRate), nextState];
    },
  };
}

function decayInWords(weightDecay: number): string {
  return weightDecay === 0 ? "" : `, weight decay ${weightDecay}`;
}
