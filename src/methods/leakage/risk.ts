import { type NDArray, ndarray } from "../../engine/ndarray.ts";
import * as op from "../../engine/ops/index.ts";
import { compile, spec } from "../../engine/runtime/compile.ts";
import { sizeOf } from "../../engine/shape.ts";
import type { Tensor } from "../../engine/tensor.ts";
import { vjp } from "../../engine/transforms/grad.ts";
import { linearize } from "../../engine/transforms/jvp.ts";
import { vmap } from "../../engine/transforms/vmap.ts";
import * as tree from "../../engine/tree.ts";
import type { Model, Named } from "../../models/model.ts";
import { type Cholesky, cholesky } from "../../numeric/linear-algebra/cholesky.ts";
import { watchedEigenvalues } from "../../numeric/linear-algebra/symmetric-eigen.ts";
import { checkLabels, type LocalSteps, type Loss, messageOf } from "./shared-gradient.ts";

/** How much a noised gradient tells of its examples, from its derivative by them: no attack is run. */

export interface RiskRequest {
  readonly model: Model;
  readonly parameters: Named<NDArray>;
  /** The private examples, [N, ...model.inputShape], float64. */
  readonly x: NDArray;
  readonly labels: readonly number[];
  readonly loss?: Loss;
  readonly localSteps?: LocalSteps;
  /** Entries that are sent: a tree like the parameters with 1 where one is and 0 where not. All by default. */
  readonly mask?: Named<NDArray>;
  /** How much of the work is done, from 0 to 1: first the columns of JᵀJ, then their eigenvalues. */
  readonly onProgress?: (part: number) => void;
  readonly signal?: AbortSignal;
}

export interface LeakageRisk {
  /** Pixels of all examples. */
  readonly unknowns: number;
  /** Entries of the gradient that are sent. */
  readonly equations: number;
  /** Of JᵀJ, J = ∂g/∂x, ascending. */
  readonly eigenvalues: Float64Array;
  /** How many directions of the pixels leave the gradient as it is, to rounding. */
  readonly undetermined: number;
  /**
   * The mean squared error of the best unbiased attacker on a gradient with independent N(0, sd²) on every entry:
   * sd² · mean(1 / λ). Infinite where directions are undetermined.
   */
  predictedMse(noiseSd: number): number;
  /**
   * (Σ 1/λ)² / Σ 1/λ²: how many of the directions carry the predicted error. The linearised attacker's squared error is
   * s² Σ z² / λ with z from N(0, 1), so that a few badly determined directions make it differ from draw to draw.
   */
  readonly effectiveDirections: number;
  /**
   * The standard deviation, as a part of the prediction, of the linearised attacker's mean squared error over so many draws
   * of the noise: √(2 / (draws · effectiveDirections)). What is measured may stray so far without meaning anything.
   */
  relativeSpread(draws: number): number;
  /**
   * The error (JᵀJ)⁻¹ Jᵀ noise of the linearised least-squares attacker for one draw of the noise, pixel by pixel.
   *
   * @param noise a tree like the parameters
   * @throws RangeError when directions are undetermined
   */
  linearError(noise: Named<NDArray>): Promise<Float64Array>;
  dispose(): Promise<void>;
}

/** Columns of JᵀJ computed in one call. */
const chunk = 16;

/**
 * The spectrum of what a gradient says of its examples. Near the truth the gradient is g + J (x' − x), so with noise of
 * standard deviation s least squares errs by (JᵀJ)⁻¹ Jᵀ noise, whose mean square is s² mean(1/λ) over the eigenvalues λ of
 * JᵀJ. By the Cramér-Rao bound no unbiased attacker does better on average; one with a prior (smooth images, pixels in
 * [0, 1], a model of faces) may, and where the noise is so large that the linear picture fails, nothing is said.
 *
 * JᵀJ is built column by column, a tangent pass and a reverse pass each, and takes 8 · unknowns² bytes.
 *
 * Source: H. Zhang et al., "Understanding Deep Gradient Leakage via Inversion Influence Functions", NeurIPS 2023, for the
 * linear error.
 *
 * @throws RangeError when a label is not a class of the model or the examples are not float64
 * @throws the signal's reason when it is aborted
 */
export async function leakageRisk(request: RiskRequest): Promise<LeakageRisk> {
  const { model, parameters, x, labels, mask, onProgress, signal } = request;
  if (x.dtype !== "float64") throw new RangeError(`risk: the examples are ${x.dtype}; float64 is needed`);
  checkLabels(labels, x.shape[0] ?? 0, model.classes);
  const unknowns = sizeOf(x.shape);
  const message = messageOf({ model, loss: request.loss, localSteps: request.localSteps });
  const targets = ndarray(labels, [labels.length], "int64");

  const sharedOf =
    (values: Named<Tensor>) =>
    (flat: Tensor): Tensor[] => {
      const probabilities = op.oneHot(op.constant(targets), model.classes, "float64");
      const gradient = message(values, op.reshape(flat, x.shape), probabilities);
      const entries = tree.leaves(gradient) as Tensor[];
      if (mask === undefined) return entries;
      const masks = tree.leavesLike(parameters, mask) as NDArray[];
      return entries.map((entry, i) => op.mul(entry, op.constant(masks[i] as NDArray)));
    };
  const parameterSpecs = model.parameters("float64");
  const products = await compile(
    (values, point, directions) => {
      const shared = sharedOf(values as Named<Tensor>);
      const [, push] = linearize(shared, point);
      const [, pull] = vjp(shared, point);
      return vmap((direction: Tensor) => pull(push(direction))[0])(directions);
    },
    [parameterSpecs, spec([unknowns], "float64"), spec([chunk, unknowns], "float64")] as const,
    { threads: 1, checkFinite: true },
  );
  const flat = ndarray(x.data, [unknowns], "float64");
  const gram = new Float64Array(unknowns * unknowns);
  try {
    for (let first = 0; first < unknowns; first += chunk) {
      signal?.throwIfAborted();
      onProgress?.((0.5 * first) / unknowns);
      const directions = new Float64Array(chunk * unknowns);
      const count = Math.min(chunk, unknowns - first);
      for (let i = 0; i < count; i++) directions[i * unknowns + first + i] = 1;
      const columns = await products.run(parameters, flat, ndarray(directions, [chunk, unknowns], "float64"));
      gram.set((columns.data as Float64Array).subarray(0, count * unknowns), first * unknowns);
    }
  } finally {
    await products.dispose();
  }
  symmetrise(gram, unknowns);
  const matrix = ndarray(gram, [unknowns, unknowns], "float64");
  const eigenvalues = await watchedEigenvalues(matrix, {
    signal,
    // The work on a row grows with the square of the rows that are left.
    onProgress: (done, total) => onProgress?.(1 - 0.5 * (1 - done / total) ** 3),
  });
  const largest = eigenvalues.at(-1) ?? 0;
  const undetermined = eigenvalues.filter((value) => value <= 1e-13 * largest).length;
  const inverses = eigenvalues.reduce((sum, value) => sum + 1 / value, 0);
  const effectiveDirections =
    undetermined > 0 ? 0 : inverses ** 2 / eigenvalues.reduce((sum, value) => sum + 1 / value ** 2, 0);
  const specs = tree.map(({ shape }: NDArray) => spec(shape, "float64"), parameters);
  const pullBack = await compile(
    (values, point, noise) => {
      const [, pull] = vjp(sharedOf(values as Named<Tensor>), point);
      return pull(tree.leaves(noise) as Tensor[])[0];
    },
    [parameterSpecs, spec([unknowns], "float64"), specs] as const,
    { threads: 1 },
  );
  let factor: Cholesky | undefined;
  return {
    unknowns,
    equations: equationsOf(parameters, mask),
    eigenvalues,
    undetermined,
    predictedMse: (noiseSd) =>
      undetermined > 0 ? Number.POSITIVE_INFINITY : (noiseSd ** 2 * inverses) / unknowns,
    effectiveDirections,
    relativeSpread: (draws) => Math.sqrt(2 / (draws * effectiveDirections)),
    linearError: async (noise) => {
      if (undetermined > 0)
        throw new RangeError(
          `risk: ${undetermined} of ${unknowns} directions of the pixels leave the gradient as it is; no estimate is unique`,
        );
      const along = await pullBack.run(parameters, flat, noise as never);
      factor ??= cholesky(matrix);
      return factor.solve((along as NDArray).data as Float64Array);
    },
    dispose: () => pullBack.dispose(),
  };
}

/** What the spectrum says of noise of this strength, for a report. */
export function riskStatement(
  risk: Pick<
    LeakageRisk,
    "predictedMse" | "undetermined" | "unknowns" | "effectiveDirections" | "relativeSpread"
  >,
  noiseSd: number,
): string {
  if (risk.undetermined > 0)
    return `${risk.undetermined} of ${risk.unknowns} directions of the pixels leave the gradient as it is: without a prior they cannot be recovered, with or without noise.`;
  const mse = risk.predictedMse(noiseSd);
  const pixel = Math.sqrt(mse);
  const verdict =
    mse < 1e-4
      ? "the image comes back to the eye as it is"
      : mse < 1e-2
        ? "the image comes back recognisable, with visible noise"
        : mse < 0.1
          ? "shapes may remain"
          : "unbiased recovery drowns in noise, and at this size the linear prediction itself is rough";
  return `With noise of standard deviation ${noiseSd} the best unbiased attacker errs by ${pixel.toPrecision(2)} of the pixel range (root mean square; mean squared error ${mse.toPrecision(3)}): ${verdict}. This is the Cramér-Rao bound: no unbiased attacker does better on average; from one draw of the noise to the next the error differs by ${(100 * risk.relativeSpread(1)).toFixed(0)}% (standard deviation), as about ${Math.round(risk.effectiveDirections)} of ${risk.unknowns} directions carry it. An attacker who knows what images look like is not unbiased and may do better; this is no guarantee against one.`;
}

function equationsOf(parameters: Named<NDArray>, mask: Named<NDArray> | undefined): number {
  if (mask === undefined)
    return (tree.leaves(parameters) as NDArray[]).reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  return (tree.leaves(mask) as NDArray[]).reduce(
    (sum, { data }) => sum + Array.from(data as ArrayLike<number>).filter((value) => value !== 0).length,
    0,
  );
}

/** Rounding leaves the two triangles apart by a few bits. */
function symmetrise(data: Float64Array, n: number): void {
  for (let r = 0; r < n; r++)
    for (let c = 0; c < r; c++) {
      const mean = ((data[r * n + c] ?? 0) + (data[c * n + r] ?? 0)) / 2;
      data[r * n + c] = mean;
      data[c * n + r] = mean;
    }
}
