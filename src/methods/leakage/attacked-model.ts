import { InputError } from "../../data/input-error.ts";
import { castArray, type NDArray } from "../../engine/ndarray.ts";
import * as tree from "../../engine/tree.ts";
import type { Activation } from "../../models/activation.ts";
import type { FloatDType, Model, Named } from "../../models/model.ts";
import { modelNamed } from "../../models/named.ts";
import { normalised } from "../../models/normalised.ts";
import { modelFromOnnx } from "../../models/onnx.ts";
import type { RandomStream } from "../../numeric/random.ts";

/** The networks that `--model` names; they take 3 x 32 x 32 images and have 100 classes, as for CIFAR-100. */
export const attackedNetworks = ["lenet", "logistic", "mlp", "cnn", "vgg11", "resnet18", "resnet20"] as const;

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
 * @throws InputError in one line for a word that is no network, a file that cannot be read or is no classifier, options that
 *   the network does not take
 */
export async function openAttackedModel(choice: ModelChoice): Promise<AttackedModel> {
  const { model: name, activation, mean, deviation } = choice;
  const isFromFile = name.toLowerCase().endsWith(".onnx");
  if (!isFromFile && !attackedNetworks.some((each) => each === name))
    throw new InputError(
      `--model: expected one of ${attackedNetworks.join(", ")}, or a file whose name ends in .onnx, found "${name}"`,
    );
  if (isFromFile && activation !== undefined)
    throw new InputError(`--activation ${activation}: the activations of ${name} are those of its file`);
  const bare = isFromFile
    ? await modelFromOnnx(name)
    : modelNamed(name, { inputShape: [3, 32, 32], classes: 100, ...(activation && { activation }) });
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
