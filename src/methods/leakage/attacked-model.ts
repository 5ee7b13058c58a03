import type { ImageShape } from "../../data/image.ts";
import { InputError } from "../../data/input-error.ts";
import { castArray, type NDArray } from "../../engine/ndarray.ts";
import * as tree from "../../engine/tree.ts";
import type { Activation } from "../../models/activation.ts";
import type { FloatDType, Model, Named } from "../../models/model.ts";
import { modelNamed } from "../../models/named.ts";
import { normalised } from "../../models/normalised.ts";
import { modelFromOnnx } from "../../models/onnx.ts";
import type { RandomStream } from "../../numeric/random.ts";
import { attackedNetworks } from "./network-parameters.ts";

/** What a network is to take and to tell apart, instead of what its name says. */
export interface NetworkSizes {
  readonly inputShape: readonly number[];
  readonly classes: number;
}

function networkNamed(name: string, activation: Activation | undefined, sizes?: NetworkSizes): Model {
  const isGrey = name === "lenet-grey";
  const usual = isGrey ? { inputShape: [1, 28, 28], classes: 10 } : { inputShape: [3, 32, 32], classes: 100 };
  return modelNamed(isGrey ? "lenet" : name, { ...(sizes ?? usual), ...(activation && { activation }) });
}

export interface ModelChoice {
  /** One of {@link attackedNetworks}, or the path of an ONNX file. */
  readonly model: string;
  /** Of a named network. */
  readonly activation?: Activation | undefined;
  /** The normalisation in front: one number for each channel, or one for all; none by default. */
  readonly mean?: readonly number[] | undefined;
  readonly deviation?: readonly number[] | undefined;
}

export interface AttackedModel {
  readonly model: Model;
  /** Whether the parameters come from a file; those of a named network are random. */
  readonly isFromFile: boolean;
  /** The file's parameters, or random ones. */
  parameters(stream: RandomStream, dtype: FloatDType): Named<NDArray>;
}

/**
 * The network of an attack.
 *
 * @param sizes of a named network; a file has its own
 * @throws InputError in one line for a word that is no network, a file that cannot be read or is no classifier, options that
 *   the network does not take
 */
export async function openAttackedModel(choice: ModelChoice, sizes?: NetworkSizes): Promise<AttackedModel> {
  const { model: name, activation, mean, deviation } = choice;
  const isFromFile = name.toLowerCase().endsWith(".onnx");
  if (!isFromFile && !attackedNetworks.some((each) => each === name))
    throw new InputError(
      `--model: expected one of ${attackedNetworks.join(", ")}, or a file whose name ends in .onnx, found "${name}"`,
    );
  if (isFromFile && activation !== undefined)
    throw new InputError(`--activation ${activation}: the activations of ${name} are those of its file`);
  const bare = isFromFile ? await modelFromOnnx(name) : networkNamed(name, activation, sizes);
  const model = withNormalisation(bare, { mean, deviation });
  const stored = "pretrained" in bare ? (bare.pretrained as Named<NDArray>) : undefined;
  return {
    model,
    isFromFile,
    parameters: (stream, dtype) =>
      stored === undefined
        ? bare.init(stream, dtype)
        : (tree.map((array: NDArray) => castArray(array, dtype), stored) as Named<NDArray>),
  };
}

function withNormalisation(
  model: Model,
  { mean, deviation }: Pick<ModelChoice, "mean" | "deviation">,
): Model {
  if (mean === undefined && deviation === undefined) return model;
  try {
    return normalised(model, { mean: mean ?? [0], deviation: deviation ?? [1] });
  } catch (error) {
    if (error instanceof RangeError) throw new InputError(`--mean, --deviation: ${error.message}`);
    throw error;
  }
}

/**
 * The shape of the images that a network takes.
 *
 * @throws InputError when it takes something else
 */
export function imageShapeOf({ inputShape, inputDType, description }: Model): ImageShape {
  const [channels = 0, height = 0, width = 0, ...more] = inputShape;
  if (inputDType !== undefined || more.length > 0 || (channels !== 1 && channels !== 3) || width < 1)
    throw new InputError(
      `--model: ${description} takes inputs [N, ${inputShape.join(", ")}]${inputDType === undefined ? "" : ` of ${inputDType}`}; expected images [N, 1 or 3, height, width]`,
    );
  return [channels, height, width];
}

/** @throws InputError when a label is not a class of the network */
export function checkClasses(labels: readonly number[], { classes, description }: Model): void {
  const bad = labels.find((label) => label >= classes);
  if (bad !== undefined)
    throw new InputError(
      `--label: expected classes of ${description} from 0 to ${classes - 1}, found ${bad}`,
    );
}
