/** The network that is trained, from what a user types and the data it has to fit. */
import { InputError } from "../../data/input-error.ts";
import type { NDArray } from "../../engine/ndarray.ts";
import { formatShape } from "../../engine/shape.ts";
import type { Activation } from "../../models/activation.ts";
import type { FloatDType, Model, Named } from "../../models/model.ts";
import { type ModelOptions, modelNamed } from "../../models/named.ts";
import { modelFromOnnx } from "../../models/onnx.ts";
import { isSmooth } from "../../models/smooth.ts";
import type { RandomStream } from "../../numeric/random.ts";

export interface NetworkChoice {
  /** `logistic`, `mlp:16,16`, `lenet`, `cnn`, `cnn:16` (its width), ..., or the path of an ONNX file. */
  readonly model: string;
  /** Of a named network; default tanh. */
  readonly activation?: Activation | undefined;
  /** Of vgg11 (default none) and the residual networks (default group). */
  readonly normalisation?: "batch" | "group" | "none" | undefined;
  /** Logits of a named network for two classes, 1 or 2; default 1 of logistic and mlp, else 2. */
  readonly logits?: number | undefined;
}

/** What a network has to fit. */
export interface NetworkData {
  /** One example. */
  readonly inputShape: readonly number[];
  readonly classNames: readonly string[];
}

export interface Network {
  /** `classes` is 1 where one logit tells two classes apart: that of the second. */
  readonly model: Model;
  /** The parameters before training: random ones, or those of the file. */
  parameters(stream: RandomStream, dtype: FloatDType): Named<NDArray>;
  /** Whether its gradients change smoothly with the parameters, but for ties in maximum pooling. */
  readonly isSmooth: boolean;
  readonly description: string;
  /** What the user may want to know, in words. */
  readonly notices: readonly string[];
}

/** What each network takes besides the data's sizes. */
const networks: Readonly<
  Record<string, { readonly activation: boolean; readonly normalisation?: "group" | "none" }>
> = {
  logistic: { activation: false },
  mlp: { activation: true },
  lenet: { activation: true },
  cnn: { activation: true },
  vgg11: { activation: true, normalisation: "none" },
  resnet18: { activation: true, normalisation: "group" },
  resnet20: { activation: true, normalisation: "group" },
  resnet32: { activation: true, normalisation: "group" },
};

/** Networks with one logit for two classes. */
const withOneLogit: ReadonlySet<string> = new Set(["logistic", "mlp"]);

/**
 * The network of a choice, for data.
 *
 * Named ones are drawn by PyTorch's default rule; their activation is tanh: where a network has kinks, a removed row moves
 * others across them, which no linear prediction sees. Logistic regression and perceptrons tell two classes apart by one
 * logit, other named networks have one for each class.
 *
 * @throws InputError in one line: a word that is no network, an option it does not take, batch normalisation (the rows of a
 *   batch are coupled by it, so that one row's influence is not defined), a file that cannot be read or does not fit the data
 */
export async function openNetwork(choice: NetworkChoice, data: NetworkData): Promise<Network> {
  const isFromFile = /\.onnx$/i.test(choice.model);
  const model = isFromFile ? await modelOfFile(choice, data) : namedModel(choice, data);
  if (model.buffers !== undefined)
    throw new InputError(
      `--model ${choice.model}: has batch normalisation, which couples the rows of a batch, so that one row's influence is not defined; expected --normalisation group or none`,
    );
  const smooth = isSmooth(model);
  const notices: string[] = [];
  if (!smooth)
    notices.push(
      `${model.description} has kinks (relu or the like): predicted effects are less faithful than with a smooth activation such as tanh`,
    );
  if (isFromFile)
    notices.push(
      `training starts from the parameters of ${choice.model}: rows that they were learned from have left their mark before it`,
    );
  return {
    model,
    parameters: (stream, dtype) => model.init(stream, dtype),
    isSmooth: smooth,
    description: model.description,
    notices,
  };
}

function namedModel(
  { model: text, activation, normalisation, logits }: NetworkChoice,
  data: NetworkData,
): Model {
  const [name = "", sizes] = splitOnce(text);
  const takes = Object.hasOwn(networks, name) ? networks[name] : undefined;
  if (takes === undefined)
    throw new InputError(
      `--model: expected one of ${Object.keys(networks).join(", ")} (mlp:16,16 with its hidden layers), or a file whose name ends in .onnx, found ${JSON.stringify(text)}`,
    );
  if (activation !== undefined && !takes.activation)
    throw new InputError(`--activation ${activation}: ${name} has no activation; leave it out`);
  if (normalisation !== undefined && takes.normalisation === undefined)
    throw new InputError(`--normalisation ${normalisation}: ${name} has no normalisation; leave it out`);
  const isOneLogit =
    data.classNames.length === 2 && (logits === undefined ? withOneLogit.has(name) : logits === 1);
  const options: ModelOptions = {
    inputShape: data.inputShape,
    classes: isOneLogit ? 1 : data.classNames.length,
    initialisation: "pytorch",
    ...(takes.activation && { activation: activation ?? "tanh" }),
    ...(takes.normalisation && { normalisation: normalisation ?? takes.normalisation }),
    ...sizeOptions(name, text, sizes),
  };
  return modelNamed(name, options);
}

function splitOnce(text: string): [name: string, sizes?: string] {
  const at = text.indexOf(":");
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

/** `16,16` of mlp:16,16; the one width of other networks. */
function sizeOptions(name: string, text: string, sizes: string | undefined): ModelOptions {
  if (sizes === undefined) return {};
  const numbers = sizes.split(",").map((size) => (/^\d{1,6}$/.test(size.trim()) ? Number(size) : 0));
  if (numbers.some((number) => number < 1) || (name !== "mlp" && numbers.length > 1))
    throw new InputError(
      `--model ${text}: expected ${name === "mlp" ? "the sizes of hidden layers, as in mlp:16,16" : `one width, as in ${name}:16`}`,
    );
  const [width] = numbers;
  return name === "mlp" ? { widths: numbers } : width === undefined ? {} : { width };
}

async function modelOfFile(choice: NetworkChoice, data: NetworkData): Promise<Model> {
  const { model: path, activation, normalisation } = choice;
  if (activation !== undefined)
    throw new InputError(`--activation ${activation}: the activations of ${path} are those of its file`);
  if (normalisation !== undefined)
    throw new InputError(`--normalisation ${normalisation}: the layers of ${path} are those of its file`);
  const model = await modelFromOnnx(path);
  const [found, expected] = [model.inputShape, data.inputShape];
  if (model.inputDType !== undefined)
    throw new InputError(`${path}: its input is of ${model.inputDType}; expected floats`);
  if (found.length !== expected.length || found.some((size, i) => size !== expected[i]))
    throw new InputError(
      `${path}: it takes examples ${formatShape(found)}; expected ${formatShape(expected)}, as the data are`,
    );
  const classes = data.classNames.length;
  if (model.classes !== classes && !(model.classes === 1 && classes === 2))
    throw new InputError(
      `${path}: it gives ${model.classes} logit${model.classes === 1 ? "" : "s"}; expected ${classes}${classes === 2 ? " or 1" : ""}, as the data have ${classes} classes`,
    );
  return model;
}
