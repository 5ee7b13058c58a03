import { dirname } from "node:path";
import { readBytes } from "../data/byte-source.ts";
import { InputError } from "../data/input-error.ts";
import { GraphError } from "../engine/errors.ts";
import { castArray, type NDArray } from "../engine/ndarray.ts";
import { withExternalData } from "../engine/onnx/external-data.ts";
import { type OnnxModel, parseOnnx } from "../engine/onnx/read.ts";
import * as op from "../engine/ops/index.ts";
import type { Spec, Tensor } from "../engine/tensor.ts";
import { vmap } from "../engine/transforms/vmap.ts";
import * as tree from "../engine/tree.ts";
import type { FloatDType, Named } from "./model.ts";
import { nested } from "./names.ts";
import { inPrecision, runningStatistics } from "./onnx-precision.ts";

/** What models from ONNX files have in common: parameters under the file's names, computed in float32 or float64. */

export interface OnnxNetwork {
  /** The model in the file's own dtype. */
  readonly stored: OnnxModel;
  /** Its parameters as they are stored, by their names taken apart at the dots. */
  readonly pretrained: Named<NDArray>;
  /** The model with one floating-point type in place of all. */
  inDType(dtype: FloatDType): OnnxModel;
}

/**
 * Reads a file; the running statistics of batch normalisation are no parameters.
 *
 * @throws InputError in one line: a file that cannot be read or has what the engine lacks
 */
export async function openOnnx(
  path: string,
  { dimensions = {} }: { readonly dimensions?: Readonly<Record<string, number>> } = {},
): Promise<OnnxNetwork> {
  const bytes = await selfContained(path);
  return locatedIn(path, () => {
    // All that is wrong with the file is said of it as it is, before its statistics are looked for.
    parseOnnx(bytes, { name: path });
    const statistics = runningStatistics(bytes);
    const parse = (file: Uint8Array): OnnxModel =>
      parseOnnx(file, {
        name: path,
        dimensions,
        isParameter: (name, array) => array.shape.length > 0 && !statistics.has(name),
      });
    const stored = parse(bytes);
    const models: Partial<Record<FloatDType, OnnxModel>> = {};
    return {
      stored,
      pretrained: nested(stored.parameters),
      inDType(dtype) {
        models[dtype] ??= parse(inPrecision(bytes, dtype));
        return models[dtype];
      },
    };
  });
}

/** The bytes of the file, with the tensors that it keeps in files beside it. */
async function selfContained(path: string): Promise<Uint8Array> {
  const bytes = await readBytes(path);
  try {
    return await withExternalData(bytes, dirname(path));
  } catch (error) {
    throw new InputError(`${path}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}

/** Shapes of the parameters in a dtype. */
export function specsIn(dtype: FloatDType, pretrained: Named<NDArray>): Named<Spec> {
  return tree.map(({ shape }): Spec => ({ shape, dtype }), pretrained);
}

/** The stored parameters in a dtype. */
export function initFrom(pretrained: Named<NDArray>, dtype: FloatDType): Named<NDArray> {
  return tree.map((array) => castArray(array, dtype), pretrained);
}

/** The dtype that a model is applied in. */
export function dtypeOf(values: Named<Tensor>, x: Tensor): FloatDType {
  const dtype = (tree.leaves(values)[0] ?? x).dtype;
  return dtype === "float64" ? "float64" : "float32";
}

/** Without a softmax at the end. */
export function logitsOf(output: Tensor): Tensor {
  const [logits] = output.inputs;
  return output.op === "softmax" && logits !== undefined ? logits : output;
}

/**
 * A function of batches of any size from one of the batches that a file allows: where that is one example, each example
 * by itself.
 *
 * @param fixedBatch the size that the file fixes, if it does
 * @throws RangeError when it fixes another size than one, and the batch has neither
 */
export function acrossBatches(
  path: string,
  fixedBatch: number | undefined,
  forward: (batch: Tensor) => Tensor,
): (batch: Tensor) => Tensor {
  return (batch) => {
    const examples = batch.shape[0] ?? 0;
    if (fixedBatch === undefined || fixedBatch === examples) return forward(batch);
    if (fixedBatch !== 1)
      throw new RangeError(`${path}: it takes batches of ${fixedBatch} examples only, got ${examples}`);
    return vmap((one: Tensor) => op.squeeze(forward(op.unsqueeze(one, 0)), 0), [0])(batch);
  };
}

/** What `action` gives; what goes wrong is an error in the file. */
export function locatedIn<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof InputError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    const own = error instanceof GraphError ? reason.replace(/^readOnnx: /, "") : reason;
    throw new InputError(own.startsWith(path) ? own : `${path}: ${own}`, { cause: error });
  }
}
