import { type NDArray, ndarray } from "../../engine/ndarray.ts";
import { formatShape } from "../../engine/shape.ts";
import type { RandomStream } from "../../numeric/random.ts";
import { bootstrap } from "../../numeric/statistics/bootstrap.ts";
import { wilsonInterval } from "../../numeric/statistics/proportion.ts";
import { median } from "../../numeric/statistics/quantile.ts";
import type { Interval } from "../../numeric/statistics/sample.ts";
import type { Kept } from "../../runs/workers/kept-results.ts";
import { mapTasks, workModule } from "../../runs/workers/map-tasks.ts";
import type { ModelChoice } from "./attacked-model.ts";
import type { AuditedAttack, AuditTask } from "./audit-work.ts";
import { type DefencePlan, parseDefences } from "./defences/parse.ts";
import type { Float } from "./shared-gradient.ts";
import { recognisableBelow, recoveredBelow } from "./verdict.ts";

/** The defences of an audit that names none, every kind that one gradient takes, over its strengths. */
export const defaultDefences: readonly string[] = [
  "none",
  "noise:gaussian:1e-4",
  "noise:gaussian:1e-3",
  "noise:gaussian:1e-2",
  "noise:laplacian:1e-3",
  "prune:0.3",
  "prune:0.9",
  "top-k:0.01",
  "fp16",
  "bf16",
  "int8",
  "sign",
  "dp:1:0.01",
];

/** A defence holds when the upper end of its 95 % interval of success is below this. */
export const holdsBelow = 0.1;

/** The fewest attacks, all of them failed, after which Wilson's 95 % interval ends below {@link holdsBelow}. */
export const attacksToHold = 35;

/** Where the attack recovers a smaller part of the undefended images than this, nothing is concluded of defences. */
export const tellsFrom = 0.5;

export interface AuditRequest {
  /** [samples, channels, height, width] in [0, 1]. */
  readonly images: NDArray;
  /** A class of each image; drawn where absent. */
  readonly labels?: readonly number[];
  /** `lenet` by default; of the images' shape where it is not a file. */
  readonly network?: ModelChoice;
  /** Of a named network; 10 by default. */
  readonly classes?: number;
  /** As `parseDefences` reads each; {@link defaultDefences} by default. */
  readonly defences?: readonly string[];
  /** Networks and starts for each image; 1 by default. */
  readonly seeds?: number;
  /** The most gradient evaluations of an attack; 1500 by default. */
  readonly evaluations?: number;
  /** `float32` by default. */
  readonly dtype?: Float;
  /** Where all randomness starts; streams are spawned of it. */
  readonly stream: RandomStream;
  /** Processes at a time; 1 by default. The result has the same bits whatever the number. */
  readonly threads?: number;
  /** The attacks that are done already, and where further ones go. */
  readonly kept?: Kept<AuditedAttack>;
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/** A number with its 95 % interval. */
export interface Estimate extends Interval {
  readonly estimate: number;
}

/** A share of the attacks, with Wilson's 95 % interval. */
export interface Rate extends Interval {
  readonly count: number;
  readonly rate: number;
}

export interface AuditedDefence {
  readonly defence: string;
  readonly description: string;
  /** What the attacker does, in words. */
  readonly attacker: string;
  readonly attacks: number;
  /** Mean squared error below 1e-4. */
  readonly recovered: Rate;
  /** Mean squared error below 1e-2, those recovered included. */
  readonly recognisable: Rate;
  readonly labels: Rate;
  /** In dB, with a percentile bootstrap interval; of a single attack the interval is that value. */
  readonly medianPsnr: Estimate;
  /** The median sine of the angle by which the defence turned the gradient. */
  readonly distortion: number;
  readonly outcomes: readonly AuditedAttack[];
}

export interface Audit {
  readonly defences: readonly AuditedDefence[];
  /**
   * The defence that turns the gradient least of those that keep images from being recovered; undefined where none does, or
   * where `none` was audited and the attack recovers less than half of the undefended images.
   */
  readonly holds: AuditedDefence | undefined;
  /** The same for those that keep them from being recognisable. */
  readonly hides: AuditedDefence | undefined;
}

/**
 * What each defence keeps from an attacker who knows it. For every image and seed the client draws a network; its gradient,
 * defended in each of the ways, is attacked from the same start, so that defences are compared in pairs.
 *
 * @throws RangeError when a defence cannot be read or mixes several examples, a label is not a class, or a number is out of
 *   range
 * @throws the signal's reason when it is aborted
 */
export async function auditDefences(request: AuditRequest): Promise<Audit> {
  const { defences = defaultDefences, threads = 1, kept, onProgress, signal } = request;
  const plans = defences.map(planOf);
  if (plans.length === 0) throw new RangeError("audit: there is no defence; at least one is needed");
  const [attackStream, bootstrapStream] = request.stream.spawn(2);
  if (attackStream === undefined || bootstrapStream === undefined) throw new Error("spawn(2) gives two");
  const cases = casesOf(request, attackStream);
  const tasks = plans.flatMap(({ text: defence }) => cases.map((each) => ({ ...each, defence })));
  let done = kept?.finished.size ?? 0;
  const outcomes = await mapTasks<AuditTask, AuditedAttack>(
    workModule(import.meta.url, "audit-work"),
    tasks,
    {
      threads,
      signal,
      ...(kept && { finished: kept.finished }),
      onResult(place, result) {
        kept?.keep(place, result);
        onProgress?.(++done, tasks.length);
      },
    },
  );
  const audited = plans.map((plan, i) =>
    summaryOf(plan, outcomes.slice(i * cases.length, (i + 1) * cases.length), bootstrapStream),
  );
  return { defences: audited, ...conclusionOf(audited) };
}

/** Which defences hold, and hide: see {@link Audit}. */
export function conclusionOf<
  Measured extends Pick<AuditedDefence, "defence" | "recovered" | "recognisable" | "distortion">,
>(
  defences: readonly Measured[],
): { readonly holds: Measured | undefined; readonly hides: Measured | undefined } {
  const bare = defences.find(({ defence }) => defence === "none");
  // A weak attack makes every defence look strong.
  if (bare !== undefined && bare.recovered.rate < tellsFrom) return { holds: undefined, hides: undefined };
  const weakest = (rateOf: (defence: Measured) => Rate): Measured | undefined =>
    defences
      .filter((each) => each.defence !== "none" && rateOf(each).high < holdsBelow)
      .sort((a, b) => a.distortion - b.distortion)[0];
  return { holds: weakest(({ recovered }) => recovered), hides: weakest(({ recognisable }) => recognisable) };
}

/** @throws RangeError for a defence that cannot be read or is not one of a single gradient */
export function planOf(text: string): DefencePlan {
  const plan = parseDefences(text);
  if (plan.batch !== undefined || plan.localSteps !== undefined)
    throw new RangeError(
      `defence "${plan.text}": each gradient is that of one image here; batch and local-steps mix several`,
    );
  return plan;
}

/** Every image with every seed. */
function casesOf(request: AuditRequest, stream: RandomStream): Omit<AuditTask, "defence">[] {
  const { images, labels, network = { model: "lenet" }, classes = 10 } = request;
  const { seeds = 1, evaluations = 1500, dtype = "float32" } = request;
  const [samples = 0, ...shape] = images.shape;
  if (samples < 1 || shape.length !== 3)
    throw new RangeError(
      `audit: images ${formatShape(images.shape)}; expected [samples, channels, height, width]`,
    );
  for (const [name, value] of Object.entries({ seeds, evaluations, classes }))
    if (!Number.isInteger(value) || value < 1)
      throw new RangeError(`audit: ${name} ${value} is not a positive integer`);
  if (labels !== undefined && labels.length !== samples)
    throw new RangeError(`audit: ${labels.length} labels for ${samples} images: one for each is needed`);
  const size = images.data.length / samples;
  return stream.spawn(samples).flatMap((each, i) => {
    const label = labels?.[i] ?? each.integers(1, 0, classes)[0] ?? 0;
    const image = ndarray(images.data.slice(i * size, (i + 1) * size), shape, images.dtype);
    return each
      .spawn(seeds)
      .map((own) => ({ image, label, network, classes, evaluations, dtype, stream: own.state() }));
  });
}

function summaryOf(
  plan: DefencePlan,
  outcomes: readonly AuditedAttack[],
  stream: RandomStream,
): AuditedDefence {
  const psnrs = outcomes.map(({ psnr }) => psnr);
  const [only = Number.NaN] = psnrs;
  return {
    defence: plan.text,
    description: plan.description,
    attacker: outcomes[0]?.attacker ?? "",
    attacks: outcomes.length,
    recovered: rateOf(outcomes, ({ meanSquaredError }) => meanSquaredError < recoveredBelow),
    recognisable: rateOf(outcomes, ({ meanSquaredError }) => meanSquaredError < recognisableBelow),
    labels: rateOf(outcomes, ({ labelRecovered }) => labelRecovered),
    medianPsnr:
      psnrs.length === 1
        ? { estimate: only, low: only, high: only }
        : bootstrap(psnrs, median, stream, { method: "percentile", resamples: 1999 }),
    distortion: median(outcomes.map(({ distortion }) => distortion)),
    outcomes,
  };
}

function rateOf(outcomes: readonly AuditedAttack[], holds: (outcome: AuditedAttack) => boolean): Rate {
  const count = outcomes.filter(holds).length;
  return { count, rate: count / outcomes.length, ...wilsonInterval(count, outcomes.length) };
}
