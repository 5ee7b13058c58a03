/**
 * The influence functions of P. W. Koh, P. Liang, "Understanding Black-box Predictions via Influence Functions", ICML 2017:
 * the effect of a row's removal on a minimum of the loss, as a baseline for what looks at the training itself.
 */
import { InputError } from "../../data/input-error.ts";
import { lu } from "../../numeric/linear-algebra/lu.ts";
import { matrix } from "../../numeric/linear-algebra/matrix.ts";
import { dotAt, norm } from "../../numeric/linear-algebra/vector.ts";
import type { TrainingRecord } from "../../training/record.ts";
import { requireLike } from "../../training/record-adjoint.ts";
import { replay } from "../../training/replay.ts";
import { type RowFunctionsOptions, rowFunctions } from "../../training/row-functions.ts";
import { type NamedArrays, ravelArrays, unravelArrays } from "../../training/trees.ts";

export interface KohLiangOptions extends RowFunctionsOptions {
  /** alpha of the model's own alpha/2 |parameters|^2, a part of the curvature. Default 0. */
  readonly penalty?: number;
  /** Added to the curvature, for a Hessian that is singular or has negative eigenvalues. Default 0. */
  readonly damping?: number;
  /**
   * `exact`: the Hessian is built column by column and factored, up to {@link mostExactParameters} parameters.
   * `conjugate-gradient`: by Hessian products alone; the damped Hessian must be positive definite. `gradient-descent`: the
   * 100 steps of gradient descent with momentum of the code published with arXiv 1906.08473, which stop short of the
   * solution, as a further damping does. Default `exact`.
   */
  readonly solver?: "exact" | "conjugate-gradient" | "gradient-descent";
  /** Called with how many Hessian products were taken, of how many at most. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** At so many, the exact Hessian over a few thousand rows takes about half a minute and 32 MB. */
export const mostExactParameters = 2000;

/**
 * (1/n) uᵀ (H + (penalty + damping) I)^-1 ∇l_j for every row j of the training data, H being the Hessian of the mean loss
 * over them, all at the end of the training and of losses without penalties.
 *
 * @param query u, as `lossQuery` gives it
 * @returns one score for each row, in the unit of the query's loss; below 0, the row harms
 * @throws RangeError when the query does not fit, an option is out of range, or there are too many parameters
 * @throws InputError when the damped Hessian is singular, is not positive definite (conjugate gradients), or the descent
 *   diverges: a larger damping is asked for
 */
export async function kohLiang(
  record: TrainingRecord,
  query: NamedArrays,
  { penalty = 0, damping = 0, solver = "exact", onProgress, ...options }: KohLiangOptions = {},
): Promise<Float64Array> {
  for (const [name, value] of Object.entries({ penalty, damping }))
    if (!(value >= 0 && value < Infinity))
      throw new RangeError(`kohLiang: ${name} ${value} is not a number from 0`);
  const { parameters } = await replay(record, record.lastStep);
  requireLike(query, parameters);
  const functions = rowFunctions(record, undefined, options);
  try {
    const added = penalty + damping;
    const u = ravelArrays(query);
    let products = 0;
    const system: System = {
      async product(v) {
        const curved = ravelArrays(await functions.hessianProduct(parameters, unravelArrays(parameters, v)));
        return curved.map((value, i) => value + added * (v[i] ?? 0));
      },
      onProduct: (total) => onProgress?.(++products, total),
    };
    const solution = await solvers[solver](system, u);
    const slopes = await functions.slopes(parameters, unravelArrays(parameters, solution));
    return slopes.map((slope) => slope / functions.rows);
  } finally {
    await functions.dispose();
  }
}

interface System {
  product(v: Float64Array): Promise<Float64Array>;
  /** @param total products at most */
  onProduct(total: number): void;
}

type Solver = (system: System, u: Float64Array) => Promise<Float64Array>;

const solvers: Readonly<Record<NonNullable<KohLiangOptions["solver"]>, Solver>> = {
  exact: solveExactly,
  "conjugate-gradient": solveByConjugateGradients,
  "gradient-descent": descend,
};

/** The Hessian may be indefinite: LU, not Cholesky. */
async function solveExactly({ product, onProduct }: System, u: Float64Array): Promise<Float64Array> {
  const size = u.length;
  if (size > mostExactParameters)
    throw new RangeError(
      `kohLiang: ${size} parameters are too many for solver exact; expected at most ${mostExactParameters}, or another solver`,
    );
  const hessian = new Float64Array(size * size);
  for (let column = 0; column < size; column++) {
    const unit = new Float64Array(size);
    unit[column] = 1;
    // Row and column are the same.
    hessian.set(await product(unit), column * size);
    onProduct(size);
  }
  const factored = lu(matrix(size, size, hessian));
  if (factored.determinant === 0 && factored.logDeterminant === Number.NEGATIVE_INFINITY)
    throw new InputError("the Hessian at the end of the training is singular; expected a damping above 0");
  return factored.solve(u);
}

const relativeResidual = 1e-12;

/** M. R. Hestenes, E. Stiefel 1952. */
async function solveByConjugateGradients(
  { product, onProduct }: System,
  u: Float64Array,
): Promise<Float64Array> {
  const x = new Float64Array(u.length);
  const residual = u.slice();
  let direction = u.slice();
  let square = inner(residual, residual);
  const enough = (relativeResidual * norm(u)) ** 2;
  // In exact arithmetic as many steps as parameters do; rounding asks for more.
  const most = Math.min(10 * u.length, 10_000);
  for (let step = 0; square > enough && step < most; step++) {
    const curved = await product(direction);
    onProduct(most);
    const curvature = inner(direction, curved);
    const relative = curvature / inner(direction, direction);
    if (!(curvature > 0))
      throw new InputError(
        `the damped Hessian has the curvature ${relative.toPrecision(3)} in a direction that conjugate gradients met, where they need one above 0; expected a damping that is larger by more than ${(-relative).toPrecision(3)}, or solver exact`,
      );
    const length = square / curvature;
    for (let i = 0; i < x.length; i++) {
      x[i] = (x[i] ?? 0) + length * (direction[i] ?? 0);
      residual[i] = (residual[i] ?? 0) - length * (curved[i] ?? 0);
    }
    const next = inner(residual, residual);
    const kept = next / square;
    direction = residual.map((value, i) => value + kept * (direction[i] ?? 0));
    square = next;
  }
  if (!(square <= (1e-6 * norm(u)) ** 2))
    throw new InputError(
      `conjugate gradients reached a relative residual of ${(Math.sqrt(square) / norm(u)).toPrecision(3)} in ${most} steps; expected a larger damping`,
    );
  return x;
}

/** On vᵀ(H + added I)v / 2 - uᵀv from v = u: `infl.py` of the code published with arXiv 1906.08473. */
async function descend({ product, onProduct }: System, u: Float64Array): Promise<Float64Array> {
  const [steps, rate, momentum] = [100, 0.01, 0.9];
  const v = u.slice();
  const velocity = new Float64Array(u.length);
  for (let step = 0; step < steps; step++) {
    const curved = await product(v);
    onProduct(steps);
    for (let i = 0; i < v.length; i++) {
      const along = momentum * (velocity[i] ?? 0) + (curved[i] ?? 0) - (u[i] ?? 0);
      velocity[i] = along;
      v[i] = (v[i] ?? 0) - rate * along;
    }
    if (!v.every(Number.isFinite))
      throw new InputError(
        `gradient descent on the system of the Hessian left the finite numbers at step ${step}; expected solver exact or conjugate-gradient`,
      );
  }
  return v;
}

function inner(a: Float64Array, b: Float64Array): number {
  return dotAt(a, 0, b, 0, a.length);
}
