import type { NDArray } from "../../engine/ndarray.ts";
import { formatShape } from "../../engine/shape.ts";

/** Labels read off the gradient of the last layer, before any image is looked for. All methods assume cross entropy. */

/**
 * The label of a single example, from the gradient of the last layer. That of the bias is softmax(logits) minus the
 * one-hot label, so its only negative entry is the label's: always right. That of the weight is its product with the
 * layer's inputs, of which the row sums are taken: right where the inputs are positive, as after a sigmoid or ReLU.
 *
 * Source: B. Zhao, K. R. Mopuri, H. Bilen, "iDLG: Improved Deep Leakage from Gradients", 2020, which reads the weight.
 *
 * @param gradient of the bias, [classes], or of the weight, [classes, features], from one example
 * @throws RangeError when it is neither, empty or not finite
 */
export function inferLabel(gradient: NDArray): number {
  const values = gradient.shape.length === 1 ? finiteNumbers(gradient, "gradient") : rowSums(gradient);
  return values.indexOf(Math.min(...values));
}

/** What is read to infer the labels of a batch; see {@link inferLabels}. */
export type LabelMethod = "row-minima" | "row-sums" | "bias";

export interface InferLabelsRequest {
  /** The gradient of the last layer's weight, [classes, features]. */
  readonly weight?: NDArray;
  /** That of its bias, [classes]. */
  readonly bias?: NDArray;
  /** How many examples the gradient is the mean of. */
  readonly examples: number;
  /** `bias` by default where it is given, else `row-sums`. */
  readonly method?: LabelMethod;
}

/**
 * The labels of a batch, as a multiset: which example has which label the gradient does not say.
 *
 * - `row-minima`: the classes with the smallest entries of the weight's gradient, one for each example; assumes that no
 *   label repeats (H. Yin et al., "See through Gradients", 2021, equation 5).
 * - `row-sums`: each class whose sum over the weight's gradient is negative is there once at least; each of its examples
 *   adds about the impact m = (1 + 1/C) Σ of the negative sums / N, which is taken off; then the smallest class is taken,
 *   and m taken off it, until there are N (A. Wainakh et al., "User-Level Label Leakage from Gradients in Federated
 *   Learning", 2022). Assumes positive inputs of the last layer.
 * - `bias`: the same from the bias's gradient without the factor, which holds as softmax minus one-hot sums to 0.
 *
 * @returns `examples` labels, ascending
 * @throws RangeError when the gradient that the method reads is missing, empty or not finite
 */
export function inferLabels({ weight, bias, examples, method }: InferLabelsRequest): number[] {
  if (!Number.isInteger(examples) || examples < 1)
    throw new RangeError(`inferLabels: examples ${examples} is not a positive integer`);
  const how = method ?? (bias === undefined ? "row-sums" : "bias");
  const needed = how === "bias" ? bias : weight;
  if (needed === undefined)
    throw new RangeError(
      `inferLabels: the method ${how} reads the gradient of the last layer's ${how === "bias" ? "bias" : "weight"}, which is not given`,
    );
  if (bias !== undefined && weight !== undefined && bias.shape[0] !== weight.shape[0])
    throw new RangeError(`inferLabels: the bias has ${bias.shape[0]} classes, the weight ${weight.shape[0]}`);
  if (how === "row-minima") return ascending(smallest(rowMinima(needed), examples));
  const scores = how === "bias" ? finiteNumbers(needed, "bias") : rowSums(needed);
  const factor = how === "bias" ? 1 : 1 + 1 / scores.length;
  return ascending(byImpact(scores, examples, factor));
}

/**
 * The part of the labels found that are right, where their order says nothing: the size of the common multiset over the
 * number of examples.
 *
 * @throws RangeError when there are not as many of one as of the other, or none
 */
export function labelAccuracy(found: readonly number[], actual: readonly number[]): number {
  if (found.length !== actual.length || found.length === 0)
    throw new RangeError(`labelAccuracy: ${found.length} labels found for ${actual.length} examples`);
  const left = new Map<number, number>();
  for (const label of actual) left.set(label, (left.get(label) ?? 0) + 1);
  let right = 0;
  for (const label of found) {
    const count = left.get(label) ?? 0;
    if (count > 0) right++;
    left.set(label, count - 1);
  }
  return right / actual.length;
}

function byImpact(scores: readonly number[], examples: number, factor: number): number[] {
  const left = [...scores];
  const negative = smallest(scores, Math.min(examples, scores.length)).filter(
    (label) => (scores[label] ?? 0) < 0,
  );
  const impact = (factor * scores.reduce((sum, score) => sum + Math.min(score, 0), 0)) / examples;
  const labels: number[] = [];
  const take = (label: number): void => {
    labels.push(label);
    left[label] = (left[label] ?? 0) - impact;
  };
  for (const label of negative) take(label);
  while (labels.length < examples) take(left.indexOf(Math.min(...left)));
  return labels;
}

/** The places of the `count` smallest values, at most as many as there are, then again from the smallest. */
function smallest(values: readonly number[], count: number): number[] {
  const order = values.map((_, i) => i).sort((a, b) => (values[a] ?? 0) - (values[b] ?? 0) || a - b);
  return Array.from({ length: count }, (_, i) => order[i % order.length] ?? 0).slice(0, count);
}

function ascending(labels: readonly number[]): number[] {
  return [...labels].sort((a, b) => a - b);
}

function rowSums(weight: NDArray): number[] {
  return rows(weight).map((row) => row.reduce((sum, value) => sum + value, 0));
}

function rowMinima(weight: NDArray): number[] {
  return rows(weight).map((row) => Math.min(...row));
}

function rows(weight: NDArray): number[][] {
  const [classes = 0, features = 0] = weight.shape;
  if (weight.shape.length !== 2)
    throw new RangeError(
      `inferLabels: the gradient of a last layer has shape [classes] or [classes, features], not ${formatShape(weight.shape)}`,
    );
  const values = finiteNumbers(weight, "weight");
  return Array.from({ length: classes }, (_, k) => values.slice(k * features, (k + 1) * features));
}

function finiteNumbers({ data }: NDArray, name: string): number[] {
  const values = Array.from(data as ArrayLike<number>);
  if (values.length === 0 || values.some((value) => !Number.isFinite(value)))
    throw new RangeError(`inferLabels: the ${name} is empty or not finite`);
  return values;
}
