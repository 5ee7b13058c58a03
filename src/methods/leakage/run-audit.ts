/** The command `leakage audit`: reads the images, audits the defences, trains under them, writes the report. */
import { type ImageDataset, openDataset } from "../../data/dataset.ts";
import type { ImageShape } from "../../data/image.ts";
import { InputError } from "../../data/input-error.ts";
import { sameShape } from "../../engine/shape.ts";
import type { CommandResult } from "../../runs/method.ts";
import type { Run } from "../../runs/run.ts";
import { keptResults } from "../../runs/workers/kept-results.ts";
import { type CostOfDefences, canTrain, costOfDefences, fewestImages } from "./accuracy.ts";
import type { TrainingOutcome } from "./accuracy-work.ts";
import { type AttackedModel, imageShapeOf, type ModelChoice, openAttackedModel } from "./attacked-model.ts";
import { auditDefences, defaultDefences, planOf } from "./audit.ts";
import { answerOf, notesOf, rowsOf, writeAudit } from "./audit-report.ts";
import type { AuditedAttack } from "./audit-work.ts";
import type { Float } from "./shared-gradient.ts";

export interface AuditParameters {
  readonly data: string;
  readonly model: string;
  readonly activation?: ModelChoice["activation"];
  readonly mean?: readonly number[] | undefined;
  readonly deviation?: readonly number[] | undefined;
  readonly defences: string;
  readonly samples: number;
  readonly start: number;
  readonly seeds: number;
  readonly evaluations: number;
  readonly dtype: Float;
  readonly accuracy: boolean;
  readonly trainImages: number;
  readonly trainSteps: number;
  readonly trainSeeds: number;
}

/** @throws InputError when a defence or the data cannot be read, there are too few images or they do not fit the network */
export async function runAudit(parameters: AuditParameters, run: Run): Promise<CommandResult> {
  const { data, samples, start, seeds, evaluations, dtype, model, activation, mean, deviation } = parameters;
  const defences = defencesOf(parameters.defences);
  const network: ModelChoice = { model, activation, mean, deviation };
  const usual = await openAttackedModel(network);
  const shape = imageShapeOf(usual.model);
  const dataset = await openDataset(data, { count: samples, start, shape, signal: run.signal });
  const { images, labels, classNames, notices } = dataset;
  if (notices[0] !== undefined)
    run.note(`${notices[0]}${notices.length > 1 ? `; ${notices.length - 1} more such notices` : ""}.`);
  const classes = usual.isFromFile ? usual.model.classes : Math.max(2, classNames?.length ?? 10);
  const audited = await openAttackedModel(network, { inputShape: images.shape.slice(1), classes });
  requireFit(audited, dataset, data);
  const training = parameters.accuracy
    ? await trainingImages(parameters, dataset, { shape, signal: run.signal })
    : undefined;
  const [attacking, costing] = run.rng.spawn(2);
  if (attacking === undefined || costing === undefined) throw new Error("spawn(2) gives two streams");
  const kept = keptResults<{ attacks: AuditedAttack; tuning: TrainingOutcome; trainings: TrainingOutcome }>(
    run,
  );
  const shared = { network, classes, defences, threads: run.threads, signal: run.signal };
  const audit = await auditDefences({
    ...shared,
    images,
    ...(labels && { labels: Array.from(labels.data, Number) }),
    seeds,
    evaluations,
    dtype,
    stream: attacking,
    kept: kept.of("attacks"),
    onProgress: (done, total) => run.progress(done, total, "attacks"),
  });
  let cost: CostOfDefences | undefined;
  if (training !== undefined && training.refusal === undefined)
    cost = await costOfDefences({
      ...shared,
      defences: defences.filter((defence) => canTrain(planOf(defence))),
      images: training.images,
      labels: training.labels,
      seeds: parameters.trainSeeds,
      steps: parameters.trainSteps,
      stream: costing,
      kept: { tuning: kept.of("tuning"), trainings: kept.of("trainings") },
      onProgress: (done, total) => run.progress(done, total, "trainings"),
    });
  await writeAudit(run, audit, cost);
  for (const note of notesOf(parameters, audit, { model: audited.model, cost, refusal: training?.refusal }))
    run.note(note);
  return {
    answer: answerOf(audit, cost),
    values: {
      attacks: audit.defences[0]?.attacks ?? 0,
      holds: audit.holds?.defence ?? null,
      hides: audit.hides?.defence ?? null,
      defences: rowsOf(audit, cost),
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

/** @throws InputError when the images or their classes are not the network's, or one example's gradient needs the others */
function requireFit(
  { model, isFromFile }: AttackedModel,
  { images, labels }: ImageDataset,
  data: string,
): void {
  const shape = images.shape.slice(1);
  if (!sameShape(shape, model.inputShape))
    throw new InputError(
      `${data}: images of ${shape.join(" x ")}; expected ${model.inputShape.join(" x ")} for ${model.description}`,
    );
  const largest = Math.max(0, ...Array.from(labels?.data ?? [], Number));
  if (isFromFile && largest >= model.classes)
    throw new InputError(
      `${data}: a label of ${largest}; expected classes from 0 to ${model.classes - 1} for ${model.description}`,
    );
  if (model.buffers !== undefined)
    throw new InputError(
      `--model: ${model.description}; expected a network without batch normalisation, as clients clip the gradients of single images`,
    );
}

interface TrainingImages {
  readonly images: ImageDataset["images"];
  readonly labels: readonly number[];
  /** Why there can be no training. */
  readonly refusal?: string;
}

/** So many images as are to be trained on, or all that there are. */
async function trainingImages(
  { data, trainImages }: AuditParameters,
  { kind }: ImageDataset,
  options: { readonly shape: ImageShape; readonly signal: AbortSignal },
): Promise<TrainingImages> {
  // A folder lists one class after the other, so that its beginning is no sample.
  const part = kind === "folder" ? undefined : await openPart(data, { ...options, count: trainImages });
  const { images, labels, classNames } = part ?? (await openDataset(data, options));
  const found = { images, labels: Array.from(labels?.data ?? [], Number) };
  const rows = images.shape[0] ?? 0;
  if (labels === null) return { ...found, refusal: "DATA says no classes" };
  if ((classNames?.length ?? 0) < 2) return { ...found, refusal: "DATA has a single class" };
  if (rows < fewestImages)
    return { ...found, refusal: `DATA holds ${rows} images, and ${fewestImages} are needed` };
  return found;
}

/** Undefined where there are not so many. */
async function openPart(
  data: string,
  options: Parameters<typeof openDataset>[1],
): Promise<ImageDataset | undefined> {
  try {
    return await openDataset(data, options);
  } catch (error) {
    if (error instanceof InputError) return undefined;
    throw error;
  }
}
