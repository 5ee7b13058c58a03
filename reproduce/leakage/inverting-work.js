// One attack on a deeper network, in float32 with the label read off: client, attacker and judge.
import { ndarray } from "../../dist/engine/index.js";
import * as op from "../../dist/engine/ops/index.js";
import * as tree from "../../dist/engine/tree.js";
import {
  inferLabel,
  peakSignalToNoiseRatio,
  randomStream,
  recover,
  sharedGradient,
} from "../../dist/methods/leakage/index.js";
import { modelNamed } from "../../dist/models/index.js";

const dtype = "float32";

/** The model as it infers: running statistics of batch normalisation stay those before training. */
function inferring(model) {
  if (model.initialBuffers === undefined) return model;
  const buffers = tree.map((array) => op.constant(array), model.initialBuffers(dtype));
  return { ...model, apply: (parameters, x) => model.apply(parameters, x, { buffers }) };
}

/**
 * @param task.network a name of `modelNamed` and its options
 * @param task.options more for `recover`: the distance, the optimiser, the priors
 * @returns the peak signal-to-noise ratio in dB of the recovered image, its pixels clamped to [0, 1]
 */
export default async function attack({ example, seed, network, evaluations, options }, { signal }) {
  const { channels, pixels, label } = example;
  const side = Math.sqrt(pixels.length / channels);
  const { name, ...more } = network;
  const model = inferring(modelNamed(name, { inputShape: [channels, side, side], ...more }));
  const [weights, stream] = randomStream(seed).spawn(2);
  const parameters = model.init(weights, dtype);
  const shape = [1, ...model.inputShape];
  const gradient = await sharedGradient({
    model,
    parameters,
    x: ndarray(pixels, shape, dtype),
    labels: [label],
    dtype,
  });
  const inferred = inferLabel(gradient.fc.bias);
  const result = await recover({
    model,
    parameters,
    gradient,
    labels: [inferred],
    stream,
    dtype,
    evaluations,
    workers: 1,
    signal,
    ...options,
  });
  const clamped = result.images.data.map((pixel) => Math.min(1, Math.max(0, pixel)));
  return {
    psnr: peakSignalToNoiseRatio(ndarray(pixels, shape, "float64"), ndarray(clamped, shape, "float64")),
    labelRight: inferred === label,
    evaluations: result.evaluations,
    status: result.status,
  };
}
