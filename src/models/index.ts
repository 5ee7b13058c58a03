/** Networks as functions of their parameters, in PyTorch's layouts and under PyTorch's names. */
export { type Activation, activate, activations } from "./activation.ts";
export { type Autoencoder, type AutoencoderOptions, autoencoder } from "./autoencoder.ts";
export { type BertOptions, bert } from "./bert.ts";
export { type ConvSmallOptions, convSmall } from "./conv-small.ts";
export { describeModel, type ModelDescription } from "./describe.ts";
export { type Initialisation, initialisationNamed } from "./initialisation.ts";
export type { Normalisation } from "./layered.ts";
export { type LenetOptions, lenet } from "./lenet.ts";
export { type LogisticOptions, logistic } from "./logistic.ts";
export { type MlpOptions, mlp } from "./mlp.ts";
export {
  type ApplyOptions,
  type FloatDType,
  type Model,
  type Named,
  parameterAt,
  subtreeAt,
} from "./model.ts";
export { type ModelOptions, modelNamed, modelNames } from "./named.ts";
export { flat, nested } from "./names.ts";
export { modelFromOnnx, type OnnxClassifier, type OnnxClassifierOptions } from "./onnx.ts";
export { type OnnxTextModel, type OnnxTextOptions, textModelFromOnnx } from "./onnx-text.ts";
export { type LoadOptions, loadParameters, type ModelState, saveParameters } from "./parameter-files.ts";
export { type ResnetOptions, resnet } from "./resnet.ts";
export { isSmooth } from "./smooth.ts";
export { type TextLinearOptions, textLinear } from "./text-linear.ts";
export type { TextModel } from "./text-model.ts";
export { type VggOptions, vgg11 } from "./vgg.ts";
