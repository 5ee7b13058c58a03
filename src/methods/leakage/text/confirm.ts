import { parameterAt } from "../../../models/model.ts";
import { randomStream } from "../../../numeric/random.ts";
import { applyDefences, type DefencePlan, parseDefences } from "../defences/parse.ts";
import { entryErrors } from "./entry-errors.ts";
import { compileTextGradient } from "./gradient.ts";
import { namedLeaves } from "./named-parameters.ts";
import { type PlaceLabelsRequest, placeLabels } from "./place-labels.ts";

export interface Confirmation {
  /** Whether the gradient of the text is the shared one, but for rounding and the noise of a defence. */
  readonly confirmed: boolean;
  /** ||g' - g|| / ||g|| over all parameters. */
  readonly distance: number;
  /** The labels in the order that comes nearest. */
  readonly labels: readonly number[];
}

export interface ConfirmTextRequest extends PlaceLabelsRequest {
  /** What the client did to its gradient; nothing by default. */
  readonly plan?: DefencePlan;
}

/** Exchanges of two tokens that are tried under noise (all of a text of 15 tokens), and replacements of one. */
const most = { exchanges: 100, replacements: 50 };

/** Orders of labels that are tried: the one that least squares gives, and all of four where a gradient is quick. */
const mostOrders = { small: 25, large: 6 };
const largeModel = 1e6;

/**
 * What lets an attacker be sure without the original: the gradient of a guessed text, compared with the shared one. The
 * order of the labels is that of {@link placeLabels}; where its gradient is another, up to 24 more are tried (5 for
 * models of more than a million parameters).
 *
 * With a defence the guess's gradient is put through the same pruning, rounding and clipping. Noise cannot be repeated:
 * then a guess is confirmed whose distance noise explains, if it would not explain that of no gradient at all, and if all
 * other texts that are tried are farther by far: by 32 times the noise's variance in squares, as two texts are whose
 * likelihoods differ by a factor of 10^7. Tried are other orders of the labels, exchanges of two tokens, and another token
 * in the place of each.
 *
 * @throws RangeError when there are not as many labels as rows
 */
export async function confirmText(request: ConfirmTextRequest): Promise<Confirmation> {
  const { model, parameters, gradient, ids, rows, labels, dtype } = request;
  const { plan = parseDefences("none") } = request;
  if (labels.length !== rows.length)
    throw new RangeError(`confirmText: ${labels.length} labels for ${rows.length} rows of logits`);
  const { noise } = entryErrors(plan);
  const [vocabulary = 0] = parameterAt(parameters, model.embeddingPath).shape;
  const repeatable = plan.defences
    .filter(({ text }) => !text.startsWith("noise:"))
    .map((defence) => (defence.text.startsWith("dp:") ? clippingOf(defence.text) : defence));
  const targets = namedLeaves(gradient).map(({ leaf }) => leaf.data as Float64Array);
  const length = Math.sqrt(targets.reduce((sum, data) => sum + squaredNorm(data), 0));
  const entries = targets.reduce((sum, data) => sum + data.length, 0);
  // The length of so many normal numbers varies by sd / sqrt(2) about sd sqrt(entries).
  const explained = noise * (Math.sqrt(entries) + 4);
  const bound = noise === 0 ? (dtype === "float32" ? 1e-4 : 1e-9) * length : explained;
  const step = await compileTextGradient({ model, length: ids.length, rows, dtype });
  const distanceOf = async (text: readonly number[], order: readonly number[]): Promise<number> => {
    const exact = await step.of(parameters, text, order);
    // None of what is repeated draws anything.
    const found = namedLeaves(await applyDefences(exact, repeatable, { stream: randomStream(0) }));
    const squares = found.reduce(
      (sum, { leaf }, i) =>
        sum + squaredDistance(leaf.data as Float64Array, targets[i] ?? new Float64Array()),
      0,
    );
    return Math.sqrt(squares);
  };
  try {
    const placed = await placeLabels(request);
    let best = { distance: Number.POSITIVE_INFINITY, labels: placed };
    let second = Number.POSITIVE_INFINITY;
    let tried = 0;
    for (const order of ordersOf(placed)) {
      if (tried++ === mostOrders[entries > largeModel ? "large" : "small"]) break;
      const distance = await distanceOf(ids, order);
      second = Math.min(second, Math.max(distance, best.distance));
      if (distance < best.distance) best = { distance, labels: order };
      if (noise === 0 && distance < bound) break;
    }
    let confirmed = best.distance < bound;
    if (noise > 0 && confirmed) {
      for (const text of othersLike(ids, vocabulary))
        second = Math.min(second, await distanceOf(text, best.labels));
      confirmed = length > bound && second ** 2 - best.distance ** 2 > 32 * noise ** 2;
    }
    return { confirmed, distance: best.distance / length, labels: best.labels };
  } finally {
    await step.dispose();
  }
}

/** The clipping of `dp:NORM:M`. */
function clippingOf(text: string): DefencePlan["defences"][number] {
  const [clipping] = parseDefences(`clip:${text.split(":")[1]}`).defences;
  if (clipping === undefined) throw new Error("one defence for one part");
  return clipping;
}

/**
 * Texts with another token in the place of one, and with two different tokens exchanged, near ones first; the first and the
 * last token stay.
 */
function* othersLike(ids: readonly number[], vocabulary: number): Generator<number[]> {
  const stranger = Array.from({ length: vocabulary }, (_, id) => id).findLast((id) => !ids.includes(id));
  const inner = [...ids.keys()].slice(1, -1);
  if (stranger !== undefined)
    for (const place of inner.slice(0, most.replacements)) yield ids.with(place, stranger);
  let tried = 0;
  for (let apart = 1; apart < inner.length; apart++)
    for (const i of inner.slice(0, -apart)) {
      const [a, b] = [ids[i], ids[i + apart]];
      if (a === undefined || b === undefined || a === b) continue;
      if (tried++ === most.exchanges) return;
      yield ids.with(i, b).with(i + apart, a);
    }
}

/** Every different order of a list, the given one first. */
export function* ordersOf(list: readonly number[]): Generator<readonly number[]> {
  if (list.length === 0) {
    yield [];
    return;
  }
  for (const [i, first] of list.entries()) {
    if (list.indexOf(first) < i) continue;
    for (const rest of ordersOf(list.toSpliced(i, 1))) yield [first, ...rest];
  }
}

function squaredNorm(data: Float64Array): number {
  let sum = 0;
  for (const value of data) sum += value * value;
  return sum;
}

function squaredDistance(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += ((a[i] as number) - (b[i] as number)) ** 2;
  return sum;
}
