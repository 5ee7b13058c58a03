import { InputError } from "../data/input-error.ts";

/** Training left the numbers in which it makes sense: what happened, where, and what to try. */
export class DivergenceError extends InputError {
  /** The step, counted from 0, before whose update this was seen. */
  readonly step: number;
  /** The learning rate of the update that led there. */
  readonly learningRate: number;

  constructor(message: string, { step, learningRate }: { step: number; learningRate: number }) {
    super(message);
    this.step = step;
    this.learningRate = learningRate;
  }
}

/** @throws DivergenceError at the first loss of a call that is not finite */
export function requireFiniteLosses(
  losses: Float32Array | Float64Array,
  firstStep: number,
  learningRateOf: (step: number) => number,
): void {
  for (let i = 0; i < losses.length; i++) {
    if (Number.isFinite(losses[i])) continue;
    const step = firstStep + i;
    if (step === 0)
      throw new DivergenceError(
        `train: the loss is ${losses[i]} at step 0, before any update; the data or the initial parameters hold numbers that are not finite or are too large`,
        { step, learningRate: learningRateOf(0) },
      );
    throw diverged(`the loss is ${losses[i]}`, step, learningRateOf(step - 1));
  }
}

/** @throws DivergenceError when a norm of parameters is not finite or above the bound */
export function requireBoundedNorm(
  norm: number,
  bound: number,
  step: number,
  learningRateOf: (step: number) => number,
): void {
  if (norm <= bound) return;
  const what = Number.isFinite(norm)
    ? `the norm of the parameters has grown to ${norm.toPrecision(3)}, above ${bound.toPrecision(3)}`
    : "the parameters are not finite";
  throw diverged(what, step, learningRateOf(Math.max(0, step - 1)));
}

/** @throws DivergenceError when the loss on held-out data is not finite */
export function requireFiniteEvaluation(
  loss: number,
  step: number,
  learningRateOf: (step: number) => number,
): void {
  if (Number.isFinite(loss)) return;
  if (step > 0) throw diverged(`the loss on the held-out data is ${loss}`, step, learningRateOf(step - 1));
  throw new DivergenceError(
    `train: the loss on the held-out data is ${loss} at step 0, before any update; they or the initial parameters hold numbers that are not finite or are too large`,
    { step, learningRate: learningRateOf(0) },
  );
}

function diverged(what: string, step: number, learningRate: number): DivergenceError {
  return new DivergenceError(
    `train: ${what} at step ${step}, after an update with learning rate ${learningRate}; try a rate of ${(learningRate / 10).toPrecision(2)}, a warm-up or gradient clipping`,
    { step, learningRate },
  );
}
