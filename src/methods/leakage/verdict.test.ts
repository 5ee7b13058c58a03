import { describe, expect, it } from "vitest";
import { zerosArray } from "../../engine/ndarray.ts";
import type { AttackOutcome } from "./attack-outcome.ts";
import { verdict } from "./verdict.ts";

const image = zerosArray([1, 2, 2], "float64");
const outcome: AttackOutcome = {
  original: image,
  recovered: image,
  label: 3,
  recoveredLabel: 3,
  labelKnowledge: "joint",
  curve: [],
  frames: [],
  evaluations: 2113,
  seconds: 2.41,
  meanSquaredError: 3.1e-7,
  psnr: 65.09,
  ssim: 0.99996,
  ending: "its budget of gradient evaluations was spent",
  model: { description: "LeNet with sigmoids", parameters: 85_036, classes: 100 },
  dtype: "float64",
};

describe("verdict", () => {
  it("says that the image was recovered, how well and at what cost", () => {
    expect(verdict(outcome)).toBe(
      "The image was recovered from its gradient: MSE 3.1e-7, PSNR 65.1 dB, SSIM 1.000; the label 3 was recovered. 2,113 gradient evaluations, 2.4 s.",
    );
  });

  it("owns up to a failure and why the attack ended", () => {
    const failed = { ...outcome, meanSquaredError: 0.0821, psnr: 10.86, ssim: 0.12, recoveredLabel: 7 };
    expect(verdict(failed)).toBe(
      "Not recovered: what the attack found is not the image: MSE 0.082, PSNR 10.9 dB, SSIM 0.120; the label was not (7 for 3). The attack ended because its budget of gradient evaluations was spent. 2,113 gradient evaluations, 2.4 s.",
    );
  });

  it("tells an image that can be recognised from one that is recovered, at 1e-4 and 1e-2", () => {
    const start = (meanSquaredError: number) => verdict({ ...outcome, meanSquaredError }).slice(0, 13);
    expect([9.9e-5, 1e-4, 9.9e-3, 1e-2].map(start)).toEqual([
      "The image was",
      "Partly recove",
      "Partly recove",
      "Not recovered",
    ]);
  });

  it("does not boast of a label that the attacker was told", () => {
    expect(verdict({ ...outcome, labelKnowledge: "known" })).toContain(
      "the label 3 was known to the attacker",
    );
  });

  it("has a word for an exact copy", () => {
    const exact = { ...outcome, meanSquaredError: 0, psnr: Number.POSITIVE_INFINITY, ssim: 1 };
    expect(verdict(exact)).toContain("MSE 0, PSNR infinite, SSIM 1.000");
  });
});
