import { sizeOf } from "../../engine/shape.ts";
import * as tree from "../../engine/tree.ts";
import { adaptationTo } from "./adaptation.ts";
import { labelsBefore } from "./attack-labels.ts";
import { methodsFor } from "./attack-method.ts";
import type { AttackMethod, GradientAttackOutcome } from "./attack-outcome.ts";
import { readClosedForm, readLinear } from "./attack-read-off.ts";
import { invertingForm, matchGradients, searchInformed } from "./attack-search.ts";
import { type Attack, content, type Found, type WatchedAttackRequest } from "./attack-task.ts";
import { checkGradient } from "./gradient-matching.ts";

const attacks: Readonly<Record<AttackMethod, (attack: Attack) => Promise<Found>>> = {
  dlg: (attack) => matchGradients(attack),
  inverting: (attack) => matchGradients(attack, invertingForm),
  informed: searchInformed,
  linear: readLinear,
  "closed-form": readClosedForm,
};

const usualWords: Readonly<Record<AttackMethod, string>> = {
  dlg: "matches the gradient",
  inverting: "matches the angle; smooth images",
  informed: "looks for the most probable image",
  linear: "reads the first layer",
  "closed-form": "solves layer by layer",
};

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
  const methods = settings.method === "auto" ? await methodsFor(attack) : [settings.method];
  let best: Found | undefined;
  let method: AttackMethod = methods[0] ?? "dlg";
  for (const each of methods) {
    const found = await attacks[each](attack);
    if (best !== undefined && best.mismatch <= found.mismatch) continue;
    [best, method] = [found, each];
    if (found.mismatch <= content) break;
  }
  if (best === undefined) throw new Error("there is a method for every network");
  const adaptation = best.adaptation ?? adapted.words;
  return {
    ...best,
    labelKnowledge: known.knowledge,
    method,
    distance: adapted.distance,
    defence:
      settings.plan.text === "none"
        ? undefined
        : {
            description: settings.plan.description,
            ...(adaptation !== undefined && { adaptation }),
          },
    attacker: method === "linear" ? usualWords.linear : (adaptation ?? usualWords[method]),
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
