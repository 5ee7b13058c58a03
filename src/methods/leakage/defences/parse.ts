import type { LocalSteps } from "../shared-gradient.ts";
import { clip } from "./clip.ts";
import { checkPositive, type Defence, type DefenceContext, type Gradient } from "./defence.ts";
import { clipAndNoise } from "./differential-privacy.ts";
import { gaussianNoise, laplacianNoise, type NoiseStrength } from "./noise.ts";
import { prune, topK } from "./prune.ts";
import { quantize, sign } from "./quantize.ts";
import { soteria } from "./soteria.ts";

/** Defences as a user writes them: `noise:gaussian:1e-3,prune:0.3`. */

/** What a client does about its gradient: how it mixes examples before, and what it does to the entries after. */
export interface DefencePlan {
  /** As written, without spaces; `none` for no defence. */
  readonly text: string;
  /** In words. */
  readonly description: string;
  /** In this order. */
  readonly defences: readonly Defence[];
  /** Mixing: examples in one gradient, where the plan says so. */
  readonly batch?: number;
  /** Mixing: steps on the client before anything is shared, where the plan says so. */
  readonly localSteps?: LocalSteps;
}

/** Every form that {@link parseDefences} takes, with what it does. */
export const defenceForms: readonly { readonly form: string; readonly meaning: string }[] = [
  { form: "none", meaning: "the gradient as it is" },
  { form: "noise:gaussian:S", meaning: "Gaussian noise of standard deviation S (or variance=V)" },
  { form: "noise:laplacian:B", meaning: "Laplacian noise of scale B (or variance=V)" },
  { form: "clip:NORM", meaning: "clipping to a norm" },
  { form: "dp:NORM:M", meaning: "clipping to NORM, then Gaussian noise of standard deviation M x NORM" },
  { form: "prune:RATIO", meaning: "that part of each tensor, its smallest entries, set to 0" },
  { form: "prune:RATIO:global", meaning: "the same over all tensors together" },
  { form: "top-k:RATIO", meaning: "only that part of each tensor, its largest entries, sent" },
  { form: "fp16", meaning: "half precision" },
  { form: "bf16", meaning: "the upper half of single precision" },
  { form: "int8", meaning: "8 bits, symmetric, one scale for a tensor" },
  { form: "sign", meaning: "only the signs" },
  { form: "soteria:RATIO", meaning: "that part of the representation hidden" },
  { form: "batch:N", meaning: "N examples in one gradient" },
  { form: "local-steps:K:RATE", meaning: "K steps of size RATE before anything is shared" },
];

/**
 * Reads a list of defences, separated by commas and applied in their order.
 *
 * @throws RangeError naming the part that does not parse and every form that does, or the number that is out of range
 */
export function parseDefences(text: string): DefencePlan {
  const parts = text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "none");
  const defences: Defence[] = [];
  const mixing: { batch?: number; localSteps?: LocalSteps } = {};
  const words: string[] = [];
  for (const part of parts) {
    const [name = "", ...settings] = part.split(":");
    const parsed = Object.hasOwn(parsers, name) ? parsers[name]?.(settings, part) : undefined;
    if (parsed === undefined) throw unknownPart(part, text);
    if ("apply" in parsed) defences.push(parsed);
    else Object.assign(mixing, parsed.mixing);
    words.push(parsed.description);
  }
  return {
    text: parts.length === 0 ? "none" : parts.join(","),
    description: words.length === 0 ? "no defence" : words.join(", then "),
    defences,
    ...mixing,
  };
}

/** The gradient after all defences of a plan, in their order. */
export async function applyDefences(
  gradient: Gradient,
  defences: readonly Defence[],
  context: DefenceContext,
): Promise<Gradient> {
  let shared = gradient;
  for (const defence of defences) shared = await defence.apply(shared, context);
  return shared;
}

interface Mixing {
  readonly description: string;
  readonly mixing: { readonly batch: number } | { readonly localSteps: LocalSteps };
}

/** What makes of the words after a name a defence, or undefined where they are not of its form. */
type Parser = (settings: readonly string[], part: string) => Defence | Mixing | undefined;

const parsers: Readonly<Record<string, Parser>> = {
  noise([kind, strength, ...rest], part) {
    const parsed = rest.length > 0 ? undefined : noiseStrength(strength, part);
    if (parsed === undefined) return undefined;
    if (kind === "gaussian") return gaussianNoise(parsed);
    return kind === "laplacian" || kind === "laplace" ? laplacianNoise(parsed) : undefined;
  },
  clip: (settings, part) => withNumbers(settings, 1, part, ([norm = 0]) => clip(norm)),
  dp: (settings, part) =>
    withNumbers(settings, 2, part, ([norm = 0, multiplier = 0]) => clipAndNoise(norm, multiplier)),
  prune(settings, part) {
    const global = settings[1] === "global";
    return withNumbers(global ? settings.slice(0, 1) : settings, 1, part, ([ratio = 0]) =>
      prune(ratio, { scope: global ? "gradient" : "tensor" }),
    );
  },
  "top-k": (settings, part) => withNumbers(settings, 1, part, ([ratio = 0]) => topK(ratio)),
  fp16: (settings) => (settings.length === 0 ? quantize("fp16") : undefined),
  bf16: (settings) => (settings.length === 0 ? quantize("bf16") : undefined),
  int8: (settings) => (settings.length === 0 ? quantize("int8") : undefined),
  sign: (settings) => (settings.length === 0 ? sign() : undefined),
  soteria: (settings, part) => withNumbers(settings, 1, part, ([ratio = 0]) => soteria(ratio)),
  batch: (settings, part) =>
    withNumbers(settings, 1, part, ([batch = 0]) => {
      checkCount("batch", batch);
      return { description: `${batch} examples in one gradient`, mixing: { batch } };
    }),
  "local-steps": (settings, part) =>
    withNumbers(settings, 2, part, ([count = 0, learningRate = 0]) => {
      checkCount("local-steps", count);
      checkPositive("local-steps", "the step size", learningRate);
      return {
        description: `${count} local steps of size ${learningRate}`,
        mixing: { localSteps: { count, learningRate } },
      };
    }),
};

function noiseStrength(text: string | undefined, part: string): NoiseStrength | undefined {
  if (text === undefined) return undefined;
  const [name, value] = text.includes("=") ? text.split("=") : ["scale", text];
  return withNumbers([value ?? ""], 1, part, ([number = 0]) => {
    checkPositive(part, name === "variance" ? "the variance" : "the scale", number);
    if (name === "variance") return { variance: number };
    return name === "scale" || name === "sd" ? { scale: number } : undefined;
  });
}

function withNumbers<T>(
  words: readonly string[],
  count: number,
  part: string,
  make: (numbers: readonly number[]) => T,
): T | undefined {
  if (words.length !== count) return undefined;
  const numbers = words.map((word) => (word.trim() === "" ? Number.NaN : Number(word)));
  const bad = numbers.findIndex(Number.isNaN);
  if (bad >= 0) throw new RangeError(`defence ${part}: "${words[bad]}" is not a number`);
  return make(numbers);
}

function checkCount(defence: string, value: number): void {
  if (!Number.isInteger(value) || value < 1)
    throw new RangeError(`${defence}: ${value} is not a positive integer`);
}

function unknownPart(part: string, text: string): RangeError {
  const where = part === text ? "" : ` in "${text}"`;
  return new RangeError(
    `defence "${part}"${where} is not one of ${defenceForms.map(({ form }) => form).join(", ")}; several are separated by commas`,
  );
}
