import { castArray, type NDArray } from "../../engine/ndarray.ts";
import * as tree from "../../engine/tree.ts";
import type { LabelsBefore } from "./attack-labels.ts";
import type { AttackMethod, GradientAttackOutcome, GradientAttackRequest } from "./attack-outcome.ts";
import { compileMatching, type MatchingRequest } from "./gradient-matching.ts";

/** What every method of attack is given, and what it gives back. */

export interface WatchedAttackRequest extends GradientAttackRequest {
  /** The error of images [N, ...inputShape] against the originals, for the curve alone. */
  readonly errorOf?: (images: Float64Array) => number;
}

/**
 * The distance at which an attack is content, relative to the shared gradient's squared norm. The pixels' mean squared
 * error is then about 1e-7 for the networks here: a tenth of a grey level of 255.
 */
export const content = 1e-10;

export interface Attack {
  readonly request: WatchedAttackRequest;
  readonly known: LabelsBefore;
  /** What gradients are compared by. */
  readonly matching: MatchingRequest;
  secondsSoFar(): number;
}

/** What one method found. */
export interface Found
  extends Pick<
    GradientAttackOutcome,
    | "recovered"
    | "recoveredLabels"
    | "curve"
    | "frames"
    | "mismatch"
    | "attempts"
    | "chosen"
    | "evaluations"
    | "ending"
  > {
  /** What was done about the defence, where it is not the adaptation of the matching. */
  readonly adaptation?: string;
}

/** @throws RangeError when there are several examples or steps in the gradient */
export function requireSingle({ request: { examples, settings } }: Attack, method: AttackMethod): void {
  if (examples === 1 && settings.plan.localSteps === undefined) return;
  const found = examples > 1 ? `${examples} examples` : "several local steps";
  throw new RangeError(`${method}: it takes the gradient of one example, found that of ${found}`);
}

/** @throws RangeError when the labels are not known before the attack */
export function requireLabels({ known }: Attack, method: AttackMethod): readonly number[] {
  if (known.labels === undefined)
    throw new RangeError(
      `${method}: it needs the labels, which ${known.note === undefined ? "are to be optimised here" : "no last layer gives"}`,
    );
  return known.labels;
}

/** The distance between the gradient of these images and the shared one. */
export async function mismatchOf(
  matching: MatchingRequest,
  images: NDArray<"float64">,
): Promise<{ readonly matchingLoss: number; readonly mismatch: number }> {
  const { objective, dispose } = await compileMatching(matching);
  const { value } = await objective(images.data);
  await dispose();
  return { matchingLoss: value, mismatch: relativeTo(matching, value) };
}

/** A matching loss of squared differences as a part of the squared norm of what was to be matched. */
export function relativeTo(
  { gradient, distance = "squared" }: MatchingRequest,
  matchingLoss: number,
): number {
  if (distance !== "squared") return matchingLoss;
  let squares = 0;
  for (const array of tree.leaves(gradient))
    for (const value of castArray(array, "float64").data) squares += value * value;
  return squares === 0 ? matchingLoss : matchingLoss / squares;
}
