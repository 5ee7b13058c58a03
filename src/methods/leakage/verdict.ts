/** The result of an attack in words. */
import { formatCount, formatNumber, formatSeconds } from "../../runs/format.ts";
import type { AttackOutcome, GradientAttackOutcome } from "./attack-outcome.ts";
import { labelAccuracy } from "./infer-labels.ts";
import type { MatchedImage } from "./match-images.ts";

/**
 * A mean squared error below which an image counts as recovered: 40 dB, where no eye finds a difference. The
 * success rates of the attack are counted with the same bound.
 */
export const recoveredBelow = 1e-4;

/** A mean squared error below which the picture can be recognised although pixels are off: 20 dB. */
export const recognisableBelow = 1e-2;

/** A distance of gradients, relative to the shared one's squared norm or by the angle, below which they count as equal. */
export const matchedBelow = 1e-6;

export type Success = "recovered" | "recognisable" | "not recovered";

export function successOf({ meanSquaredError }: Pick<MatchedImage, "meanSquaredError">): Success {
  if (meanSquaredError < recoveredBelow) return "recovered";
  return meanSquaredError < recognisableBelow ? "recognisable" : "not recovered";
}

/**
 * The answer to the user's question in one paragraph: of one image in full, of several how many came back.
 *
 * @param outcomes one for each gradient; at least one
 * @throws RangeError when there is none
 * @example "The image was recovered from its gradient: MSE 3.1e-7, PSNR 65.1 dB, SSIM 1.000; the label 3 was
 * recovered. 2,113 gradient evaluations, 2.4 s."
 */
export function verdict(outcomes: readonly AttackOutcome[]): string {
  const [first, ...more] = outcomes;
  if (first === undefined) throw new RangeError("verdict: there is no outcome");
  const [match] = first.matches;
  const effort = effortOf(outcomes);
  if (more.length > 0 || match === undefined || first.matches.length > 1)
    return `${ofSeveral(outcomes)} ${effort}`;
  const finding = `${qualityOf(match)}; ${labelVerdict(first)}.`;
  const success = successOf(match);
  if (success === "recovered") return `The image was recovered from its gradient: ${finding} ${effort}`;
  const start =
    success === "recognisable"
      ? "Partly recovered: the image can be recognised, but its pixels are off"
      : "Not recovered: what the attack found is not the image";
  return `${start}: ${finding} The attack ended because ${first.ending}. ${effort}`;
}

/**
 * What can be said of an attack whose original is not known: whether what it found has the shared gradient.
 *
 * @example "An image was found whose gradient is the shared one (relative distance 3.1e-11): ..."
 */
export function blindVerdict(outcome: GradientAttackOutcome): string {
  const { recoveredLabels, mismatch, ending, labelKnowledge } = outcome;
  const [count, noun] = [recoveredLabels.length, outcome.recovered.shape.length === 4 ? "image" : "example"];
  const found = count === 1 ? `An ${noun} was` : `${formatCount(count)} ${noun}s were`;
  const labels = `${count === 1 ? "label" : "labels"} ${recoveredLabels.join(", ")}${labelKnowledge === "known" ? " (given)" : ""}`;
  const distance =
    outcome.distance === "cosine"
      ? `1 − cosine ${formatNumber(mismatch, { digits: 2 })}`
      : `relative distance ${formatNumber(mismatch, { digits: 2 })}`;
  const effort = effortOf([outcome]);
  if (mismatch < matchedBelow)
    return `${found} found whose gradient is the shared one (${distance}), so the client's data is out; ${labels}. ${effort}`;
  return `Nothing was found whose gradient is the shared one (${distance}): what was found may not be the client's data; ${labels}. The attack ended because ${ending}. ${effort}`;
}

function ofSeveral(outcomes: readonly AttackOutcome[]): string {
  const matches = outcomes.flatMap((outcome) => outcome.matches);
  const count = (success: Success): number => matches.filter((match) => successOf(match) === success).length;
  const errors = matches.map(({ meanSquaredError }) => meanSquaredError).sort((a, b) => a - b);
  const [least = 0, most = 0] = [errors[0], errors.at(-1)];
  const right = outcomes.reduce(
    (total, { recoveredLabels, labels }) => total + labelAccuracy(recoveredLabels, labels) * labels.length,
    0,
  );
  const known = outcomes[0]?.labelKnowledge === "known";
  const partly = count("recognisable");
  const gradients = outcomes.length === 1 ? "one gradient" : `${formatCount(outcomes.length)} gradients`;
  return [
    `${formatCount(count("recovered"))} of ${formatCount(matches.length)} images were recovered from ${gradients}`,
    ...(partly > 0 ? [`, ${formatCount(partly)} more can be recognised`] : []),
    `: MSE from ${formatNumber(least, { digits: 2 })} to ${formatNumber(most, { digits: 2 })}`,
    known
      ? "; the labels were known to the attacker."
      : `; ${formatCount(Math.round(right))} of ${formatCount(matches.length)} labels were recovered.`,
  ].join("");
}

function qualityOf({ meanSquaredError, psnr, ssim }: MatchedImage): string {
  return [
    `MSE ${formatNumber(meanSquaredError, { digits: 2 })}`,
    `PSNR ${Number.isFinite(psnr) ? `${psnr.toFixed(1)} dB` : formatNumber(psnr)}`,
    ...(Number.isNaN(ssim) ? [] : [`SSIM ${ssim.toFixed(3)}`]),
  ].join(", ");
}

function labelVerdict({
  labels: [label],
  recoveredLabels: [recovered],
  labelKnowledge,
}: AttackOutcome): string {
  if (labelKnowledge === "known") return `the label ${label} was known to the attacker`;
  if (label === recovered) return `the label ${label} was recovered`;
  return `the label was not (${recovered} for ${label})`;
}

function effortOf(outcomes: readonly GradientAttackOutcome[]): string {
  const sum = (of: (outcome: GradientAttackOutcome) => number): number =>
    outcomes.reduce((total, outcome) => total + of(outcome), 0);
  const evaluations = sum((outcome) => outcome.evaluations);
  const seconds = formatSeconds(sum((outcome) => outcome.seconds));
  const readOff = outcomes.every(({ attempts }) => attempts.length === 0);
  const work = readOff
    ? "Read off the gradient, no search"
    : `${formatCount(evaluations)} gradient evaluation${evaluations === 1 ? "" : "s"}`;
  return `${work}, ${seconds}.`;
}
