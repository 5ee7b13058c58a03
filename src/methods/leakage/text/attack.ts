import type { NDArray } from "../../../engine/ndarray.ts";
import { sizeOf } from "../../../engine/shape.ts";
import { type Named, parameterAt } from "../../../models/model.ts";
import type { RandomStream } from "../../../numeric/random.ts";
import { adaptationTo } from "../adaptation.ts";
import { applyDefences, parseDefences } from "../defences/parse.ts";
import { type ClientText, clientText } from "./client.ts";
import { type ClosedForms, closedForms, type TextMessage } from "./closed-forms.ts";
import { entryErrors } from "./entry-errors.ts";
import { sharedTextGradient } from "./gradient.ts";
import { bagMetrics, textMetrics } from "./metrics.ts";
import { namedLeaves } from "./named-parameters.ts";
import type { RecoveredText, TextAttackParameters, TextAttackRequest, TextOutcome } from "./outcome.ts";
import { recoverText } from "./recover.ts";
import { readTextStructure } from "./structure.ts";

/**
 * One attack on a text from end to end, for a demonstration or an audit: plays the client, who masks tokens of the text (or
 * gives it a class) and computes the gradient of a model; then the attacker, who sees the model, the gradient, which
 * positions were masked and what defence was used; then the judge, who compares with the text.
 *
 * Four streams spawned from the given one draw the parameters, the masks (or the class), the starts of the matching
 * attack, and the noise of a defence.
 *
 * @throws RangeError when the text has no token or more than the model takes, the vocabulary lacks [MASK], or the defence
 *   does not parse or mixes examples
 * @throws the signal's reason when it is aborted
 */
export async function attackText(request: TextAttackRequest): Promise<TextOutcome> {
  const { sentence, tokenizer, model, parameters: asked, stream, signal } = request;
  const { dtype } = asked;
  const [weightStream, maskStream, startStream] = stream.spawn(3);
  const [noiseStream] = stream.spawn(1);
  if (!weightStream || !maskStream || !startStream || !noiseStream)
    throw new Error("spawn gives as many streams as it is asked for");
  const plan = parseDefences(asked.defence ?? "none");
  if (plan.batch !== undefined || plan.localSteps !== undefined)
    throw new RangeError(`${plan.text}: one gradient of one text is attacked here`);
  const structure = await readTextStructure(model);

  // The client.
  const client = clientText({
    sentence,
    tokenizer,
    structure,
    classes: model.classes,
    masked: asked.masked,
    stream: maskStream,
  });
  const { original, fed, masked, targets } = client;
  const parameters = model.init(weightStream, dtype);
  const exact = await sharedTextGradient({ model, parameters, ids: fed, targets, dtype });
  const gradient = await applyDefences(exact, plan.defences, { stream: noiseStream });
  signal?.throwIfAborted();

  // The attacker.
  const message: TextMessage = {
    model,
    structure,
    parameters,
    gradient,
    dtype,
    rows: targets.rows,
    known: client.known,
    plan,
  };
  const closed = await closedForms(message);
  const matched =
    asked.iterations === 0
      ? undefined
      : await match({ ...request, message, client, startStream, inferred: closed.labels });

  // The judge.
  const words = structure.isClassifier ? undefined : masked;
  const told = asked.labels === "known" ? masked : [];
  const scored = [...original.keys()].filter(
    (position) =>
      !told.includes(position) && (client.known[position] === undefined || masked.includes(position)),
  );
  const judge = (tokens: readonly (number | undefined)[]): RecoveredText => ({
    tokens: tokens.slice(0, original.length),
    metrics: textMetrics(
      scored.map((position) => original[position] ?? 0),
      scored.map((position) => tokens[position]),
    ),
  });
  const fillIn = filledIn(closed, words ?? []);
  const [label] = targets.labels;
  const adaptations = [adaptationTo(plan).words, entryErrors(plan).words].filter(
    (text) => text !== undefined,
  );
  return {
    sentence,
    vocabulary: tokenizer.vocabulary,
    original,
    masked,
    scored,
    ...(words && closed.labels && { maskedTokens: closed.labels }),
    ...(structure.isClassifier &&
      label !== undefined && {
        label,
        ...(closed.labels?.[0] !== undefined && { recoveredLabel: closed.labels[0] }),
      }),
    ...(plan.defences.length > 0 && {
      defence: {
        description: plan.description,
        ...(adaptations.length > 0 && { adaptation: adaptations.join(" and ") }),
      },
    }),
    bagOfWords: { ...closed.bag, ...bagMetrics(fed, closed.bag.tokens) },
    wordOrder: { ...closed.order, ...judge(fillIn(closed.order.tokens)) },
    spanCheck: { ...closed.span, ...judge(fillIn(closed.span.tokens)) },
    ...(closed.confirmation && { confirmation: closed.confirmation }),
    ...(matched && {
      matching: {
        ...judge(matched.tokens),
        labels: asked.labels,
        matchingLoss: matched.matchingLoss,
        evaluations: matched.evaluations,
        seconds: matched.seconds,
        starts: matched.starts.map(({ matchingLoss, tokens }) => ({
          matchingLoss,
          tokenAccuracy: judge(tokens).metrics.tokenAccuracy,
        })),
        ending: matched.reason,
      },
    }),
    model: descriptionOf(message),
    dtype,
  };
}

function descriptionOf({ model, structure, parameters }: TextMessage): TextOutcome["model"] {
  return {
    description: model.description,
    isFromFile: "pretrained" in model,
    isClassifier: structure.isClassifier,
    parameters: namedLeaves<NDArray>(parameters).reduce((total, { leaf }) => total + sizeOf(leaf.shape), 0),
    width: parameterAt(parameters as Named<NDArray>, model.embeddingPath).shape[1] ?? 0,
    tied: structure.isTied,
    classes: model.classes,
  };
}

/**
 * A text with the masked tokens at their places: one label has one place; several are in the right order once their
 * gradient is the shared one.
 */
function filledIn({ labels, confirmation }: ClosedForms, masked: readonly number[]) {
  const placed = confirmation?.confirmed ? confirmation.labels : labels?.length === 1 ? labels : undefined;
  return (found: readonly (number | undefined)[]): (number | undefined)[] =>
    found.map((token, position) =>
      token !== undefined && masked.includes(position) ? placed?.[masked.indexOf(position)] : token,
    );
}

interface MatchRequest {
  readonly parameters: TextAttackParameters;
  readonly message: TextMessage;
  readonly client: ClientText;
  readonly startStream: RandomStream;
  /** The labels as they were read off the gradient. */
  readonly inferred: readonly number[] | undefined;
  readonly onProgress?: TextAttackRequest["onProgress"];
  readonly signal?: AbortSignal;
}

async function match({ message, client, startStream, inferred, ...request }: MatchRequest) {
  const { parameters: asked, onProgress, signal } = request;
  const { optimizer, iterations, starts, reorderings } = asked;
  // Each round of reordering may search on for as long as the first time.
  const longest = iterations * (1 + reorderings);
  const read = asked.labels === "infer" && inferred?.length === 1 ? inferred : undefined;
  const labels = asked.labels === "known" ? client.targets.labels : read;
  const adapted = adaptationTo(message.plan).options;
  const started = performance.now();
  const recovery = await recoverText({
    ...message,
    length: message.structure.length,
    labels,
    stream: startStream,
    distance: adapted.distance === undefined ? asked.distance : "cosine",
    ...(adapted.mask !== undefined && { sentOnly: true }),
    optimizer,
    iterations,
    starts,
    reorderings,
    ...(signal && { signal }),
    onStep: ({ start, iteration, matchingLoss }) =>
      onProgress?.({ done: start * longest + iteration, total: starts * longest, matchingLoss }),
  });
  const fillIn = (tokens: readonly number[], found: readonly number[]): number[] =>
    tokens.map((token, position) => found[client.masked.indexOf(position)] ?? token);
  return {
    ...recovery,
    tokens: fillIn(recovery.tokens, recovery.labels),
    starts: recovery.starts.map((start) => ({ ...start, tokens: fillIn(start.tokens, start.labels) })),
    seconds: (performance.now() - started) / 1000,
  };
}
