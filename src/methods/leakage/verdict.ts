/** The result of an attack in words. */
import { formatCount, formatNumber, formatSeconds } from "../../runs/format.ts";
import type { AttackOutcome } from "./attack-outcome.ts";

/**
 * A mean squared error below which the image counts as recovered: 40 dB, where no eye finds a difference. The
 * success rates of the attack are counted with the same bound.
 */
export const recoveredBelow = 1e-4;

/** A mean squared error below which the picture can be recognised although pixels are off: 20 dB. */
export const recognisableBelow = 1e-2;

export type Success = "recovered" | "recognisable" | "not recovered";

export function successOf({ meanSquaredError }: Pick<AttackOutcome, "meanSquaredError">): Success {
  if (meanSquaredError < recoveredBelow) return "recovered";
  return meanSquaredError < recognisableBelow ? "recognisable" : "not recovered";
}

/**
 * The answer to the user's question in one paragraph.
 *
 * @example "The image was recovered from its gradient: MSE 3.1e-7, PSNR 65.1 dB, SSIM 1.000; the label 3 was
 * recovered. 2,113 gradient evaluations, 2.4 s."
 */
export function verdict(outcome: AttackOutcome): string {
  const { meanSquaredError, psnr, ssim, evaluations, seconds, ending } = outcome;
  const quality = [
    `MSE ${formatNumber(meanSquaredError, { digits: 2 })}`,
    `PSNR ${Number.isFinite(psnr) ? `${psnr.toFixed(1)} dB` : formatNumber(psnr)}`,
    `SSIM ${ssim.toFixed(3)}`,
  ].join(", ");
  const effort = `${formatCount(evaluations)} gradient evaluations, ${formatSeconds(seconds)}.`;
  const success = successOf(outcome);
  if (success === "recovered")
    return `The image was recovered from its gradient: ${quality}; ${labelVerdict(outcome)}. ${effort}`;
  const start =
    success === "recognisable"
      ? "Partly recovered: the image can be recognised, but its pixels are off"
      : "Not recovered: what the attack found is not the image";
  return `${start}: ${quality}; ${labelVerdict(outcome)}. The attack ended because ${ending}. ${effort}`;
}

function labelVerdict({ label, recoveredLabel, labelKnowledge }: AttackOutcome): string {
  if (labelKnowledge === "known") return `the label ${label} was known to the attacker`;
  if (label === recoveredLabel) return `the label ${label} was recovered`;
  return `the label was not (${recoveredLabel} for ${label})`;
}
