import { ndarray } from "../../engine/ndarray.ts";
import * as op from "../../engine/ops/index.ts";
import type { Tensor } from "../../engine/tensor.ts";
import { cholesky } from "../../numeric/linear-algebra/cholesky.ts";
import { lsmrAsync } from "../../numeric/lsmr.ts";
import { dot } from "../../numeric/rows.ts";
import {
  type ConvolutionShape,
  convolutionEquations,
  type EquationScales,
  equationScales,
  forEachProduct,
} from "./convolution-equations.ts";

/** The input of a convolution from its output and its gradient, in least squares. */

/** What is known of a convolution W * a = z. */
export interface KnownConvolution {
  /** W, [out, in, kernel, kernel]. */
  readonly weight: Float64Array;
  /** The loss's derivative by z. */
  readonly delta: Float64Array;
  readonly z: Float64Array;
  /** The loss's derivative by W: corr(a, delta). */
  readonly weightGradient: Float64Array;
}

export interface SolvedInput {
  /** a, as one vector. */
  readonly input: Float64Array;
  readonly unknowns: number;
  readonly equations: number;
  /** Whether the equations are as many as the unknowns at least and their condition number leaves digits. */
  readonly determined: boolean;
  /** Of the scaled equations, as LSMR estimates it on the way: a lower bound. */
  readonly condition: number;
  /** Of LSMR. */
  readonly iterations: number;
  /** ‖residual‖ / ‖right-hand side‖ of the scaled equations: about the relative error of the gradient. */
  readonly relativeResidual: number;
}

/**
 * The a that satisfies W * a = z and corr(a, delta) = g_W best, each block of equations scaled to rows of norm 1 in root
 * mean square; by LSMR.
 */
export async function solveConvolutionInput(
  shape: ConvolutionShape,
  known: KnownConvolution,
): Promise<SolvedInput> {
  const scales = equationScales(shape, known.weight, known.delta);
  const { blocks } = scales;
  const right = new Float64Array(known.z.length + known.weightGradient.length);
  right.set(known.z.map((value) => value / blocks[0]));
  right.set(
    known.weightGradient.map((value) => value / blocks[1]),
    known.z.length,
  );
  const { graph, host } = changeOfVariables(shape, known.delta, scales);
  const operator = await convolutionEquations(shape, known.weight, known.delta, { blocks, change: graph });
  try {
    const { x, iteration, condition } = await lsmrAsync(operator, right, {
      atol: 1e-13,
      btol: 1e-13,
      conditionLimit: 1e12,
    });
    const found = await operator.multiply(x);
    const residual = right.map((value, i) => value - (found[i] ?? 0));
    return {
      input: host(x),
      condition,
      iterations: iteration,
      unknowns: operator.columns,
      equations: operator.rows,
      determined: operator.rows >= operator.columns && condition < 1e12,
      relativeResidual: Math.sqrt(dot(residual, residual) / dot(right, right)),
    };
  } finally {
    await operator.dispose();
  }
}

/** A linear change of variables, s to a, of [channels, pixels]: in a graph, and on the host. */
interface ChangeOfVariables {
  graph(s: Tensor): Tensor;
  host(s: Float64Array): Float64Array;
}

/**
 * How much is added to D'D, of its mean diagonal. Of 0.1, 0.01 and 0.001 the last took the fewest steps in the hardest cases:
 * 686 in the place of 2,387 without the change of variables.
 */
const ridge = 1e-3;

/**
 * A change of variables a = s L⁻¹ under which LSMR takes fewer steps. The gradient's equations are the same for every input
 * channel, D a_c = g_W,c with one matrix D of out · kernel² rows; with L L' = D'D + a little, they become nearly orthonormal.
 * Where D has too few rows to help, each pixel is divided by its column's norm.
 */
function changeOfVariables(
  shape: ConvolutionShape,
  delta: Float64Array,
  { blocks, columnNorms }: EquationScales,
): ChangeOfVariables {
  const { input, output, kernel } = shape;
  const [channels, height, width] = input;
  const pixels = height * width;
  const taps = output[0] * kernel * kernel;
  if (2 * taps < pixels) {
    const factors = columnNorms.map((norm) => 1 / norm);
    return {
      graph: (s) => op.mul(s, op.constant(ndarray(factors, [channels, pixels], "float64"))),
      host: (s) => s.map((value, i) => value * (factors[i] as number)),
    };
  }
  const d = new Float64Array(taps * pixels);
  // For one input channel a weight's place is a row of D.
  forEachProduct({ ...shape, input: [1, height, width] }, (at, tap, pixel) => {
    d[tap * pixels + pixel] = (d[tap * pixels + pixel] as number) + (delta[at] as number) / blocks[1];
  });
  const inverse = inverseOfLower(
    cholesky(ndarray(gramOf(d, taps, pixels), [pixels, pixels], "float64")).lower.data,
    pixels,
  );
  return {
    graph: (s) => op.matmul(s, op.constant(ndarray(inverse, [pixels, pixels], "float64"))),
    host: (s) => {
      const a = new Float64Array(s.length);
      for (let c = 0; c < channels; c++)
        for (let i = 0; i < pixels; i++) {
          const factor = s[c * pixels + i] as number;
          for (let j = 0; j <= i; j++)
            a[c * pixels + j] = (a[c * pixels + j] as number) + factor * (inverse[i * pixels + j] as number);
        }
      return a;
    },
  };
}

/** D'D + ridge, lower triangle. */
function gramOf(d: Float64Array, taps: number, pixels: number): Float64Array {
  const gram = new Float64Array(pixels * pixels);
  for (let tap = 0; tap < taps; tap++)
    for (let i = 0; i < pixels; i++) {
      const factor = d[tap * pixels + i] as number;
      if (factor === 0) continue;
      for (let j = 0; j <= i; j++)
        gram[i * pixels + j] = (gram[i * pixels + j] as number) + factor * (d[tap * pixels + j] as number);
    }
  let trace = 0;
  for (let i = 0; i < pixels; i++) trace += gram[i * pixels + i] as number;
  const added = trace === 0 ? 1 : (ridge * trace) / pixels;
  for (let i = 0; i < pixels; i++) gram[i * pixels + i] = (gram[i * pixels + i] as number) + added;
  return gram;
}

/** L⁻¹ of a lower triangle, by forward substitution. */
function inverseOfLower(lower: Float64Array, n: number): Float64Array {
  const inverse = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    const pivot = lower[i * n + i] as number;
    for (let k = 0; k < i; k++) {
      const factor = (lower[i * n + k] as number) / pivot;
      if (factor === 0) continue;
      for (let j = 0; j <= k; j++)
        inverse[i * n + j] = (inverse[i * n + j] as number) - factor * (inverse[k * n + j] as number);
    }
    inverse[i * n + i] = 1 / pivot;
  }
  return inverse;
}
