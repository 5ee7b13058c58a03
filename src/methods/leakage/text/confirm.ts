import type { NDArray } from "../../../engine/ndarray.ts";
import type { Named } from "../../../models/model.ts";
import type { Float } from "../shared-gradient.ts";
import { compileTextGradient } from "./gradient.ts";
import { namedLeaves, type TextModel } from "./model.ts";

export interface Confirmation {
  /** Whether the gradient of the text is the shared one, but for rounding. */
  readonly confirmed: boolean;
  /** ||g' - g|| / ||g|| over all parameters. */
  readonly distance: number;
  /** The labels in the order that comes nearest. */
  readonly labels: readonly number[];
}

export interface ConfirmTextRequest {
  readonly model: TextModel;
  readonly parameters: Named<NDArray>;
  readonly gradient: Named<NDArray>;
  /** The guessed text as the model is fed it, [MASK] included. */
  readonly ids: readonly number[];
  readonly rows: readonly number[];
  /** The labels of these rows, in any order. */
  readonly labels: readonly number[];
  readonly dtype: Float;
}

/** Orders of labels that are tried: all of five. */
const mostOrders = 120;

/**
 * What lets an attacker be sure without the original: the gradient of a guessed text, compared with the shared one. All
 * orders of the labels are tried, up to 120 of them.
 *
 * @throws RangeError when there are not as many labels as rows
 */
export async function confirmText(request: ConfirmTextRequest): Promise<Confirmation> {
  const { model, parameters, gradient, ids, rows, labels, dtype } = request;
  if (labels.length !== rows.length)
    throw new RangeError(`confirmText: ${labels.length} labels for ${rows.length} rows of logits`);
  const targets = namedLeaves(gradient).map(({ leaf }) => leaf.data as Float64Array);
  const length = Math.sqrt(targets.reduce((sum, data) => sum + squaredNorm(data), 0));
  const step = await compileTextGradient({ model, length: ids.length, rows, dtype });
  try {
    let best: Confirmation = { confirmed: false, distance: Number.POSITIVE_INFINITY, labels };
    let tried = 0;
    for (const order of ordersOf(labels)) {
      if (tried++ === mostOrders) break;
      const found = namedLeaves(await step.of(parameters, ids, order));
      const squares = found.reduce(
        (sum, { leaf }, i) =>
          sum + squaredDistance(leaf.data as Float64Array, targets[i] ?? new Float64Array()),
        0,
      );
      const distance = Math.sqrt(squares) / length;
      if (distance < best.distance)
        best = { confirmed: distance < (dtype === "float32" ? 1e-4 : 1e-9), distance, labels: order };
      if (best.confirmed) break;
    }
    return best;
  } finally {
    await step.dispose();
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
