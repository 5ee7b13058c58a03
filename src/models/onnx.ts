import { isFloat } from "../engine/dtype.ts";
import type { NDArray } from "../engine/ndarray.ts";
import type { OnnxInput, OnnxModel } from "../engine/onnx/read.ts";
import type { Spec } from "../engine/tensor.ts";
import { parametersFor } from "../engine/transforms/subgraph.ts";
import * as tree from "../engine/tree.ts";
import type { FloatDType, Model, Named } from "./model.ts";
import { flat } from "./names.ts";
import { acrossBatches, dtypeOf, initFrom, locatedIn, logitsOf, openOnnx, specsIn } from "./onnx-file.ts";

export interface OnnxClassifierOptions {
  /** Sizes of axes that the file leaves open, other than the batch: `{ height: 32, width: 32 }`. */
  readonly dimensions?: Readonly<Record<string, number>>;
}

/**
 * A model read from a file. Its `init` gives the file's own parameters, whatever the stream: the file has no rule to draw
 * others by.
 */
export interface OnnxClassifier extends Model {
  /** The parameters that the file holds, in its dtype. */
  readonly pretrained: Named<NDArray>;
}

/**
 * A classifier from an ONNX file, for instance one that `torch.onnx.export` wrote.
 *
 * - Parameters have the file's names, taken apart at the dots; the running statistics of batch normalisation are not among
 *   them: the model is applied as for inference, in training too (dropout is off).
 * - The first axis of the input is the batch, whatever the file calls it. In a file that fixes it at 1, larger batches are
 *   computed example by example.
 * - It is computed in the dtype of the parameters it is applied to, float32 or float64, whatever the file's is: stored
 *   numbers are converted (to float64 without loss), so that the function is the same but for rounding.
 * - A softmax at the end of the file is left out, so that the outputs are logits.
 *
 * @throws InputError in one line: a file that cannot be read or has what the engine lacks; one that is not a classifier
 *   of one input: more inputs, an input without a fixed shape (it says which `dimensions` to give), outputs other than
 *   floats [N, classes]
 */
export async function modelFromOnnx(
  path: string,
  { dimensions = {} }: OnnxClassifierOptions = {},
): Promise<OnnxClassifier> {
  const { stored, pretrained, inDType } = await openOnnx(path, { dimensions });
  return locatedIn(path, () => {
    const input = soleInput(stored);
    const { fixedBatch, inputShape } = boundInput(input);

    const apply: Model["apply"] = (values, x) =>
      acrossBatches(path, fixedBatch, (batch) =>
        logitsOf(inDType(dtypeOf(values, x)).forward(flat(values), batch)),
      )(x);
    const model = {
      description: `the model of ${path}`,
      inputShape,
      ...(input.dtype === "int64" && { inputDType: "int64" as const }),
      parameters: (dtype: FloatDType) => specsIn(dtype, pretrained),
      pretrained,
      init: (_: unknown, dtype: FloatDType) => initFrom(pretrained, dtype),
      apply,
    };
    return { ...model, classes: classesOf(model, fixedBatch ?? 1, input) };
  });
}

function soleInput({ inputs }: OnnxModel): OnnxInput {
  const [input, ...more] = inputs;
  if (input === undefined || more.length > 0)
    throw new Error(
      `expected a classifier with one input, found ${inputs.map(({ name }) => JSON.stringify(name)).join(", ") || "none"}`,
    );
  if (!isFloat(input.dtype) && input.dtype !== "int64")
    throw new Error(`input ${JSON.stringify(input.name)}: expected floats or int64, found ${input.dtype}`);
  return input;
}

/** The shape of one example, and the number of examples where the file fixes it. */
function boundInput({ name, shape }: OnnxInput): {
  readonly fixedBatch: number | undefined;
  readonly inputShape: readonly number[];
} {
  const [batch, ...rest] = shape ?? [];
  if (shape === undefined || shape.length < 2)
    throw new Error(
      `input ${JSON.stringify(name)}: expected a shape [N, ...], found ${shape === undefined ? "none" : `[${shape.join(", ")}]`}`,
    );
  const open = rest.filter((size) => typeof size === "string");
  if (open.length > 0)
    throw new Error(
      `input ${JSON.stringify(name)}: its shape [${shape.join(", ")}] leaves ${open.join(" and ")} open: give dimensions`,
    );
  return {
    fixedBatch: typeof batch === "number" ? batch : undefined,
    inputShape: rest.filter((size) => typeof size === "number"),
  };
}

/** The number of classes, from the shape of what the model gives. */
function classesOf(
  model: Pick<Model, "inputShape" | "parameters" | "apply">,
  examples: number,
  { dtype }: OnnxInput,
): number {
  const specs = model.parameters("float32");
  const x: Spec = { shape: [examples, ...model.inputShape], dtype: isFloat(dtype) ? "float32" : dtype };
  const tensors = parametersFor([...tree.leaves(specs), x], "modelFromOnnx");
  const input = tensors.at(-1);
  if (input === undefined) throw new Error("one tensor for each spec");
  const output = model.apply(tree.unflatten(specs, tensors.slice(0, -1)), input);
  const [found, classes] = output.shape;
  if (output.rank !== 2 || found !== examples || !isFloat(output.dtype) || classes === undefined)
    throw new Error(
      `expected a classifier, whose first output is floats [N, classes]; for ${examples} example${examples === 1 ? "" : "s"} it gives ${output.dtype} [${output.shape.join(", ")}]`,
    );
  return classes;
}
