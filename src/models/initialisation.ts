import { castArray, type NDArray, ndarray } from "../engine/ndarray.ts";
import { sizeOf } from "../engine/shape.ts";
import type { Spec } from "../engine/tensor.ts";
import * as tree from "../engine/tree.ts";
import type { RandomStream } from "../numeric/random.ts";
import type { FloatDType, Named } from "./model.ts";

/**
 * How parameters are drawn, by name, where it is one rule for every layer:
 *
 * - `pytorch`: what each torch.nn module does. Linear and convolution: weight and bias from U(-b, b), b = 1/sqrt(fan-in);
 *   normalisation: scale 1, shift 0; embedding: N(0, 1).
 * - `xavier-uniform`, `xavier-normal`: variance 2 / (fan-in + fan-out), biases 0 (Glorot, Bengio 2010, equation 16).
 * - `he-uniform`, `he-normal`: variance 2 / fan-in, biases 0 (He et al. 2015, equation 10).
 * - `uniform:b`: every entry of every parameter from U(-b, b), those of normalisation too, as in the released code of
 *   "Deep Leakage from Gradients", whose b is 0.5.
 * - `normal:s`: weights and embeddings from N(0, s^2), biases 0, as BERT with s = 0.02.
 *
 * Xavier, He and `normal:s` leave normalisation at scale 1, shift 0.
 */
export type Initialisation =
  | "pytorch"
  | "xavier-uniform"
  | "xavier-normal"
  | "he-uniform"
  | "he-normal"
  | `uniform:${number}`
  | `normal:${number}`;

const accepted =
  "pytorch, xavier-uniform, xavier-normal, he-uniform, he-normal, uniform:BOUND or normal:DEVIATION";

/** What a parameter is for; it decides how it is drawn. */
export type Role = "weight" | "bias" | "scale" | "shift" | "embedding";

/** A parameter's spec with all that drawing it needs. */
export interface ParameterSpec extends Spec {
  readonly role: Role;
  /** Inputs of one output, and outputs that one input reaches, as torch.nn.init counts them. */
  readonly fanIn: number;
  readonly fanOut: number;
}

/**
 * The initialisation that a word names.
 *
 * @throws RangeError listing what is accepted
 */
export function initialisationNamed(word: string): Initialisation {
  ruleOf(word);
  return word as Initialisation;
}

type Draw = (stream: RandomStream, size: number, spec: ParameterSpec) => Float64Array;

const constant =
  (value: number): Draw =>
  (_, size) =>
    new Float64Array(size).fill(value);
const uniform =
  (bound: (spec: ParameterSpec) => number): Draw =>
  (stream, size, spec) =>
    stream.uniform(size, -bound(spec), bound(spec));
const normal =
  (deviation: (spec: ParameterSpec) => number): Draw =>
  (stream, size, spec) =>
    stream.normal(size, 0, deviation(spec));

type Rule = Readonly<Record<Role, Draw>>;

/** One draw for weights and embeddings; biases 0, normalisation the identity. */
function weightsBy(draw: Draw): Rule {
  return { weight: draw, embedding: draw, bias: constant(0), scale: constant(1), shift: constant(0) };
}

const perFanIn = uniform(({ fanIn }) => 1 / Math.sqrt(fanIn));
const rules: Readonly<Record<string, Rule>> = {
  pytorch: { ...weightsBy(perFanIn), bias: perFanIn, embedding: normal(() => 1) },
  "xavier-uniform": weightsBy(uniform(({ fanIn, fanOut }) => Math.sqrt(6 / (fanIn + fanOut)))),
  "xavier-normal": weightsBy(normal(({ fanIn, fanOut }) => Math.sqrt(2 / (fanIn + fanOut)))),
  "he-uniform": weightsBy(uniform(({ fanIn }) => Math.sqrt(6 / fanIn))),
  "he-normal": weightsBy(normal(({ fanIn }) => Math.sqrt(2 / fanIn))),
};

function ruleOf(initialisation: string): Rule {
  if (Object.hasOwn(rules, initialisation)) return rules[initialisation] as Rule;
  const [kind, text = ""] = initialisation.split(":");
  const size = text.trim() === "" ? Number.NaN : Number(text);
  if ((kind !== "uniform" && kind !== "normal") || !(size > 0 && size < Infinity))
    throw new RangeError(`initialisation ${JSON.stringify(initialisation)}: expected ${accepted}`);
  if (kind === "normal") return weightsBy(normal(() => size));
  const draw = uniform(() => size);
  return { weight: draw, bias: draw, scale: draw, shift: draw, embedding: draw };
}

/**
 * Random parameters, each drawn in float64 in the order in which they are listed.
 *
 * @throws RangeError when the initialisation is none
 */
export function initialise(
  parameters: Named<ParameterSpec>,
  initialisation: Initialisation,
  stream: RandomStream,
  dtype: FloatDType,
): Named<NDArray> {
  const rule = ruleOf(initialisation);
  return tree.map(
    (spec) =>
      castArray(ndarray(rule[spec.role](stream, sizeOf(spec.shape), spec), spec.shape, "float64"), dtype),
    parameters,
  );
}
