/** Everything that `leakage attack` writes: pictures, curves, measurements, caveats and the verdict. */
import type { NDArray } from "../../engine/ndarray.ts";
import { formatCount, formatNumber } from "../../runs/format.ts";
import type { JsonObject } from "../../runs/json.ts";
import type { CommandResult } from "../../runs/method.ts";
import type { Run } from "../../runs/run.ts";
import { writeCurves } from "./attack-curves.ts";
import type {
  AttackMethod,
  AttackOutcome,
  DefenceKnowledge,
  GradientAttackOutcome,
} from "./attack-outcome.ts";
import { suffixOf, writeFilms, writePairs, writeRecovered } from "./attack-pictures.ts";
import { batchOf, examplesOf } from "./examples.ts";
import { blindVerdict, matchedBelow, recoveredBelow, successOf, verdict } from "./verdict.ts";

/**
 * Writes the pictures, the curves, the arrays and the caveats of attacks into the run.
 *
 * @param outcomes one for each gradient; at least one
 * @param names of the images, in order
 * @returns the verdict in words and its numbers
 * @throws RangeError when there is no outcome, one has no curve or holds a NaN
 */
export async function reportAttacks(
  run: Run,
  outcomes: readonly AttackOutcome[],
  names: readonly string[],
): Promise<CommandResult> {
  writeMetrics(run, outcomes);
  const originals = outcomes.flatMap(({ originals }) => examplesOf(originals));
  const recovered = outcomes.flatMap(({ recovered }) => examplesOf(recovered));
  await writePairs(run, originals, recovered);
  await writeFilms(run, outcomes);
  await writeRecovered(run, recovered, { inReport: false });
  await writeCurves(run, outcomes);
  const rows = imageRows(outcomes, names);
  if (rows.length > 1)
    await run.table("images", rows, {
      caption:
        "Every image beside what was recovered for it; within a gradient they are paired so that the errors are smallest.",
    });
  await writeAttempts(run, outcomes);
  await run.array("original", arrayOf(originals), {
    caption: "The original, channels first.",
  });
  await run.array("recovered", arrayOf(recovered), {
    caption: "What was recovered, channels first, not clamped.",
  });
  for (const caveat of caveatsOf(outcomes)) run.note(caveat);
  return { answer: verdict(outcomes), values: valuesOf(outcomes, rows) };
}

/** The same for a gradient of which no original is known. */
export async function reportBlindAttack(run: Run, outcome: GradientAttackOutcome): Promise<CommandResult> {
  writeMetrics(run, [outcome]);
  const recovered = examplesOf(outcome.recovered);
  await writeRecovered(run, recovered, { inReport: true });
  await writeFilms(run, [outcome]);
  await writeCurves(run, [outcome]);
  await writeAttempts(run, [outcome]);
  await run.array("recovered", arrayOf(recovered), {
    caption: "What was recovered, in the network's shape, not clamped.",
  });
  for (const caveat of [
    ...sharedCaveats([outcome]),
    `The original is not known here. Gradients count as equal where their distance, relative to the squared norm, is below ${formatNumber(matchedBelow, { digits: 1 })}; other data with the same gradient are possible, though for one example and a network with many more parameters than pixels they are not to be expected.`,
  ])
    run.note(caveat);
  return {
    answer: blindVerdict(outcome),
    values: {
      ...effortOf([outcome]),
      isMatched: outcome.mismatch < matchedBelow,
      labels: [...outcome.recoveredLabels],
    },
  };
}

function writeMetrics(run: Run, outcomes: readonly GradientAttackOutcome[]): void {
  if (outcomes.length === 0) throw new RangeError("reportAttacks: there is no outcome");
  for (const [i, { curve }] of outcomes.entries()) {
    if (curve.length === 0) throw new RangeError("reportAttacks: an outcome has no curve");
    const suffix = suffixOf(i);
    for (const { evaluation, matchingLoss, meanSquaredError } of curve) {
      run.metric(`matching-loss${suffix}`, evaluation, matchingLoss);
      if (!Number.isNaN(meanSquaredError))
        run.metric(`mean-squared-error${suffix}`, evaluation, meanSquaredError);
    }
  }
}

/** Of a single example itself, of more their batch. */
function arrayOf(examples: readonly NDArray[]): NDArray {
  const [only, ...more] = examples;
  return only !== undefined && more.length === 0 ? only : batchOf(examples);
}

function imageRows(outcomes: readonly AttackOutcome[], names: readonly string[]) {
  let place = 0;
  return outcomes.flatMap(({ matches, labels, recoveredLabels }, gradient) =>
    matches.map((match, i) => ({
      image: names[place++] ?? "",
      gradient: gradient + 1,
      success: successOf(match),
      meanSquaredError: match.meanSquaredError,
      psnr: match.psnr,
      ssim: match.ssim,
      label: labels[i] ?? 0,
      recoveredLabel: recoveredLabels[i] ?? 0,
    })),
  );
}

async function writeAttempts(run: Run, outcomes: readonly GradientAttackOutcome[]): Promise<void> {
  const rows = outcomes.flatMap(({ attempts, chosen }, gradient) =>
    attempts.map(({ evaluations, matchingLoss, reason }, attempt) => ({
      gradient: gradient + 1,
      attempt: attempt + 1,
      chosen: attempt === chosen ? "yes" : "",
      evaluations,
      "matching loss": matchingLoss,
      "it ended because": reason,
    })),
  );
  if (outcomes.some(({ attempts }) => attempts.length > 1))
    await run.table("attempts", rows, {
      caption: "Every start that was tried. The attacker chooses by the matching loss, which is all it sees.",
    });
}

type ImageRow = ReturnType<typeof imageRows>[number];

function valuesOf(outcomes: readonly AttackOutcome[], rows: readonly ImageRow[]): JsonObject {
  const worst = rows.reduce((a, b) => (b.meanSquaredError > a.meanSquaredError ? b : a));
  const { success, meanSquaredError, psnr, ssim } = worst;
  const [only, ...more] = rows;
  return {
    // Of several images, those of the worst.
    success,
    meanSquaredError,
    psnr,
    ssim,
    ...(only !== undefined &&
      more.length === 0 && { label: only.label, recoveredLabel: only.recoveredLabel }),
    ...effortOf(outcomes),
    images: rows.map((row) => ({ ...row })),
  };
}

function effortOf(outcomes: readonly GradientAttackOutcome[]): JsonObject {
  const sum = (of: (outcome: GradientAttackOutcome) => number): number =>
    outcomes.reduce((total, outcome) => total + of(outcome), 0);
  const worst = outcomes.reduce((a, b) => (b.mismatch > a.mismatch ? b : a));
  return {
    method: worst.method,
    labelKnowledge: worst.labelKnowledge,
    matchingLoss: worst.curve.at(-1)?.matchingLoss ?? Number.NaN,
    mismatch: worst.mismatch,
    attempts: sum(({ attempts }) => attempts.length),
    evaluations: sum(({ evaluations }) => evaluations),
    seconds: sum(({ seconds }) => seconds),
    ending: worst.ending,
  };
}

function caveatsOf(outcomes: readonly AttackOutcome[]): string[] {
  return [
    ...sharedCaveats(outcomes),
    `“Recovered” means a mean squared error below ${formatNumber(recoveredBelow, { digits: 1 })} (40 dB), measured before the image is clamped to [0, 1]; the pictures show it clamped.`,
    ...(outcomes.some(({ matches }) => matches.some((match) => successOf(match) !== "recovered"))
      ? [
          "That this attack ended short is no proof of safety: another seed, more evaluations or another attack may succeed.",
        ]
      : []),
  ];
}

const methodWords: Readonly<Record<AttackMethod, string>> = {
  dlg: "gradients matched by L-BFGS (Zhu et al. 2019)",
  inverting:
    "the angle of gradients matched by signed Adam, total variation as a prior (Geiping et al. 2020)",
  linear: "the input read off the gradient of the first layer, which is fully connected; no search",
  "closed-form": "linear equations layer by layer, from the output to the image; no search",
};

/** What holds whether or not the original is known. */
function sharedCaveats(outcomes: readonly GradientAttackOutcome[]): string[] {
  const [first] = outcomes;
  if (first === undefined) return [];
  const { model, method, labelKnowledge, dtype, defence } = first;
  const examples = Math.max(...outcomes.map(({ recoveredLabels }) => recoveredLabels.length));
  const [entries, unknowns] = [model.parameters, first.recovered.data.length];
  const size = examples === 1 ? "one example" : `${formatCount(examples)} examples`;
  const gradients =
    outcomes.length === 1 ? `The gradient of a batch of ${size}` : `Gradients of batches of ${size}`;
  return [
    ...(defence === undefined ? [] : [defenceCaveat(defence)]),
    ...new Set(outcomes.flatMap(({ notes }) => notes)),
    `${gradients}, on ${model.description} (${formatCount(model.parameters)} parameters, ${model.classes} classes); ${methodWords[method]}. Larger batches, deeper networks and defences make the attack harder; this result does not speak for them.`,
    ...(labelKnowledge === "infer" && examples > 1
      ? [
          "Which labels a batch has is an estimate from one gradient, and a wrong one spoils the images: --label joint optimises them instead.",
        ]
      : []),
    ...(entries < unknowns
      ? [
          `The gradient has ${formatCount(entries)} numbers for ${formatCount(unknowns)} unknown ones of the input: many inputs have the same gradient, and only what images look like could tell them apart.`,
        ]
      : []),
    ...(labelKnowledge === "known"
      ? ["The attacker was told the label; with --label infer it reads the label off the gradient."]
      : []),
    ...(dtype === "float32" && method === "dlg"
      ? [
          "In float32 the rounding of the gradients stops the recovery near a mean squared error of 1e-5 to 1e-4; --dtype float64 goes further.",
        ]
      : []),
  ];
}

function defenceCaveat({ description, adaptation }: DefenceKnowledge): string {
  const attacker = adaptation === undefined ? "attacks it as any other" : `knows it and ${adaptation}`;
  return `The client's defence: ${description}. The attacker ${attacker}. One image and one draw say little about a defence.`;
}
