import { ndarray } from "../../engine/ndarray.ts";
import { cholesky } from "../../numeric/linear-algebra/cholesky.ts";
import { substitute } from "../../numeric/linear-algebra/triangular.ts";
import { lsmr } from "../../numeric/lsmr.ts";
import { dot } from "../../numeric/rows.ts";
import {
  type ConvolutionShape,
  convolutionEquations,
  forEachProduct,
  type SparseMatrix,
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
export function solveConvolutionInput(shape: ConvolutionShape, known: KnownConvolution): SolvedInput {
  const { matrix, blockScales } = convolutionEquations(shape, known.weight, known.delta);
  const right = new Float64Array(matrix.rows);
  right.set(known.z.map((value) => value / blockScales[0]));
  right.set(
    known.weightGradient.map((value) => value / blockScales[1]),
    known.z.length,
  );
  const { forward, back } = preconditioner(shape, known.delta, { matrix, scale: blockScales[1] });
  const { x, iteration, condition } = lsmr(
    {
      ...matrix,
      multiply: (s) => matrix.multiply(forward(s)),
      transposeMultiply: (y) => back(matrix.transposeMultiply(y)),
    },
    right,
    { atol: 1e-13, btol: 1e-13, conditionLimit: 1e12 },
  );
  const input = forward(x).slice();
  const found = matrix.multiply(input);
  const residual = right.map((value, i) => value - (found[i] ?? 0));
  return {
    input,
    condition,
    iterations: iteration,
    unknowns: matrix.columns,
    equations: matrix.rows,
    determined: matrix.rows >= matrix.columns && condition < 1e12,
    relativeResidual: Math.sqrt(dot(residual, residual) / dot(right, right)),
  };
}

/**
 * How much is added to D'D, of its mean diagonal. Of 0.1, 0.01 and 0.001 the last took the fewest steps in the hardest cases:
 * 686 in the place of 2,387 without the change of variables.
 */
const ridge = 1e-3;

/**
 * A change of variables a = R⁻¹ s under which LSMR takes fewer steps. The gradient's equations are the same for every input
 * channel, D a_c = g_W,c with one matrix D of out · kernel² rows; with R'R = D'D + a little, they become nearly orthonormal.
 * Where D has too few rows to help, R scales each pixel by its column's norm.
 */
function preconditioner(
  shape: ConvolutionShape,
  delta: Float64Array,
  { matrix, scale }: { readonly matrix: SparseMatrix; readonly scale: number },
): { forward(s: Float64Array): Float64Array; back(a: Float64Array): Float64Array } {
  const { input, output, kernel } = shape;
  const pixels = input[1] * input[2];
  const taps = output[0] * kernel * kernel;
  const out = new Float64Array(matrix.columns);
  if (2 * taps < pixels) {
    const norms = matrix.columnNorms();
    const divide = (x: Float64Array): Float64Array => {
      for (let i = 0; i < x.length; i++) out[i] = (x[i] as number) / (norms[i] as number);
      return out;
    };
    return { forward: divide, back: divide };
  }
  const d = new Float64Array(taps * pixels);
  // For one input channel a weight's place is a row of D.
  forEachProduct({ ...shape, input: [1, input[1], input[2]] }, (at, tap, pixel) => {
    d[tap * pixels + pixel] = (d[tap * pixels + pixel] as number) + (delta[at] as number) / scale;
  });
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
  for (let i = 0; i < pixels; i++)
    gram[i * pixels + i] = (gram[i * pixels + i] as number) + (ridge * trace) / pixels;
  const lower = cholesky(ndarray(gram, [pixels, pixels], "float64")).lower.data;
  const each = (x: Float64Array, side: "plain" | "transposed"): Float64Array => {
    out.set(x);
    for (let at = 0; at < out.length; at += pixels)
      substitute(lower, pixels, out.subarray(at, at + pixels), { triangle: "lower", side });
    return out;
  };
  return { forward: (s) => each(s, "transposed"), back: (a) => each(a, "plain") };
}
