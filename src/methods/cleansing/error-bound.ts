/**
 * How far the linear estimate of a row's removal can be from what retraining finds, in the norm of the parameters, for plain
 * SGD: the bounds of S. Hara, A. Nitanda, T. Maehara, "Data Cleansing for Models Trained with SGD", NeurIPS 2019, for one
 * epoch of a convex training, and one computed along the recorded steps that holds for any.
 */
import { itemAt } from "../../engine/lists.ts";
import type { NDArray } from "../../engine/ndarray.ts";
import { internalsOf, type TrainingRecord } from "../../training/record.ts";
import { requireRows } from "../../training/record-tangent.ts";
import { rowCount } from "../../training/row-functions.ts";
import { recordedGradientNorms, type StepGradientNorms } from "../../training/row-gradient-norms.ts";

/** What is known of the loss of a row, penalty included, for every row and everywhere. */
export interface LossConstants {
  /** lambda: no eigenvalue of a Hessian is smaller. Default -`largest`, where the loss is not known to be convex. */
  readonly smallest?: number;
  /** Lambda: none is larger. */
  readonly largest: number;
  /** L: Hessians at two points differ in norm by at most L times the distance of the points. */
  readonly lipschitz: number;
}

export interface ErrorBoundOptions extends LossConstants {
  /** Row numbers of the training data; default all. */
  readonly rows?: readonly number[];
  /** Of the displacement whose error is bounded, see `displacements`. Default `none`. */
  readonly correction?: "none" | "acc";
  readonly signal?: AbortSignal | undefined;
  /** Called with how many steps were gone through, of how many. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** Bounds for one row, in the norm of the parameters; times a query's norm, they bound the error of its score. */
export interface ErrorBound {
  readonly row: number;
  /** Of the distance between the final parameters with and without the row. */
  readonly displacement: number;
  /** Of the distance between that displacement and its estimate: certain, for any number of epochs. */
  readonly posterior: number;
  /**
   * The paper's √(2 (h(lambda)² + h(Lambda)²)), for a convex training in which the row was used once and whose rates did not
   * rise and stayed within 1 / Lambda; of the plain estimate only. Its proof is not known to us: a product of steps can turn a
   * vector by more than it allows.
   */
  readonly paper?: number;
  /** Where `paper` is given: 2 h(lambda), which the triangle inequality proves. */
  readonly triangle?: number;
}

/**
 * Bounds for every row, in one walk through the record.
 *
 * With rho_t the largest norm of I - rate_t H over Hessians H that the constants allow, D and E grow by
 *   D <- rho_t D + rate_t s |∇l_j|,   E <- rho_t E + rate_t ((1 - s) L/2 D² + s max(|lambda|, Lambda) D),
 * where s is the share of row j in the batch: 1/B where it is used, else 0. There, rho_t of D is that of the batch without the
 * row. E's last term is the curvature of j itself, which the corrected estimate (`acc`) leaves out as retraining does.
 *
 * @throws RangeError when the training was not plain SGD without clipping and global weight decay, rows depend on one another,
 *   or a constant is out of range
 */
export async function errorBounds(
  record: TrainingRecord,
  {
    largest,
    smallest = -largest,
    lipschitz,
    rows,
    correction = "none",
    signal,
    onProgress,
  }: ErrorBoundOptions,
): Promise<ErrorBound[]> {
  requireConstants({ smallest, largest, lipschitz });
  requirePlainSgd(record);
  const { data } = internalsOf(record).stepper.options;
  const all = rows ?? Array.from({ length: rowCount(record) }, (_, row) => row);
  requireRows("errorBounds", all, data);
  const { learningRates, firstStep, lastStep } = record;
  const isPaperSetting =
    correction === "none" &&
    smallest >= 0 &&
    learningRates.every((rate, t) => rate * largest <= 1 && rate <= (learningRates[t - 1] ?? rate));
  const growths = all.map((row): Growth => ({ row, d: 0, e: 0, uses: 0, slow: 0, fast: 0 }));
  const constants = { smallest, largest, lipschitz };
  for await (const taken of recordedGradientNorms(record, { signal })) {
    growAll(growths, taken, constants, correction);
    onProgress?.(taken.step - firstStep + 1, lastStep - firstStep);
  }
  return growths.map(({ row, d, e, uses, slow, fast }) => ({
    row,
    displacement: d,
    posterior: e,
    ...(isPaperSetting && uses <= 1
      ? { paper: Math.sqrt(2 * (slow ** 2 + fast ** 2)), triangle: 2 * slow }
      : {}),
  }));
}

/** The bounds of a row so far; `slow` and `fast` are h(lambda) and h(Lambda) of its only use. */
interface Growth {
  readonly row: number;
  d: number;
  e: number;
  uses: number;
  slow: number;
  fast: number;
}

function growAll(
  growths: readonly Growth[],
  { batch, learningRate: rate, norms }: StepGradientNorms,
  { smallest, largest, lipschitz }: Required<LossConstants>,
  correction: "none" | "acc",
): void {
  const size = norms.length;
  const uses = new Map<number, { share: number; norm: number }>();
  let total = 0;
  for (let k = 0; k < size; k++) {
    const row = Number(batch.indices[k]);
    const share = (batch.weights?.[k] ?? 1) / size;
    if (!(share >= 0))
      throw new RangeError(`errorBounds: row ${row} has the weight ${share * size}; expected none below 0`);
    total += share;
    uses.set(row, { share: (uses.get(row)?.share ?? 0) + share, norm: itemAt([norms[k]], 0) });
  }
  /** The largest norm of I - rate H for a batch whose weights have this sum. */
  const rho = (sum: number): number =>
    Math.max(Math.abs(1 - rate * sum * smallest), Math.abs(1 - rate * sum * largest));
  const whole = rho(total);
  for (const growth of growths) {
    const { share, norm } = uses.get(growth.row) ?? { share: 0, norm: 0 };
    const left = share === 0 ? whole : rho(total - share);
    const { d, e } = growth;
    const bend = (total - share) * (lipschitz / 2) * d ** 2;
    const own = correction === "acc" ? 0 : share * Math.max(Math.abs(smallest), largest) * d;
    growth.e = (correction === "acc" ? left : whole) * e + rate * (bend + own);
    growth.d = left * d + rate * share * norm;
    growth.slow *= 1 - rate * smallest;
    growth.fast *= 1 - rate * largest;
    if (share === 0) continue;
    growth.uses++;
    growth.slow = rate * share * norm;
    growth.fast = growth.slow;
  }
}

function requireConstants({ smallest, largest, lipschitz }: Required<LossConstants>): void {
  if (!(largest >= 0 && largest < Infinity && lipschitz >= 0 && lipschitz < Infinity))
    throw new RangeError(
      `errorBounds: largest ${largest} and lipschitz ${lipschitz}; expected numbers from 0`,
    );
  if (!(smallest <= largest && smallest > -Infinity))
    throw new RangeError(
      `errorBounds: smallest ${smallest} is not a number up to largest, which is ${largest}`,
    );
}

function requirePlainSgd(record: TrainingRecord): void {
  const { optimizer, clip, rowClipNorm } = internalsOf(record).stepper.options;
  const isClipped = clip?.globalNorm !== undefined || clip?.value !== undefined || rowClipNorm !== undefined;
  if (optimizer.gradientDescent?.weightDecay !== 0 || isClipped)
    throw new RangeError(
      `errorBounds: the training was by ${optimizer.description}${isClipped ? " with clipping" : ""}; expected plain SGD, with rowPenalty for a penalty`,
    );
}

/**
 * The constants of logistic regression with one logit: of the binary cross entropy and penalty/2 |parameters|², intercept
 * included.
 *
 * @param x the training data [rows, ...features]
 * @param options.intercept whether the model has one; default true
 * @throws RangeError when there are no rows, or the penalty is below 0
 */
export function logisticConstants(
  { data, shape: [rows = 0] }: NDArray,
  penalty: number,
  { intercept = true }: { readonly intercept?: boolean } = {},
): Required<LossConstants> {
  if (rows === 0) throw new RangeError("logisticConstants: the data have no rows");
  if (!(penalty >= 0)) throw new RangeError(`logisticConstants: penalty ${penalty} is not a number from 0`);
  const features = data.length / rows;
  let most = 0;
  for (let row = 0; row < rows; row++) {
    let square = intercept ? 1 : 0;
    for (let k = 0; k < features; k++) square += Number(data[row * features + k]) ** 2;
    most = Math.max(most, square);
  }
  // The logistic function's derivative is at most 1/4, its second one 1/(6√3).
  return { smallest: penalty, largest: most / 4 + penalty, lipschitz: most ** 1.5 / (6 * Math.sqrt(3)) };
}
