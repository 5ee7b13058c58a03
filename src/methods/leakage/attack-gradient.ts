import { castArray, type NDArray, ndarray } from "../../engine/ndarray.ts";
import { sizeOf } from "../../engine/shape.ts";
import * as tree from "../../engine/tree.ts";
import type { Model, Named } from "../../models/model.ts";
import { isNormalised } from "../../models/normalised.ts";
import { adaptationTo } from "./adaptation.ts";
import { type LabelsBefore, labelsBefore } from "./attack-labels.ts";
import { methodsFor } from "./attack-method.ts";
import type {
  AttackMethod,
  AttackState,
  CurvePoint,
  Frame,
  GradientAttackOutcome,
  GradientAttackRequest,
} from "./attack-outcome.ts";
import { type AttackWatch, watchAttack } from "./attack-watch.ts";
import { closedForm } from "./closed-form.ts";
import { checkGradient, compileMatching, type MatchingRequest } from "./gradient-matching.ts";
import { invertLinearLayer } from "./invert-linear-layer.ts";
import { findFirstLayer, layerOf } from "./outer-layers.ts";
import { type AttemptSummary, type RecoveryCheckpoint, recover } from "./recover.ts";

/**
 * The distance at which an attack is content, relative to the shared gradient's squared norm. The pixels' mean squared
 * error is then about 1e-7 for the networks here: a tenth of a grey level of 255.
 */
const content = 1e-10;
/** The weight of total variation beside the cosine distance. */
const inverting = { totalVariation: 0.01 };
/** Evaluations of an attempt from which on a process of its own pays. */
const worthwhile = 1000;

export interface WatchedAttackRequest extends GradientAttackRequest {
  /** The error of images [N, ...inputShape] against the originals, for the curve alone. */
  readonly errorOf?: (images: Float64Array) => number;
}

/**
 * One attack on a shared gradient: finds the labels and the inputs behind it with a method that suits the network, as an
 * attacker would who has the network, the gradient, and knows the client's defence.
 *
 * @throws RangeError when the gradient is not of these parameters, a label is not a class, or a method does not suit the
 *   network
 * @throws the signal's reason when it is aborted
 */
export async function attackGradient(request: WatchedAttackRequest): Promise<GradientAttackOutcome> {
  const { model, parameters, gradient, settings, checkpoints } = request;
  checkGradient(parameters, gradient);
  const started = performance.now();
  const before = checkpoints?.resumed?.seconds ?? 0;
  const secondsSoFar = (): number => before + (performance.now() - started) / 1000;
  const adapted = adaptationTo(settings.plan);
  const known = await labelsBefore({ ...request, labels: settings.labels });
  const attack: Attack = {
    request,
    known,
    matching: {
      model,
      parameters,
      gradient,
      examples: request.examples,
      dtype: settings.dtype,
      ...(known.labels && { labels: known.labels }),
      ...adapted.options,
      ...(settings.plan.localSteps && { localSteps: settings.plan.localSteps }),
    },
    secondsSoFar,
  };
  const isOneExample =
    request.examples === 1 && settings.plan.localSteps === undefined && known.labels !== undefined;
  const methods =
    settings.method === "auto" ? await methodsFor(model, parameters, { isOneExample }) : [settings.method];
  let best: Found | undefined;
  let method: AttackMethod = methods[0] ?? "dlg";
  for (const each of methods) {
    const found = await attacks[each](attack);
    if (best !== undefined && best.mismatch <= found.mismatch) continue;
    [best, method] = [found, each];
    if (found.mismatch <= content) break;
  }
  if (best === undefined) throw new Error("there is a method for every network");
  return {
    ...best,
    labelKnowledge: known.knowledge,
    method,
    distance: best.distance ?? adapted.distance,
    defence:
      settings.plan.text === "none"
        ? undefined
        : {
            description: settings.plan.description,
            ...(adapted.words !== undefined && { adaptation: adapted.words }),
          },
    seconds: secondsSoFar(),
    notes: known.note === undefined ? [] : [known.note],
    model: {
      description: model.description,
      parameters: tree.leaves(parameters).reduce((total, { shape }) => total + sizeOf(shape), 0),
      classes: model.classes,
    },
    dtype: settings.dtype,
  };
}

interface Attack {
  readonly request: WatchedAttackRequest;
  readonly known: LabelsBefore;
  /** What gradients are compared by. */
  readonly matching: MatchingRequest;
  secondsSoFar(): number;
}

/** What one method found. */
interface Found {
  readonly recovered: NDArray<"float64">;
  readonly recoveredLabels: readonly number[];
  readonly curve: readonly CurvePoint[];
  readonly frames: readonly Frame[];
  readonly mismatch: number;
  /** Where it is not that of the adaptation. */
  readonly distance?: "cosine";
  readonly attempts: readonly AttemptSummary[];
  readonly chosen: number;
  readonly evaluations: number;
  readonly ending: string;
}

const attacks: Readonly<Record<AttackMethod, (attack: Attack) => Promise<Found>>> = {
  dlg: (attack) => byMatching(attack, {}),
  inverting: (attack) =>
    byMatching(attack, { distance: "cosine", optimizer: "signed-adam", priors: inverting }),
  async linear(attack) {
    const { model, parameters, gradient } = attack.request;
    requireSingle(attack, "linear");
    const images = await readFirstLayer(model, parameters, gradient);
    return readOff(attack, images, requireLabels(attack, "linear"));
  },
  async "closed-form"(attack) {
    const { model, parameters, gradient } = attack.request;
    requireSingle(attack, "closed-form");
    const [channels = 0, height = 0, width = 0] = model.inputShape;
    const found = await closedForm({ parameters, gradient, inputShape: [channels, height, width] });
    return readOff(attack, found.images, attack.known.labels ?? [found.label]);
  },
};

function requireSingle({ request: { examples, settings } }: Attack, method: AttackMethod): void {
  if (examples === 1 && settings.plan.localSteps === undefined) return;
  const found = examples > 1 ? `${examples} examples` : "several local steps";
  throw new RangeError(`${method}: it takes the gradient of one example, found that of ${found}`);
}

function requireLabels({ known }: Attack, method: string): readonly number[] {
  if (known.labels === undefined)
    throw new RangeError(
      `${method}: it needs the labels, which ${known.note === undefined ? "are to be optimised here" : "no last layer gives"}`,
    );
  return known.labels;
}

/** @throws RangeError when the network does not begin with a linear layer, or none of its units was active */
async function readFirstLayer(
  model: Model,
  parameters: Named<NDArray>,
  gradient: Named<NDArray>,
): Promise<NDArray<"float64">> {
  const imageOf = isNormalised(model) ? model.imageOf : (input: Float64Array) => input;
  const place = await findFirstLayer(isNormalised(model) ? model.inner : model, parameters);
  const { weight, bias } = place === undefined ? {} : layerOf(gradient, place);
  if (weight === undefined || bias === undefined)
    throw new RangeError(
      `linear: ${model.description} does not begin with a fully connected layer with a bias that takes the input as it is`,
    );
  return ndarray(imageOf(invertLinearLayer({ weight, bias })), [1, ...model.inputShape], "float64");
}

/** Inputs that were read off, with the check that the attacker can make of them. */
async function readOff(
  { request, matching, known }: Attack,
  images: NDArray<"float64">,
  labels: readonly number[],
): Promise<Found> {
  const { objective, dispose } = await compileMatching({ ...matching, labels });
  const { value } = await objective(images.data);
  await dispose();
  const mismatch = relativeTo(matching, value);
  const meanSquaredError = request.errorOf?.(images.data) ?? Number.NaN;
  return {
    recovered: images,
    recoveredLabels: labels,
    curve: [{ evaluation: 1, matchingLoss: value, meanSquaredError }],
    frames: [],
    mismatch,
    attempts: [],
    chosen: 0,
    evaluations: 1,
    ending:
      mismatch <= content
        ? "the gradients match"
        : `the ${known.knowledge === "known" ? "" : "label and the "}input can only be read off, not bettered`,
  };
}

interface MatchingForm {
  readonly distance?: "cosine";
  readonly optimizer?: "signed-adam";
  readonly priors?: { readonly totalVariation: number };
}

async function byMatching(attack: Attack, form: MatchingForm): Promise<Found> {
  const { request, known, matching, secondsSoFar } = attack;
  const { model, examples, settings, stream, threads = 1, checkpoints, signal } = request;
  const { evaluations, restarts } = settings;
  const resumed = checkpoints?.resumed;
  const watch = watchAttack({
    shape: [examples, ...model.inputShape],
    errorOf: request.errorOf,
    from: resumed?.watched,
  });
  const progress = progressOf(request);
  const recovery = await recover({
    ...matching,
    ...form,
    stream,
    evaluations,
    restarts,
    workers: evaluations < worthwhile ? 1 : threads,
    tolerance: form.priors === undefined ? content : 0,
    ...(signal && { signal }),
    onStep: (step) => {
      watch.look(step);
      progress(step);
    },
    ...(resumed && { from: resumed.recovery }),
    onCheckpoint: (recovery) =>
      checkpoints !== undefined && ("finished" in recovery || checkpoints.due())
        ? checkpoints.keep(stateOf(recovery, watch, secondsSoFar()))
        : undefined,
  });
  const compared: MatchingRequest = { ...matching, ...(form.distance && { distance: form.distance }) };
  const mismatch =
    form.priors === undefined
      ? relativeTo(compared, recovery.matchingLoss)
      : await mismatchOf({ ...compared, labels: recovery.labels }, recovery.images);
  const end = { evaluation: recovery.evaluations, images: recovery.images };
  return {
    recovered: recovery.images,
    recoveredLabels: known.labels ?? recovery.labels,
    curve: watch.curve(recovery.chosen),
    frames: watch.frames(recovery.chosen, recovery.start, end),
    mismatch,
    ...(form.distance && { distance: form.distance }),
    attempts: recovery.attempts,
    chosen: recovery.chosen,
    evaluations: recovery.attempts.reduce((total, attempt) => total + attempt.evaluations, 0),
    ending: endings[recovery.status] ?? recovery.reason,
  };
}

function progressOf({ settings, onProgress }: GradientAttackRequest) {
  const total = settings.evaluations * settings.restarts;
  const done = new Map<number, number>();
  return ({
    attempt,
    evaluation,
    matchingLoss,
  }: {
    attempt: number;
    evaluation: number;
    matchingLoss: number;
  }) => {
    done.set(attempt, evaluation);
    let evaluations = 0;
    for (const each of done.values()) evaluations += each;
    onProgress?.({ evaluation: evaluations, evaluations: total, matchingLoss });
  };
}

function stateOf(recovery: RecoveryCheckpoint, watch: AttackWatch, seconds: number): AttackState {
  const attempts = "finished" in recovery ? recovery.finished.map(({ attempt }) => attempt) : [0];
  return { recovery, watched: watch.state(attempts), seconds };
}

/** The distance between the gradient of these images and the shared one. */
async function mismatchOf(matching: MatchingRequest, images: NDArray<"float64">): Promise<number> {
  const { objective, dispose } = await compileMatching(matching);
  const { value } = await objective(images.data);
  await dispose();
  return relativeTo(matching, value);
}

/** A matching loss of squared differences as a part of the squared norm of what was to be matched. */
function relativeTo({ gradient, distance = "squared" }: MatchingRequest, matchingLoss: number): number {
  if (distance !== "squared") return matchingLoss;
  let squares = 0;
  for (const array of tree.leaves(gradient))
    for (const value of castArray(array, "float64").data) squares += value * value;
  return squares === 0 ? matchingLoss : matchingLoss / squares;
}

/** Why an attack ended, to follow "it ended because". */
const endings: Partial<Record<AttemptSummary["status"], string>> = {
  matched: "the gradients match",
  "max-evaluations": "its budget of gradient evaluations was spent",
  // An iteration takes one evaluation at least, and `recover` allows as many of them.
  "max-iterations": "its budget of gradient evaluations was spent",
  "no-descent": "no step made the gradients match better",
  "change-tolerance": "no step made the gradients match better",
  "gradient-tolerance": "the gradients match to the last digit",
};
