import type { Objective } from "../../training/lbfgs.ts";

export interface AdamOptions {
  readonly iterations: number;
  /** 0.01 by default. */
  readonly learningRate?: number;
  /** The factor on the step every `decayEvery` iterations; 0.89 every 50 by default. */
  readonly decay?: number;
  readonly decayEvery?: number;
  readonly onIteration?: (iteration: number, value: number) => void;
  readonly signal?: AbortSignal;
}

/**
 * Minimises by Adam with a step that decays by stages, as LAMP does.
 *
 * Source: D. P. Kingma, J. Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, Algorithm 1 with beta 0.9 and
 * 0.999 and epsilon 1e-8.
 *
 * @returns the last point and its value; the step is not undone where it made things worse
 * @throws the signal's reason when it is aborted
 */
export async function minimizeByAdam(
  objective: Objective,
  initial: Float64Array,
  options: AdamOptions,
): Promise<{ x: Float64Array; value: number; iterations: number; evaluations: number; reason: string }> {
  const { iterations, learningRate = 0.01, decay = 0.89, decayEvery = 50, onIteration, signal } = options;
  const x = initial.slice();
  const mean = new Float64Array(x.length);
  const square = new Float64Array(x.length);
  for (let iteration = 1; iteration <= iterations; iteration++) {
    signal?.throwIfAborted();
    const { value, gradient } = await objective(x);
    if (!Number.isFinite(value))
      return {
        x,
        value,
        iterations: iteration,
        evaluations: iteration,
        reason: `the matching loss is ${value} after ${iteration} steps`,
      };
    onIteration?.(iteration, value);
    const step = learningRate * decay ** Math.floor((iteration - 1) / decayEvery);
    const [meanScale, squareScale] = [1 - 0.9 ** iteration, 1 - 0.999 ** iteration];
    for (let i = 0; i < x.length; i++) {
      const slope = gradient[i] as number;
      mean[i] = 0.9 * (mean[i] as number) + 0.1 * slope;
      square[i] = 0.999 * (square[i] as number) + 0.001 * slope * slope;
      x[i] =
        (x[i] as number) -
        (step * ((mean[i] as number) / meanScale)) / (Math.sqrt((square[i] as number) / squareScale) + 1e-8);
    }
  }
  const { value } = await objective(x);
  return { x, value, iterations, evaluations: iterations + 1, reason: `used all ${iterations} iterations` };
}
