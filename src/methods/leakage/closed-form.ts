import { type NDArray, ndarray } from "../../engine/ndarray.ts";
import { type Named, parameterAt } from "../../models/model.ts";
import { dot } from "../../numeric/rows.ts";
import { type ConvolutionShape, forEachProduct } from "./convolution-equations.ts";
import { type SolvedInput, solveConvolutionInput } from "./convolution-input.ts";
import { checkGradient } from "./gradient-matching.ts";
import { inferLabel } from "./infer-labels.ts";
import { invertLinearLayer } from "./invert-linear-layer.ts";

/** The example behind a gradient without optimisation: layer by layer from the output, each by linear least squares. */

/** A convolution with a bias, followed by a sigmoid. */
export interface SigmoidConvolution {
  /** Its name among the parameters, which has a `weight` and a `bias`. */
  readonly layer: string;
  readonly stride: number;
  readonly padding: number;
}

export interface ClosedFormRequest {
  readonly parameters: Named<NDArray>;
  /** The shared gradient of the cross entropy of one example, a tree like the parameters. */
  readonly gradient: Named<NDArray>;
  /** [channels, height, width]. */
  readonly inputShape: readonly [number, number, number];
  /** From the input on; those of the LeNet of gradient-leakage research by default. */
  readonly convolutions?: readonly SigmoidConvolution[];
  /** The fully connected layer behind them; `fc` by default. */
  readonly head?: string;
}

/** How a layer's input was found. */
export interface ClosedFormLayer extends Omit<SolvedInput, "input"> {
  readonly layer: string;
}

export interface ClosedForm {
  /** [1, channels, height, width], not clamped. */
  readonly images: NDArray<"float64">;
  readonly label: number;
  /** By what the gradient had been multiplied: 1, or less where it was clipped. */
  readonly scale: number;
  /** From the output to the input. */
  readonly layers: readonly ClosedFormLayer[];
}

const lenetConvolutions: readonly SigmoidConvolution[] = [
  { layer: "conv1", stride: 2, padding: 2 },
  { layer: "conv2", stride: 2, padding: 2 },
  { layer: "conv3", stride: 1, padding: 2 },
];

/**
 * The image and label behind the gradient of one example, for sigmoid convolutions and one fully connected layer with
 * biases. The head's gradient gives its input a exactly. Going back through a convolution, its output a gives
 * z = logit(a) − b, and the derivative by a gives δ = da · a (1 − a); both W · a_in = z and corr(a_in, δ) = g_W are linear
 * in the convolution's input, which LSMR finds in least squares; and da_in is the transposed convolution of δ. The input of
 * the head does not depend on the gradient's length, and gives the logits; so a gradient that was clipped is scaled back.
 *
 * The idea is that of J. Zhu, M. Blaschko, "R-GAP: Recursive Gradient Attack on Privacy", ICLR 2021, for other
 * activations, biases and losses.
 *
 * @throws RangeError when the gradient is not of these parameters, the layers do not fit or an entry is not finite
 */
export async function closedForm(request: ClosedFormRequest): Promise<ClosedForm> {
  const { parameters, gradient, inputShape, convolutions = lenetConvolutions, head = "fc" } = request;
  checkGradient(parameters, gradient);
  const shapes = shapesOf(parameters, inputShape, convolutions);
  const headGradient = {
    weight: parameterAt(gradient, `${head}.weight`),
    bias: parameterAt(gradient, `${head}.bias`),
  };
  let activation = invertLinearLayer(headGradient);
  const label = inferLabel(headGradient.bias);
  const headWeight = numbers(parameterAt(parameters, `${head}.weight`));
  const error = softmaxError(headWeight, numbers(parameterAt(parameters, `${head}.bias`)), activation, label);
  // Clipping scaled the whole gradient; that of the bias should be softmax(logits) - one-hot(label).
  const scale = dot(numbers(headGradient.bias), error) / dot(error, error);
  if (!(scale > 0))
    throw new RangeError(
      "closed form: the gradient of the head does not fit the cross entropy of one example",
    );
  let slope = transposeTimes(headWeight, error);
  if (activation.length !== shapes.at(-1)?.output.reduce((product, size) => product * size, 1))
    throw new RangeError(
      `closed form: the head takes ${activation.length} features, the convolutions give ${shapes.at(-1)?.output.join(" x ")}`,
    );
  const layers: ClosedFormLayer[] = [];
  for (const [i, { layer }] of [...convolutions.entries()].reverse()) {
    const shape = shapes[i];
    if (shape === undefined) throw new RangeError(`closed form: no shape of ${layer}`);
    const weight = numbers(parameterAt(parameters, `${layer}.weight`));
    const bias = numbers(parameterAt(parameters, `${layer}.bias`));
    const plane = shape.output[1] * shape.output[2];
    const delta = slope.map(
      (value, at) => value * between(activation[at] ?? 0) * (1 - between(activation[at] ?? 0)),
    );
    const z = activation.map((a, at) => logit(between(a)) - (bias[Math.floor(at / plane)] ?? 0));
    const solved = await solveConvolutionInput(shape, {
      weight,
      delta,
      z,
      weightGradient: numbers(parameterAt(gradient, `${layer}.weight`)).map((value) => value / scale),
    });
    const { input, ...report } = solved;
    layers.push({ layer, ...report });
    activation = input;
    slope = new Float64Array(activation.length);
    forEachProduct(shape, (output, w, input) => {
      slope[input] = (slope[input] as number) + (weight[w] as number) * (delta[output] as number);
    });
  }
  return {
    images: ndarray(activation, [1, ...inputShape], "float64"),
    label,
    scale,
    layers,
  };
}

function shapesOf(
  parameters: Named<NDArray>,
  inputShape: readonly [number, number, number],
  convolutions: readonly SigmoidConvolution[],
): ConvolutionShape[] {
  let input = inputShape;
  return convolutions.map(({ layer, stride, padding }) => {
    const [outputs = 0, inputs = 0, kernel = 0, across = 0] = parameterAt(
      parameters,
      `${layer}.weight`,
    ).shape;
    if (inputs !== input[0] || kernel !== across)
      throw new RangeError(
        `closed form: ${layer} has a weight [${outputs}, ${inputs}, ${kernel}, ${across}]; a square kernel for ${input[0]} channels is needed`,
      );
    const after = (size: number): number => Math.floor((size + 2 * padding - kernel) / stride) + 1;
    const output = [outputs, after(input[1]), after(input[2])] as const;
    const shape = { input, output, kernel, stride, padding };
    input = output;
    return shape;
  });
}

/** softmax(W a + b) - one-hot(label): the derivative of the cross entropy by the logits. */
function softmaxError(
  weight: Float64Array,
  bias: Float64Array,
  activation: Float64Array,
  label: number,
): Float64Array {
  const features = activation.length;
  const logits = bias.map(
    (value, k) => value + dot(weight.subarray(k * features, (k + 1) * features), activation),
  );
  const largest = Math.max(...logits);
  const powers = logits.map((logit) => Math.exp(logit - largest));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power, k) => power / total - (k === label ? 1 : 0));
}

/** W' y for a matrix of as many rows as y has numbers. */
function transposeTimes(matrix: Float64Array, y: Float64Array): Float64Array {
  const columns = matrix.length / y.length;
  const out = new Float64Array(columns);
  for (const [row, factor] of y.entries())
    for (let i = 0; i < columns; i++)
      out[i] = (out[i] as number) + factor * (matrix[row * columns + i] as number);
  return out;
}

/** Keeps what is to be a sigmoid's value between 0 and 1, where noise would put it outside. */
function between(value: number): number {
  return Math.min(1 - 1e-9, Math.max(1e-9, value));
}

function logit(p: number): number {
  return Math.log(p) - Math.log1p(-p);
}

function numbers({ data }: NDArray): Float64Array {
  return Float64Array.from(data as ArrayLike<number>);
}
