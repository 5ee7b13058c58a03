/** Data made at random from a seed, for tests, examples and the methods' experiments. */
import type { NDArray } from "../engine/ndarray.ts";
import type { RandomStream } from "../numeric/random.ts";

export interface ClassifiedPoints {
  /** `[count, dimension]`. */
  readonly points: NDArray<"float64">;
  /** `[count]`. */
  readonly labels: NDArray<"int64">;
}

/**
 * Isotropic Gaussian classes ("blobs"): x = centre(y) + deviation * z, z ~ N(0, I), classes in equal numbers, in turn
 * (0, 1, ..., 0, 1, ...). C. Bishop, Pattern Recognition and Machine Learning (2006), section 4.2.1.
 *
 * @param options.centres the classes' means; or how many, then drawn uniformly of [-10, 10] in every coordinate
 * @param options.deviation the standard deviation in every coordinate. Default 1
 * @throws RangeError when sizes are not whole numbers from 1, the deviation is negative, or centres differ in length
 */
export function gaussianClasses(options: {
  readonly count: number;
  readonly centres: number | readonly (readonly number[])[];
  /** Where `centres` is a number. Default 2. */
  readonly dimension?: number;
  readonly deviation?: number;
  readonly stream: RandomStream;
}): ClassifiedPoints & { readonly centres: readonly (readonly number[])[] } {
  const { count, deviation = 1, stream } = options;
  const caller = "gaussianClasses";
  checkSize(caller, "count", count);
  if (!(deviation >= 0)) throw new RangeError(`${caller}: deviation ${deviation}; expected 0 or more`);
  const centres = centresOf(options, stream);
  const dimension = centres[0]?.length ?? 0;
  if (dimension === 0 || centres.some((centre) => centre.length !== dimension))
    throw new RangeError(`${caller}: the centres have no or different numbers of coordinates`);
  const data = stream.normal(count * dimension, 0, deviation);
  const labels = new BigInt64Array(count);
  for (let i = 0; i < count; i++) {
    const label = i % centres.length;
    labels[i] = BigInt(label);
    for (let j = 0; j < dimension; j++)
      data[i * dimension + j] = (data[i * dimension + j] ?? 0) + (centres[label]?.[j] ?? 0);
  }
  return { points: matrix(data, count, dimension), labels: vector(labels), centres };
}

function centresOf(
  { centres, dimension = 2 }: { centres: number | readonly (readonly number[])[]; dimension?: number },
  stream: RandomStream,
): readonly (readonly number[])[] {
  if (typeof centres !== "number") return centres;
  checkSize("gaussianClasses", "centres", centres);
  checkSize("gaussianClasses", "dimension", dimension);
  return Array.from({ length: centres }, () => [...stream.uniform(dimension, -10, 10)]);
}

/** Gaussian inputs with a linear truth, and what was drawn. */
export interface LinearData<Target> {
  /** `[count, dimension]`, i.i.d. N(0, 1). */
  readonly inputs: NDArray<"float64">;
  readonly targets: Target;
  /** `[dimension]`. */
  readonly weights: NDArray<"float64">;
  readonly bias: number;
}

export interface LinearDataOptions {
  readonly count: number;
  readonly dimension: number;
  /** The true weights; default drawn of N(0, 1 / dimension), so that w'x has variance near 1. */
  readonly weights?: readonly number[];
  /** Default 0. */
  readonly bias?: number;
  readonly stream: RandomStream;
}

/**
 * Linear regression with Gaussian noise: y = w'x + b + noise * e, x ~ N(0, I), e ~ N(0, 1). T. Hastie, R. Tibshirani,
 * J. Friedman, The Elements of Statistical Learning (2009), section 3.2.
 *
 * @param options.noise the standard deviation of the noise. Default 0.1
 * @throws RangeError when sizes are not whole numbers from 1, or the noise is negative
 */
export function linearRegressionData(
  options: LinearDataOptions & { readonly noise?: number },
): LinearData<NDArray<"float64">> {
  const { noise = 0.1, count, stream } = options;
  if (!(noise >= 0)) throw new RangeError(`linearRegressionData: noise ${noise}; expected 0 or more`);
  const { inputs, weights, bias, scores } = linearScores(options, "linearRegressionData");
  const errors = stream.normal(count, 0, noise);
  const data = scores.map((score, i) => score + (errors[i] ?? 0));
  return { inputs, weights, bias, targets: { dtype: "float64", shape: [count], data } };
}

/**
 * Binary labels of a logistic model: P(y = 1 | x) = 1 / (1 + exp(-(w'x + b) * strength)), x ~ N(0, I). Hastie et al.
 * (2009), section 4.4.
 *
 * @param options.strength multiplies the score; infinite makes the classes linearly separable. Default 1
 * @throws RangeError when sizes are not whole numbers from 1, or the strength is negative
 */
export function logisticData(
  options: LinearDataOptions & { readonly strength?: number },
): LinearData<NDArray<"int64">> {
  const { strength = 1, count, stream } = options;
  if (!(strength >= 0)) throw new RangeError(`logisticData: strength ${strength}; expected 0 or more`);
  const { inputs, weights, bias, scores } = linearScores(options, "logisticData");
  const draws = stream.uniform(count);
  const labels = BigInt64Array.from(scores, (score, i) =>
    (draws[i] ?? 0) < 1 / (1 + Math.exp(-score * strength)) ? 1n : 0n,
  );
  return { inputs, weights, bias, targets: vector(labels) };
}

function linearScores(options: LinearDataOptions, caller: string) {
  const { count, dimension, bias = 0, stream } = options;
  checkSize(caller, "count", count);
  checkSize(caller, "dimension", dimension);
  const w = options.weights ?? stream.normal(dimension, 0, 1 / Math.sqrt(dimension));
  if (w.length !== dimension)
    throw new RangeError(`${caller}: ${w.length} weights; expected ${dimension}, the dimension`);
  const inputs = gaussianInputs({ count, dimension, stream });
  const scores = Float64Array.from({ length: count }, (_, i) => {
    let score = bias;
    for (let j = 0; j < dimension; j++) score += (inputs.data[i * dimension + j] ?? 0) * (w[j] ?? 0);
    return score;
  });
  const weights: NDArray<"float64"> = { dtype: "float64", shape: [dimension], data: Float64Array.from(w) };
  return { inputs, weights, bias, scores };
}

/**
 * Two interleaving half circles of radius 1, the second moved by (1, -1/2) and turned over, with Gaussian noise; angles
 * evenly spaced, classes in turn. The "two moons" of F. Pedregosa et al., Scikit-learn (JMLR 12, 2011), `make_moons`.
 *
 * @param options.noise the standard deviation in both coordinates. Default 0.1
 * @throws RangeError when the count is not a whole number from 2, or the noise is negative
 */
export function twoMoons(options: {
  readonly count: number;
  readonly noise?: number;
  readonly stream: RandomStream;
}): ClassifiedPoints {
  const { count, noise = 0.1, stream } = options;
  if (!Number.isSafeInteger(count) || count < 2)
    throw new RangeError(`twoMoons: count ${count}; expected a whole number from 2`);
  if (!(noise >= 0)) throw new RangeError(`twoMoons: noise ${noise}; expected 0 or more`);
  const data = stream.normal(2 * count, 0, noise);
  const labels = new BigInt64Array(count);
  for (let i = 0; i < count; i++) {
    const label = i % 2;
    const members = Math.floor((count + 1 - label) / 2);
    const angle = members === 1 ? 0 : (Math.PI * Math.floor(i / 2)) / (members - 1);
    labels[i] = BigInt(label);
    data[2 * i] = (data[2 * i] ?? 0) + (label === 0 ? Math.cos(angle) : 1 - Math.cos(angle));
    data[2 * i + 1] = (data[2 * i + 1] ?? 0) + (label === 0 ? Math.sin(angle) : 0.5 - Math.sin(angle));
  }
  return { points: matrix(data, count, 2), labels: vector(labels) };
}

/**
 * The inputs of a teacher-student experiment: i.i.d. N(0, 1), `[count, dimension]`. D. Saad and S. A. Solla, "On-line
 * learning in soft committee machines", Physical Review E 52 (1995).
 *
 * @throws RangeError when sizes are not whole numbers from 1
 */
export function gaussianInputs(options: {
  readonly count: number;
  readonly dimension: number;
  readonly stream: RandomStream;
}): NDArray<"float64"> {
  const { count, dimension, stream } = options;
  checkSize("gaussianInputs", "count", count);
  checkSize("gaussianInputs", "dimension", dimension);
  return matrix(stream.normal(count * dimension), count, dimension);
}

function matrix(data: Float64Array, rows: number, columns: number): NDArray<"float64"> {
  return { dtype: "float64", shape: [rows, columns], data };
}

function vector(data: BigInt64Array): NDArray<"int64"> {
  return { dtype: "int64", shape: [data.length], data };
}

function checkSize(caller: string, name: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 1)
    throw new RangeError(`${caller}: ${name} ${value}; expected a whole number from 1`);
}
