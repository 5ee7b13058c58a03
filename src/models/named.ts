import { InputError } from "../data/input-error.ts";
import { type Activation, activations } from "./activation.ts";
import { autoencoder } from "./autoencoder.ts";
import { bert } from "./bert.ts";
import { convSmall } from "./conv-small.ts";
import { type Initialisation, initialisationNamed } from "./initialisation.ts";
import type { Normalisation } from "./layered.ts";
import { lenet } from "./lenet.ts";
import { logistic } from "./logistic.ts";
import { mlp } from "./mlp.ts";
import type { Model } from "./model.ts";
import { resnet } from "./resnet.ts";
import { textLinear } from "./text-linear.ts";
import { vgg11 } from "./vgg.ts";

/** Options of all models; each takes some of them. */
export interface ModelOptions {
  /** One example: [features], [channels, height, width], or [tokens]. */
  readonly inputShape?: readonly number[];
  readonly classes?: number;
  readonly activation?: Activation;
  readonly initialisation?: Initialisation;
  readonly normalisation?: Normalisation;
  /** Channels of the first convolution, or features of an embedding. */
  readonly width?: number;
  /** Units of the hidden layers of mlp, of the encoder of autoencoder. */
  readonly widths?: readonly number[];
  /** Whose LeNet. */
  readonly variant?: "dlg" | "idlg" | "soteria";
  /** Of autoencoder. */
  readonly kind?: "mlp" | "convolutional";
  /** How many different tokens there are. */
  readonly vocabulary?: number;
  /** The id of the token that fills short texts. */
  readonly padding?: number;
  /** Of bert-tiny. */
  readonly head?: "masked-lm" | "classifier";
  /** Whether bert-tiny's head shares the table of embeddings. */
  readonly tied?: boolean;
}

type Option = keyof ModelOptions;

interface Entry {
  readonly needs: readonly Option[];
  readonly takes: readonly Option[];
  make(options: ModelOptions): Model;
}

/** An option that the entry needs, so that it is there. */
function given<K extends Option>(options: ModelOptions, option: K): NonNullable<ModelOptions[K]> {
  const value = options[option];
  if (value === undefined || value === null) throw new Error(`${option} was checked to be there`);
  return value;
}

const image = ["inputShape", "classes"] as const;
const common = ["activation", "initialisation"] as const;

function imageModel(
  takes: readonly Option[],
  make: (options: ModelOptions & { inputShape: readonly number[]; classes: number }) => Model,
): Entry {
  return {
    needs: image,
    takes,
    make: (options) =>
      make({ ...options, inputShape: given(options, "inputShape"), classes: given(options, "classes") }),
  };
}

function residual(depth: 18 | 20 | 32): Entry {
  return imageModel([...common, "normalisation", "width"], (options) => resnet({ ...options, depth }));
}

const models: Readonly<Record<string, Entry>> = {
  logistic: imageModel(["initialisation"], logistic),
  mlp: imageModel([...common, "widths"], mlp),
  lenet: {
    needs: [],
    takes: [...image, ...common, "variant"],
    make({ inputShape, ...options }) {
      if (inputShape === undefined) return lenet(options);
      const [channels, side, width] = inputShape;
      if (inputShape.length !== 3 || channels === undefined || side === undefined || side !== width)
        throw new RangeError(
          `LeNet: images [${inputShape.join(", ")}]: expected [channels, side, side], side a multiple of 4`,
        );
      return lenet({ ...options, channels, side });
    },
  },
  cnn: imageModel([...common, "width"], convSmall),
  vgg11: imageModel([...common, "normalisation", "width"], vgg11),
  resnet18: residual(18),
  resnet20: residual(20),
  resnet32: residual(32),
  autoencoder: {
    needs: ["inputShape"],
    takes: [...common, "kind", "widths"],
    make: (options) => autoencoder({ ...options, inputShape: given(options, "inputShape") }),
  },
  "bert-tiny": {
    needs: [],
    takes: ["inputShape", "classes", "initialisation", "vocabulary", "padding", "head", "tied"],
    make: ({ inputShape, ...options }) =>
      bert({ ...options, ...(inputShape && { tokens: tokensOf("bert-tiny", inputShape) }) }),
  },
  "text-linear": {
    needs: ["inputShape", "classes", "vocabulary"],
    takes: ["initialisation", "width", "padding"],
    make: (options) =>
      textLinear({
        ...options,
        tokens: tokensOf("text-linear", given(options, "inputShape")),
        classes: given(options, "classes"),
        vocabulary: given(options, "vocabulary"),
      }),
  },
};

/** The words that {@link modelNamed} accepts. */
export const modelNames: readonly string[] = Object.keys(models);

function tokensOf(name: string, inputShape: readonly number[]): number {
  const [tokens, ...more] = inputShape;
  if (tokens === undefined || more.length > 0)
    throw new InputError(`model ${name}: input shape [${inputShape.join(", ")}]: expected [tokens]`);
  return tokens;
}

/**
 * The model that a word of the command line names: logistic, mlp, lenet, cnn (ConvSmall), vgg11, resnet18, resnet20,
 * resnet32, autoencoder, bert-tiny or text-linear.
 *
 * @throws InputError in one line: a word that is none (it lists them), an option that the model lacks or does not take,
 *   an activation or initialisation that is none, a shape or size that the model cannot have
 * @example modelNamed("resnet20", { inputShape: [3, 32, 32], classes: 10, normalisation: "group" })
 */
export function modelNamed(name: string, options: ModelOptions = {}): Model {
  const entry = Object.hasOwn(models, name) ? models[name] : undefined;
  if (entry === undefined)
    throw new InputError(`model ${JSON.stringify(name)}: expected ${modelNames.join(", ")}`);
  const has = Object.entries(options).flatMap(([option, value]) => (value === undefined ? [] : [option]));
  const missing = entry.needs.filter((option) => !has.includes(option));
  if (missing.length > 0) throw new InputError(`model ${name} needs ${missing.join(" and ")}`);
  const takes: readonly string[] = [...entry.needs, ...entry.takes];
  const foreign = has.filter((option) => !takes.includes(option));
  if (foreign.length > 0)
    throw new InputError(`model ${name} does not take ${foreign.join(", ")}: it takes ${takes.join(", ")}`);
  requireSizes(name, options);
  try {
    if (options.initialisation !== undefined) initialisationNamed(options.initialisation);
    return entry.make(options);
  } catch (error) {
    if (error instanceof RangeError)
      throw new InputError(`model ${name}: ${error.message}`, { cause: error });
    throw error;
  }
}

function requireSizes(name: string, options: ModelOptions): void {
  const { inputShape, widths, activation } = options;
  for (const [option, sizes] of Object.entries({ inputShape, widths }))
    if (sizes !== undefined && !sizes.every(isSize))
      throw new InputError(
        `model ${name}: ${option} [${sizes.join(", ")}]: expected whole numbers from 1 up`,
      );
  for (const option of ["classes", "width", "vocabulary"] as const)
    if (options[option] !== undefined && !isSize(options[option]))
      throw new InputError(`model ${name}: ${option} ${options[option]}: expected a whole number from 1 up`);
  if (activation !== undefined && !activations.includes(activation))
    throw new InputError(
      `model ${name}: activation ${JSON.stringify(activation)}: expected ${activations.join(", ")}`,
    );
  const choices = {
    normalisation: ["batch", "group", "none"],
    variant: ["dlg", "idlg", "soteria"],
    kind: ["mlp", "convolutional"],
    head: ["masked-lm", "classifier"],
  } as const;
  for (const option of ["normalisation", "variant", "kind", "head"] as const) {
    const value: string | undefined = options[option];
    const accepted: readonly string[] = choices[option];
    if (value !== undefined && !accepted.includes(value))
      throw new InputError(
        `model ${name}: ${option} ${JSON.stringify(value)}: expected ${accepted.join(", ")}`,
      );
  }
}

function isSize(value: number): boolean {
  return Number.isInteger(value) && value > 0;
}
