/** What an audit says: its table, its figures, its answer in words, and what is to be known beside them. */

import type { Model } from "../../models/model.ts";
import { isSmooth } from "../../models/smooth.ts";
import { errorCrosses } from "../../runs/crosses.ts";
import { formatCount, formatNumber } from "../../runs/format.ts";
import { errorBars } from "../../runs/repeats.ts";
import type { Run } from "../../runs/run.ts";
import { type CostOfDefences, clientImages, type DefenceCost } from "./accuracy.ts";
import {
  type Audit,
  type AuditedDefence,
  attacksToHold,
  type Estimate,
  holdsBelow,
  type Rate,
  tellsFrom,
} from "./audit.ts";
import type { AuditParameters } from "./run-audit.ts";

/** One row for each defence, with what it costs where that was measured. */
export function rowsOf({ defences }: Audit, cost?: CostOfDefences) {
  return defences.map((measured) => {
    const { defence, attacker, attacks, recovered, recognisable, labels, medianPsnr, distortion } = measured;
    const costs = cost?.defences.find((each) => each.defence === defence);
    return {
      defence,
      attacker,
      attacks,
      ...rateCells("recovered", recovered),
      ...rateCells("recognisable", recognisable),
      ...estimateCells("median PSNR", "PSNR", medianPsnr),
      ...rateCells("label", labels),
      distortion,
      ...(costs && {
        ...estimateCells("accuracy", "accuracy", costs.accuracy),
        ...(costs.cost && estimateCells("accuracy lost", "lost", costs.cost)),
        "learning rate": costs.learningRate,
      }),
    };
  });
}

function rateCells(name: string, { rate, low, high }: Rate): Record<string, number> {
  return { [name]: rate, [`${name} low`]: low, [`${name} high`]: high };
}

function estimateCells(name: string, short: string, { estimate, low, high }: Estimate) {
  return { [name]: estimate, [`${short} low`]: low, [`${short} high`]: high };
}

/** The table and the figures. */
export async function writeAudit(run: Run, audit: Audit, cost?: CostOfDefences): Promise<void> {
  await run.table("defences", rowsOf(audit, cost), {
    caption: `Each defence against an attacker who knows it${cost ? ", and the accuracy of training under it" : ""}; low and high are 95 % intervals (Wilson's for rates, bootstrap for the median PSNR in dB${cost ? `, ${accuracyInterval(cost)} for accuracies and what is lost of them` : ""}); distortion: the median sine of the angle by which the gradient was turned.`,
  });
  if (cost !== undefined) await writeTradeOff(run, audit, cost);
  const bars = (of: (defence: AuditedDefence) => Rate) =>
    audit.defences.map((each) => ({
      x: each.defence,
      y: of(each).rate,
      low: of(each).low,
      high: of(each).high,
    }));
  await run.figure(
    "recovery",
    {
      width: 640,
      height: 360,
      marginBottom: 120,
      x: {
        type: "point",
        domain: audit.defences.map(({ defence }) => defence),
        label: null,
        tickRotate: -50,
      },
      y: { domain: [0, 1], label: "images recovered (MSE < 1e-4), share of attacks", grid: true },
      marks: errorBars(bars(({ recovered }) => recovered)),
    },
    { caption: "Share of attacks that recover the image, with Wilson's 95 % interval." },
  );
}

function accuracyInterval({ defences }: CostOfDefences): string {
  const seeds = defences[0]?.outcomes.length ?? 0;
  return seeds === 1 ? "Wilson's over the test images" : `Student's t over ${seeds} training seeds`;
}

/** Recovery against accuracy: what a defence is worth, and what it costs. */
async function writeTradeOff(run: Run, { defences }: Audit, cost: CostOfDefences): Promise<void> {
  const pairs = defences.flatMap((audited) => {
    const costs = cost.defences.find(({ defence }) => defence === audited.defence);
    return costs === undefined ? [] : [{ audited, costs }];
  });
  const panels = [
    {
      name: "trade-off",
      label: "median PSNR of what was recovered (dB)",
      caption: "How well the images came back",
      of: ({ medianPsnr }: AuditedDefence): Estimate => medianPsnr,
      floor: Number.POSITIVE_INFINITY,
    },
    {
      name: "trade-off-rate",
      label: "images recovered (MSE < 1e-4), share of attacks",
      caption: "How many images were recovered",
      of: ({ recovered: { rate, low, high } }: AuditedDefence): Estimate => ({ estimate: rate, low, high }),
      floor: 0,
    },
  ];
  for (const { name, label, caption, of, floor } of panels) {
    const rows = pairs.map(({ audited, costs: { accuracy } }) => {
      const { estimate, low, high } = of(audited);
      return {
        label: audited.defence,
        x: 100 * accuracy.estimate,
        xLow: 100 * accuracy.low,
        xHigh: 100 * accuracy.high,
        y: estimate,
        yLow: low,
        yHigh: high,
      };
    });
    const [height, marginTop, marginBottom] = [420, 24, 44];
    const domain = [
      Math.min(floor, ...rows.map(({ yLow }) => yLow)),
      Math.max(...rows.map(({ yHigh }) => yHigh)),
    ] as const;
    const right = Math.max(...rows.map(({ xHigh }) => xHigh));
    const left = Math.min(...rows.map(({ xLow }) => xLow));
    await run.figure(
      name,
      {
        width: 680,
        height,
        marginTop,
        marginBottom,
        marginRight: 150,
        x: {
          domain: [left, right],
          nice: false,
          label: "test accuracy after training under the defence (%)",
          grid: true,
        },
        y: { domain, label, grid: true },
        marks: errorCrosses(rows, {
          domain,
          height: height - marginTop - marginBottom,
          labelsAt: right,
        }),
      },
      {
        caption: `${caption}, against the accuracy of training under the defence: low and to the right is good. Bars are 95 % intervals (${name === "trade-off" ? "bootstrap" : "Wilson's"} upwards, ${accuracyInterval(cost)} along).`,
      },
    );
  }
}

const percent = (value: number): string => `${formatNumber(100 * value, { digits: 2 })} %`;
const points = (value: number): string => (100 * value).toFixed(1);

/** The answer in plain words. */
export function answerOf({ defences, holds, hides }: Audit, cost?: CostOfDefences): string {
  const attacks = defences[0]?.attacks ?? 0;
  const costOf = (name: string): DefenceCost | undefined =>
    cost?.defences.find(({ defence }) => defence === name);
  const bare = defences.find(({ defence }) => defence === "none");
  const bareAccuracy = costOf("none")?.accuracy;
  const price = (name: string): string => {
    const { accuracy, cost: lost } = costOf(name) ?? {};
    if (accuracy === undefined || lost === undefined || bareAccuracy === undefined) return "";
    return ` Training under it reaches an accuracy of ${points(accuracy.estimate)} % instead of ${points(bareAccuracy.estimate)} %: ${points(lost.estimate)} points lost (95 % interval ${points(lost.low)} to ${points(lost.high)}${lost.low <= 0 && lost.high >= 0 ? ", so perhaps none" : ""}).`;
  };
  const words = ({ defence, distortion }: AuditedDefence, rate: Rate): string =>
    `${defence} (${rate.count} of ${attacks}, 95 % interval to ${percent(rate.high)}; distortion ${formatNumber(distortion, { digits: 2 })})`;
  const criterion = `upper end of the 95 % interval below ${percent(holdsBelow)}`;
  const first =
    bare === undefined
      ? ""
      : `Without a defence ${bare.recovered.count} of ${attacks} images were recovered (MSE < 1e-4). `;
  if (attacks < attacksToHold)
    return `${first}Undecided which defence holds: ${attacks} attacks a defence cannot bring the ${criterion}, even if all fail; ${attacksToHold} can (--samples x --seeds).`;
  if (bare !== undefined && bare.recovered.rate < tellsFrom)
    return `${first}Undecided which defence holds: an attack that fails without a defence says nothing of defences; raise --evaluations.`;
  const recovery =
    holds === undefined
      ? `No defence here holds against recovery (${criterion}).`
      : `The weakest defence that holds against recovery (${criterion}; weakest: turns the gradient least) is ${words(holds, holds.recovered)}.${price(holds.defence)}`;
  const recognition =
    hides === undefined
      ? "None keeps images from being recognisable (MSE < 1e-2) by the same criterion."
      : hides === holds
        ? "It keeps images from being recognisable (MSE < 1e-2) as well."
        : `The weakest that keeps images from being recognisable (MSE < 1e-2) as well is ${words(hides, hides.recognisable)}.${price(hides.defence)}`;
  return `${first}${recovery} ${recognition}`;
}

export interface NotesContext {
  readonly model: Model;
  readonly cost: CostOfDefences | undefined;
  /** Why there was no training, where it was asked for. */
  readonly refusal: string | undefined;
}

/** The caveats that belong beside the answer. */
export function notesOf(parameters: AuditParameters, audit: Audit, context: NotesContext): string[] {
  const { samples, seeds, evaluations, dtype, accuracy, trainSteps, trainSeeds, trainImages } = parameters;
  const { model, cost, refusal } = context;
  const bare = audit.defences.find(({ defence }) => defence === "none");
  const plural = (count: number): string => (count === 1 ? "" : "s");
  const notes = [
    `${model.description[0]?.toUpperCase() ?? ""}${model.description.slice(1)}, batches of one image, ${samples} images in the order of the data and ${seeds} start${plural(seeds)}, each with a network of its own where parameters are random. Other networks and larger batches are not attacked.`,
    ...(isSmooth(model)
      ? []
      : [
          "The network has kinks, such as ReLU's: the attack matches angles there, and is weaker than on smooth ones. Failures say less of defences.",
        ]),
    `One attack from one start, of at most ${formatCount(evaluations)} evaluations in ${dtype}, by an attacker who knows the defence and that images are smooth and in [0, 1]. One with more effort, or a model of such images, may do better: that a defence holds here is no proof of safety.`,
  ];
  if (bare !== undefined && bare.recovered.rate < 0.8)
    notes.push(
      `The attack recovers only ${bare.recovered.count} of ${bare.attacks} undefended images in this budget: failures against defences tell less. Raise --evaluations.`,
    );
  if (seeds > 1)
    notes.push(
      "Attacks on one image with several seeds count as independent in the intervals; they are not quite.",
    );
  if (cost === undefined)
    notes.push(
      `The cost in accuracy of training under a defence is not measured${refusal !== undefined ? `: ${refusal}` : accuracy ? "" : " (--no-accuracy)"}; the distortion of the gradient is no substitute for it.`,
    );
  else {
    const { train, validation, test } = cost.images;
    notes.push(
      `Accuracy: the same network with the same random initialisation, trained on ${formatCount(train)} images for ${formatCount(trainSteps)} steps of Adam; at each step one client shares the defended gradient of ${clientImages} images (clip and dp clip each image's). The learning rate of each defence is the best of its own trainings on ${formatCount(validation)} validation images; then ${trainSeeds} training${plural(trainSeeds)} on ${formatCount(test)} test images. This small network is far from the best there is on such images: read the differences.`,
      `An attacked gradient is of one image, a trained one the mean of a client's ${clientImages}: the same noise weighs more on that mean. A server that averages many clients at a step would lose less to noise.`,
    );
    const diverged = cost.defences.filter(({ outcomes }) => outcomes.some(({ hasDiverged }) => hasDiverged));
    if (diverged.length > 0)
      notes.push(
        `Trainings that diverged count as guessing: ${diverged.map(({ defence }) => defence).join(", ")}.`,
      );
    const untrained = audit.defences.filter(({ defence }) =>
      cost.defences.every((each) => each.defence !== defence),
    );
    if (untrained.length > 0)
      notes.push(
        `Accuracy under ${untrained.map(({ defence }) => defence).join(", ")} is not measured: it looks at each image by a Jacobian at every step, which is too slow to train under.`,
      );
    if (train + validation + test < trainImages)
      notes.push(
        `DATA holds ${formatCount(train + validation + test)} images, fewer than the ${formatCount(trainImages)} of --train-images.`,
      );
  }
  return notes;
}
