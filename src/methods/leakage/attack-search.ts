import type { NDArray } from "../../engine/ndarray.ts";
import type { AttackState, GradientAttackRequest } from "./attack-outcome.ts";
import {
  type Attack,
  content,
  type Found,
  mismatchOf,
  relativeTo,
  requireLabels,
  requireSingle,
} from "./attack-task.ts";
import { type AttackWatch, watchAttack } from "./attack-watch.ts";
import { informedAttack } from "./informed-attack.ts";
import { type AttemptSummary, type RecoveryStep, recover } from "./recover.ts";

/** Attacks that search for inputs with the shared gradient. */

/** Evaluations of an attempt from which on a process of its own pays. */
const worthwhile = 1000;

/** How gradients are matched, where it is not by L-BFGS and as the client's defence asks. */
interface MatchingForm {
  readonly distance?: "cosine";
  readonly optimizer?: "signed-adam";
  readonly priors?: { readonly totalVariation: number };
}

/** The form of Inverting Gradients; the weight of total variation beside the cosine is that of its release. */
export const invertingForm: MatchingForm = {
  distance: "cosine",
  optimizer: "signed-adam",
  priors: { totalVariation: 0.01 },
};

/** Matches gradients from one start or several. */
export async function matchGradients(attack: Attack, form: MatchingForm = {}): Promise<Found> {
  const { request, matching } = attack;
  const { settings, stream, threads = 1, signal, checkpoints } = request;
  const { evaluations, restarts } = settings;
  const watch = watchOf(attack);
  const progress = progressOf(request);
  const resumed = checkpoints?.resumed?.recovery;
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
    ...(resumed && !("stage" in resumed) && { from: resumed }),
    onCheckpoint: (recovery) => {
      if ("attempt" in recovery) return keep(attack, recovery, watch, [0]);
      const ended = recovery.finished.map(({ attempt }) => attempt);
      return checkpoints?.keep(stateOf(attack, recovery, watch, ended));
    },
  });
  // With a prior or another distance the loss is not what methods are compared by.
  const mismatch =
    form.priors === undefined && form.distance === undefined
      ? relativeTo(matching, recovery.matchingLoss)
      : (await mismatchOf({ ...matching, labels: recovery.labels }, recovery.images)).mismatch;
  return {
    recovered: recovery.images,
    recoveredLabels: recovery.labels,
    ...courseOf(watch, recovery.chosen, recovery),
    mismatch,
    attempts: recovery.attempts,
    chosen: recovery.chosen,
    evaluations: recovery.attempts.reduce((total, attempt) => total + attempt.evaluations, 0),
    ending: endings[recovery.status] ?? recovery.reason,
  };
}

/** Looks for the most probable image, given the client's defence and what images look like. */
export async function searchInformed(attack: Attack): Promise<Found> {
  requireSingle(attack, "informed");
  const { request, matching } = attack;
  const { model, parameters, gradient, settings, stream, checkpoints, signal } = request;
  const { plan, evaluations, dtype, restarts } = settings;
  if (restarts > 1)
    throw new RangeError(`informed: it makes one search from one start, found ${restarts} restarts`);
  const [label = 0] = requireLabels(attack, "informed");
  const watch = watchOf(attack);
  const progress = progressOf(request);
  const resumed = checkpoints?.resumed?.recovery;
  const found = await informedAttack({
    model,
    parameters,
    gradient,
    label,
    effects: plan.defences.flatMap(({ effects }) => effects),
    stream,
    dtype,
    evaluations,
    onStep: ({ evaluation, matchingLoss, x }) => {
      const step = { attempt: 0, evaluation, matchingLoss, images: x };
      watch.look(step);
      progress(step);
    },
    onCheckpoint: (checkpoint) => keep(attack, checkpoint, watch, [0]),
    ...(resumed && "stage" in resumed && { from: resumed }),
    ...(signal && { signal }),
  });
  const { status, reason, matchingLoss, words } = found;
  const { mismatch } = await mismatchOf({ ...matching, labels: [label] }, found.images);
  return {
    recovered: found.images,
    recoveredLabels: [label],
    ...courseOf(watch, 0, found),
    mismatch,
    attempts: [{ matchingLoss, evaluations: found.evaluations, status, reason }],
    chosen: 0,
    evaluations: found.evaluations,
    ending: endings[status] ?? reason,
    adaptation: words,
  };
}

function watchOf({ request }: Attack): AttackWatch {
  return watchAttack({
    shape: [request.examples, ...request.model.inputShape],
    errorOf: request.errorOf,
    from: request.checkpoints?.resumed?.watched,
  });
}

/** The curve and the film of one attempt. */
function courseOf(
  watch: AttackWatch,
  attempt: number,
  { start, images, evaluations }: { start: NDArray; images: NDArray; evaluations: number },
): Pick<Found, "curve" | "frames"> {
  return {
    curve: watch.curve(attempt),
    frames: watch.frames(attempt, start, { evaluation: evaluations, images }),
  };
}

/** Keeps how far the attack is where it is time to. */
function keep(
  attack: Attack,
  recovery: AttackState["recovery"],
  watch: AttackWatch,
  attempts: readonly number[],
): Promise<void> | undefined {
  const { checkpoints } = attack.request;
  return checkpoints?.due() ? checkpoints.keep(stateOf(attack, recovery, watch, attempts)) : undefined;
}

function stateOf(
  { secondsSoFar }: Attack,
  recovery: AttackState["recovery"],
  watch: AttackWatch,
  attempts: readonly number[],
): AttackState {
  return { recovery, watched: watch.state(attempts), seconds: secondsSoFar() };
}

function progressOf({ settings, onProgress }: GradientAttackRequest): (step: RecoveryStep) => void {
  const total = settings.evaluations * settings.restarts;
  const done = new Map<number, number>();
  return ({ attempt, evaluation, matchingLoss }) => {
    done.set(attempt, evaluation);
    let evaluations = 0;
    for (const each of done.values()) evaluations += each;
    onProgress?.({ evaluation: evaluations, evaluations: total, matchingLoss });
  };
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
