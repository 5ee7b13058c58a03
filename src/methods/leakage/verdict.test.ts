import { describe, expect, it } from "vitest";
import { zerosArray } from "../../engine/ndarray.ts";
import type { AttackOutcome } from "./attack-outcome.ts";
import type { MatchedImage } from "./match-images.ts";
import { blindVerdict, verdict } from "./verdict.ts";

const images = zerosArray([1, 1, 2, 2], "float64");
const match: MatchedImage = {
  original: 0,
  recovered: 0,
  meanSquaredError: 3.1e-7,
  psnr: 65.09,
  ssim: 0.99996,
};
const outcome: AttackOutcome = {
  originals: images,
  recovered: images,
  labels: [3],
  recoveredLabels: [3],
  matches: [match],
  labelKnowledge: "joint",
  method: "dlg",
  distance: "squared",
  defence: undefined,
  attacker: "matches the gradient",
  curve: [],
  frames: [],
  mismatch: 3e-11,
  attempts: [{ matchingLoss: 1e-9, evaluations: 2113, status: "matched", reason: "the gradients match" }],
  chosen: 0,
  evaluations: 2113,
  seconds: 2.41,
  ending: "its budget of gradient evaluations was spent",
  notes: [],
  model: { description: "LeNet with sigmoids", parameters: 85_036, classes: 100 },
  dtype: "float64",
};

const withMatch = (changes: Partial<MatchedImage>, more: Partial<AttackOutcome> = {}): AttackOutcome => ({
  ...outcome,
  ...more,
  matches: [{ ...match, ...changes }],
});

describe("verdict", () => {
  it("says that the image was recovered, how well and at what cost", () => {
    expect(verdict([outcome])).toBe(
      "The image was recovered from its gradient: MSE 3.1e-7, PSNR 65.1 dB, SSIM 1.000; the label 3 was recovered. 2,113 gradient evaluations, 2.4 s.",
    );
  });

  it("owns up to a failure and why the attack ended", () => {
    const failed = withMatch({ meanSquaredError: 0.0821, psnr: 10.86, ssim: 0.12 }, { recoveredLabels: [7] });
    expect(verdict([failed])).toBe(
      "Not recovered: what the attack found is not the image: MSE 0.082, PSNR 10.9 dB, SSIM 0.120; the label was not (7 for 3). The attack ended because its budget of gradient evaluations was spent. 2,113 gradient evaluations, 2.4 s.",
    );
  });

  it("tells an image that can be recognised from one that is recovered, at 1e-4 and 1e-2", () => {
    const start = (meanSquaredError: number) => verdict([withMatch({ meanSquaredError })]).slice(0, 13);
    expect([9.9e-5, 1e-4, 9.9e-3, 1e-2].map(start)).toEqual([
      "The image was",
      "Partly recove",
      "Partly recove",
      "Not recovered",
    ]);
  });

  it("does not boast of a label that the attacker was told", () => {
    expect(verdict([{ ...outcome, labelKnowledge: "known" }])).toContain(
      "the label 3 was known to the attacker",
    );
  });

  it("has a word for an exact copy, and none for a similarity that small images lack", () => {
    const exact = withMatch({ meanSquaredError: 0, psnr: Number.POSITIVE_INFINITY, ssim: 1 });
    expect(verdict([exact])).toContain("MSE 0, PSNR infinite, SSIM 1.000");
    expect(verdict([withMatch({ ssim: Number.NaN })])).toContain("PSNR 65.1 dB; the label");
  });

  it("counts the images of a batch, and its labels whatever their order", () => {
    const batch: AttackOutcome = {
      ...outcome,
      labels: [3, 5, 5],
      recoveredLabels: [5, 3, 3],
      matches: [match, { ...match, meanSquaredError: 2e-3 }, { ...match, meanSquaredError: 0.5 }],
    };
    expect(verdict([batch])).toBe(
      "1 of 3 images were recovered from one gradient, 1 more can be recognised: MSE from 3.1e-7 to 0.5; 2 of 3 labels were recovered. 2,113 gradient evaluations, 2.4 s.",
    );
    expect(verdict([batch, outcome])).toContain("2 of 4 images were recovered from 2 gradients");
  });

  it("says of an image that was read off that nothing was searched", () => {
    expect(verdict([{ ...outcome, attempts: [], evaluations: 1, seconds: 0.2 }])).toContain(
      "Read off the gradient, no search, 200 ms.",
    );
  });
});

describe("blindVerdict", () => {
  it("tells a gradient that was matched from one that was not", () => {
    expect(blindVerdict(outcome)).toBe(
      "An image was found whose gradient is the shared one (relative distance 3.0e-11), so the client's data is out; label 3. 2,113 gradient evaluations, 2.4 s.",
    );
    expect(blindVerdict({ ...outcome, mismatch: 0.02, recoveredLabels: [1, 2] })).toBe(
      "Nothing was found whose gradient is the shared one (relative distance 0.02): what was found may not be the client's data; labels 1, 2. The attack ended because its budget of gradient evaluations was spent. 2,113 gradient evaluations, 2.4 s.",
    );
  });
});
