/** The command `leakage audit`: reads the images, audits the defences, writes table, figure and answer. */
import { openDataset } from "../../data/dataset.ts";
import { InputError } from "../../data/input-error.ts";
import { formatCount, formatNumber } from "../../runs/format.ts";
import type { CommandResult } from "../../runs/method.ts";
import { errorBars } from "../../runs/repeats.ts";
import type { Run } from "../../runs/run.ts";
import {
  type Audit,
  type AuditedDefence,
  attacksToHold,
  auditDefences,
  defaultDefences,
  holdsBelow,
  planOf,
  type Rate,
  tellsFrom,
} from "./audit.ts";
import { modelInputs } from "./audit-models.ts";
import type { Float } from "./shared-gradient.ts";

export interface AuditParameters {
  readonly data: string;
  readonly model: "lenet";
  readonly defences: string;
  readonly samples: number;
  readonly start: number;
  readonly seeds: number;
  readonly evaluations: number;
  readonly dtype: Float;
}

/** @throws InputError when a defence or the data cannot be read, there are too few images or they do not fit the network */
export async function runAudit(parameters: AuditParameters, run: Run): Promise<CommandResult> {
  const { data, model, samples, start, seeds, evaluations, dtype } = parameters;
  const defences = defencesOf(parameters.defences);
  const { images, labels, classNames, notices } = await openDataset(data, {
    count: samples,
    start,
    shape: modelInputs[model],
    signal: run.signal,
  });
  const [, channels = 0, height = 0, width = 0] = images.shape;
  if (height !== width || height % 4 !== 0)
    throw new InputError(
      `${data}: images of ${channels} x ${height} x ${width}; expected square ones with a side that is a multiple of 4`,
    );
  if (notices[0] !== undefined)
    run.note(`${notices[0]}${notices.length > 1 ? `; ${notices.length - 1} more such notices` : ""}.`);
  const classes = Math.max(2, classNames?.length ?? 10);
  const audit = await auditDefences({
    images,
    ...(labels && { labels: Array.from(labels.data, Number) }),
    classes,
    defences,
    seeds,
    evaluations,
    dtype,
    stream: run.rng,
    threads: run.threads,
    signal: run.signal,
    onProgress: (done, total) => run.progress(done, total, "attacks"),
  });
  await run.table("defences", audit.defences.map(rowOf), {
    caption:
      "Each defence against an attacker who knows it; low and high are 95 % intervals (Wilson's for rates, bootstrap for the median PSNR in dB); distortion: the median sine of the angle by which the gradient was turned.",
  });
  await writeFigure(run, audit);
  for (const note of notesOf(parameters, audit, channels)) run.note(note);
  return {
    answer: answerOf(audit),
    values: {
      attacks: audit.defences[0]?.attacks ?? 0,
      holds: audit.holds?.defence ?? null,
      hides: audit.hides?.defence ?? null,
      defences: audit.defences.map(rowOf),
    },
  };
}

/** @throws InputError in one line for a list of defences that cannot be read */
function defencesOf(text: string): readonly string[] {
  if (text.trim() === "all") return defaultDefences;
  try {
    return [...new Set(["none", ...text.split(";").map((part) => planOf(part).text)])];
  } catch (error) {
    throw new InputError(`--defences: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function rowOf({ defence, attacker, attacks, ...measured }: AuditedDefence) {
  const { recovered, recognisable, labels, medianPsnr, distortion } = measured;
  return {
    defence,
    attacker,
    attacks,
    ...cells("recovered", recovered),
    ...cells("recognisable", recognisable),
    "median PSNR": medianPsnr.estimate,
    "PSNR low": medianPsnr.low,
    "PSNR high": medianPsnr.high,
    ...cells("label", labels),
    distortion,
  };
}

function cells(name: string, { rate, low, high }: Rate): Record<string, number> {
  return { [name]: rate, [`${name} low`]: low, [`${name} high`]: high };
}

async function writeFigure(run: Run, { defences }: Audit): Promise<void> {
  const bars = (of: (defence: AuditedDefence) => Rate) =>
    defences.map((each) => ({ x: each.defence, y: of(each).rate, low: of(each).low, high: of(each).high }));
  await run.figure(
    "recovery",
    {
      width: 640,
      height: 360,
      marginBottom: 120,
      x: { type: "point", domain: defences.map(({ defence }) => defence), label: null, tickRotate: -50 },
      y: { domain: [0, 1], label: "images recovered (MSE < 1e-4), share of attacks", grid: true },
      marks: errorBars(bars(({ recovered }) => recovered)),
    },
    { caption: "Share of attacks that recover the image, with Wilson's 95 % interval." },
  );
}

function answerOf({ defences, holds, hides }: Audit): string {
  const attacks = defences[0]?.attacks ?? 0;
  const percent = (value: number): string => `${formatNumber(100 * value, { digits: 2 })} %`;
  const words = ({ defence, distortion }: AuditedDefence, rate: Rate): string =>
    `${defence} (${rate.count} of ${attacks}, 95 % interval to ${percent(rate.high)}; distortion ${formatNumber(distortion, { digits: 2 })})`;
  const criterion = `upper end of the 95 % interval below ${percent(holdsBelow)}`;
  const bare = defences.find(({ defence }) => defence === "none");
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
      : `The weakest defence that holds against recovery (${criterion}; weakest: turns the gradient least) is ${words(holds, holds.recovered)}.`;
  const recognition =
    hides === undefined
      ? "None keeps images from being recognisable (MSE < 1e-2) by the same criterion."
      : `The weakest that keeps images from being recognisable (MSE < 1e-2) as well is ${words(hides, hides.recognisable)}.`;
  return `${first}${recovery} ${recognition}`;
}

function notesOf(
  { samples, seeds, evaluations, dtype }: AuditParameters,
  audit: Audit,
  channels: number,
): string[] {
  const bare = audit.defences.find(({ defence }) => defence === "none");
  return [
    `LeNet with sigmoids for ${channels} channel${channels === 1 ? "" : "s"} and random parameters, batches of one image, ${samples} images in the order of the data and ${seeds} network${seeds === 1 ? "" : "s"} with its start for each. Trained or deeper networks and larger batches are not measured.`,
    `One attack from one start, of at most ${formatCount(evaluations)} evaluations in ${dtype}. An attacker with more effort, or one who knows what images look like, may do better: that a defence holds here is no proof of safety.`,
    ...(bare !== undefined && bare.recovered.rate < 0.8
      ? [
          `The attack recovers only ${bare.recovered.count} of ${bare.attacks} undefended images in this budget: failures against defences tell less. Raise --evaluations.`,
        ]
      : []),
    ...(seeds > 1
      ? ["Attacks on one image with several seeds count as independent in the intervals; they are not quite."]
      : []),
    "The cost in accuracy of training under a defence is not measured; the distortion of the gradient is no substitute for it.",
  ];
}
