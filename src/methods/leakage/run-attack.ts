/** The command `leakage attack`: reads what is attacked, attacks, writes the result. */
import { basename } from "node:path";
import { readImage } from "../../data/image.ts";
import { InputError } from "../../data/input-error.ts";
import type { NDArray } from "../../engine/ndarray.ts";
import { isSmooth } from "../../models/smooth.ts";
import { formatNumber } from "../../runs/format.ts";
import type { CommandResult } from "../../runs/method.ts";
import type { Run } from "../../runs/run.ts";
import type { AttackParameters } from "./attack-command.ts";
import { attackGradient } from "./attack-gradient.ts";
import type {
  AttackCheckpoints,
  AttackImages,
  AttackOutcome,
  AttackProgress,
  AttackSettings,
  AttackState,
} from "./attack-outcome.ts";
import { type AttackedModel, checkClasses, imageShapeOf, openAttackedModel } from "./attacked-model.ts";
import { type DefencePlan, parseDefences } from "./defences/parse.ts";
import { batchOf } from "./examples.ts";
import { readGradient } from "./gradient-file.ts";
import { reportAttacks, reportBlindAttack } from "./report-attack.ts";

export interface RunAttackRequest {
  readonly parameters: AttackParameters;
  readonly run: Run;
  readonly attackImages: AttackImages;
}

/** @throws InputError in one line for anything that was given and cannot be used */
export async function runAttack(request: RunAttackRequest): Promise<CommandResult> {
  const { images, gradients } = request.parameters;
  if (gradients !== undefined && images.length > 0)
    throw new InputError(
      `IMAGE: found ${images.length} beside --gradients ${gradients}; expected the one or the other`,
    );
  if (gradients === undefined && images.length === 0)
    throw new InputError(
      "IMAGE: expected a PNG, JPEG, WebP or TIFF image of any size, or --gradients FILE, found nothing",
    );
  const plan = planOf(request.parameters.defence);
  const attacked = await openAttackedModel(request.parameters);
  const prepared = { ...request, plan, attacked };
  // What a method or a defence cannot do with this network is told by the library as a RangeError.
  return asInputErrors(() =>
    gradients === undefined ? attackTheImages(prepared) : attackTheFile(prepared, gradients),
  );
}

interface Prepared extends RunAttackRequest {
  readonly plan: DefencePlan;
  readonly attacked: AttackedModel;
}

/** A run's state: the gradients that are done, and how far the one under way is. */
interface RunState {
  readonly done: readonly AttackOutcome[];
  readonly underWay?: AttackState;
}

async function attackTheImages(prepared: Prepared): Promise<CommandResult> {
  const { parameters, run, attackImages, attacked } = prepared;
  const { images: paths, batch } = parameters;
  const { model } = attacked;
  const settings = settingsOf(prepared, paths.length);
  const known = typeof settings.labels === "string" ? undefined : settings.labels;
  checkClasses(known ?? [], model);
  const images: NDArray[] = [];
  for (const path of paths) {
    const { image, notices } = await readImage(path, imageShapeOf(model));
    for (const notice of notices) run.note(`${notice}.`);
    images.push(image);
    run.signal.throwIfAborted();
  }
  const [weightStream, labelStream, startStream] = run.rng.spawn(3);
  const [noise] = run.rng.spawn(1);
  if (!weightStream || !labelStream || !startStream || !noise)
    throw new Error("spawn gives as many streams as it is asked for");
  const weights = attacked.parameters(weightStream, settings.dtype);
  const labels = known ?? Array.from(labelStream.integers(images.length, 0, model.classes), Number);
  const groups = groupsOf(images.length, batch);
  const starts = [startStream, ...run.rng.spawn(groups.length - 1)];
  const noises = [noise, ...noise.spawn(groups.length - 1)];
  const state = run.resume<RunState>();
  const done = [...(state?.done ?? [])];
  const first = done.length;
  for (const [i, places] of groups.entries()) {
    if (i < first) continue;
    const [stream, noise] = [starts[i], noises[i]];
    if (!stream || !noise) throw new Error("there are streams for each gradient");
    const own = places.map((place) => labels[place] ?? 0);
    const outcome = await attackImages({
      model,
      parameters: weights,
      images: batchOf(places.flatMap((place) => images[place] ?? [])),
      labels: own,
      noise,
      settings: { ...settings, ...(known && { labels: own }) },
      stream,
      threads: run.threads,
      checkpoints: checkpointsOf(run, i === first ? state?.underWay : undefined, done),
      signal: run.signal,
      onProgress: progressOf(run, i, groups.length),
    });
    done.push(outcome);
    if (i + 1 < groups.length) await run.checkpoint({ done } satisfies RunState);
  }
  return reportAttacks(
    run,
    done,
    paths.map((path) => basename(path)),
  );
}

async function attackTheFile(prepared: Prepared, path: string): Promise<CommandResult> {
  const { parameters, run, attacked } = prepared;
  const { model, isFromFile } = attacked;
  if (!isFromFile)
    throw new InputError(
      `--gradients ${path}: the network's parameters are needed: expected --model FILE.onnx, found --model ${parameters.model}`,
    );
  const settings = settingsOf(prepared, parameters.batch);
  if (typeof settings.labels !== "string") checkClasses(settings.labels, model);
  const weights = attacked.parameters(run.rng, settings.dtype);
  const gradient = await readGradient(path, model, weights, settings.dtype);
  const state = run.resume<{ readonly underWay: AttackState }>();
  const outcome = await attackGradient({
    model,
    parameters: weights,
    gradient,
    examples: parameters.batch,
    settings,
    stream: run.rng,
    threads: run.threads,
    checkpoints: checkpointsOf(run, state?.underWay, []),
    signal: run.signal,
    onProgress: progressOf(run, 0, 1),
  });
  return reportBlindAttack(run, outcome);
}

/** The places of the images of each gradient. */
function groupsOf(count: number, batch: number): number[][] {
  return Array.from({ length: Math.ceil(count / batch) }, (_, group) =>
    Array.from({ length: Math.min(batch, count - group * batch) }, (_, i) => group * batch + i),
  );
}

function checkpointsOf(
  run: Run,
  resumed: AttackState | undefined,
  done: readonly AttackOutcome[],
): AttackCheckpoints {
  return {
    resumed,
    due: run.checkpointDue,
    keep: (underWay) => run.checkpoint({ done, underWay } satisfies RunState),
  };
}

function progressOf(run: Run, gradient: number, gradients: number) {
  return ({ evaluation, evaluations, matchingLoss }: AttackProgress): void => {
    const loss = `matching loss ${formatNumber(matchingLoss, { digits: 2 })}`;
    const label = gradients === 1 ? loss : `gradient ${gradient + 1} of ${gradients}, ${loss}`;
    run.progress(gradient * evaluations + evaluation, gradients * evaluations, label);
  };
}

/** @throws InputError in one line for labels that are neither numbers, one for each image, nor a single word */
function settingsOf({ parameters, plan, attacked: { model } }: Prepared, examples: number): AttackSettings {
  const { label, method, restarts, evaluations } = parameters;
  const matchesAngles = method === "inverting" || (method === "auto" && !isSmooth(model));
  const { dtype = matchesAngles ? "float32" : "float64" } = parameters;
  const settings = { method, restarts, evaluations, dtype, plan };
  const numbers = label.filter((each) => typeof each === "number");
  const [word] = label;
  if (numbers.length === 0 && label.length === 1 && typeof word === "string")
    return { labels: word, ...settings };
  if (numbers.length !== label.length || numbers.length !== examples)
    throw new InputError(
      `--label: expected infer, joint, or ${examples === 1 ? "a number" : `${examples} numbers, one for each example`}, found "${label.join(",")}"`,
    );
  return { labels: numbers, ...settings };
}

/** @throws InputError in one line for a list of defences that cannot be read, or one that sets the batch */
function planOf(text: string): DefencePlan {
  let plan: DefencePlan;
  try {
    plan = parseDefences(text);
  } catch (error) {
    throw new InputError(`--defence: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (plan.batch !== undefined)
    throw new InputError(
      `--defence: found "${text}"; expected defences other than batch: give the images of a gradient and --batch ${plan.batch}`,
    );
  return plan;
}

async function asInputErrors<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof RangeError) throw new InputError(error.message, { cause: error });
    throw error;
  }
}
