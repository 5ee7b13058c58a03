/** One training on defended gradients, in whichever process it is done: see accuracy.ts. */
import type { NDArray } from "../../engine/ndarray.ts";
import { type RandomStreamState, randomStream, resumeRandomStream } from "../../numeric/random.ts";
import type { Work } from "../../runs/workers/protocol.ts";
import { adam } from "../../training/adam.ts";
import { DivergenceError } from "../../training/divergence.ts";
import { epochShuffling } from "../../training/sampler.ts";
import { cosineDecay } from "../../training/schedule.ts";
import type { GradientTransform } from "../../training/step-graph.ts";
import { train } from "../../training/train.ts";
import type { NamedArrays } from "../../training/trees.ts";
import { type ModelChoice, openAttackedModel } from "./attacked-model.ts";
import { type Gradient, gradientNorm } from "./defences/defence.ts";
import { addGaussianNoise } from "./defences/noise.ts";
import { applyDefences, type DefencePlan, parseDefences } from "./defences/parse.ts";

export interface Labelled {
  /** [n, channels, height, width] in [0, 1], float32. */
  readonly x: NDArray;
  /** [n], int64. */
  readonly y: NDArray;
}

/** What all trainings share. */
export interface TrainingData {
  readonly network: ModelChoice;
  /** Of a named network. */
  readonly classes: number;
  readonly train: Labelled;
  readonly validation: Labelled;
  readonly test: Labelled;
}

export interface TrainingTask {
  readonly defence: string;
  readonly learningRate: number;
  readonly steps: number;
  readonly batchSize: number;
  /** Draws the network, the batches and the defence's noise: the same for each defence, so that they are compared in pairs. */
  readonly stream: RandomStreamState;
  readonly measure: "validation" | "test";
}

/** How a training went. */
export interface TrainingOutcome {
  /** The share of images whose class was told; that of guessing where the training diverged. */
  readonly accuracy: number;
  readonly hasDiverged: boolean;
}

/** A gradient longer than this is one of a training that has left all reason. */
const longest = 3e4;

const work: Work<TrainingTask, TrainingOutcome, TrainingData | undefined> = async (task, context) => {
  const { common, signal } = context;
  if (common === undefined) throw new TypeError("accuracy: the trainings share no data");
  const { network, classes } = common;
  const { model } = await openAttackedModel(network, { inputShape: common.train.x.shape.slice(1), classes });
  const [own, noise] = resumeRandomStream(task.stream).spawn(2);
  if (own === undefined || noise === undefined) throw new Error("spawn(2) gives two streams");
  try {
    const { status, evaluations } = await train({
      model,
      data: { ...common.train },
      batchSize: task.batchSize,
      steps: task.steps,
      stream: own,
      sampler: (made) => epochShuffling(made, { last: "drop" }),
      optimizer: adam(),
      schedule: cosineDecay({ initial: task.learningRate, steps: task.steps }),
      ...clientSide(parseDefences(task.defence), noise.integers(1, 0, 2 ** 31 - 1)[0] ?? 0),
      evaluate: { data: { ...common[task.measure] }, every: task.steps },
      compile: { threads: 1 },
      signal,
    });
    if (status === "aborted") signal.throwIfAborted();
    return { accuracy: evaluations.at(-1)?.accuracy ?? 1 / classes, hasDiverged: false };
  } catch (error) {
    if (error instanceof DivergenceError) return { accuracy: 1 / classes, hasDiverged: true };
    throw error;
  }
};

export default work;

/** What a client with a batch does to its gradient, as options of its training. */
function clientSide(
  { defences }: DefencePlan,
  seed: number,
): { readonly rowClipNorm?: number; readonly transformGradient?: GradientTransform } {
  const [first, ...others] = defences;
  if (first === undefined) return {};
  const rows = first.perExample;
  const rest = rows === undefined ? defences : others;
  const transformGradient: GradientTransform = async (given, { step, indices }) => {
    const stream = randomStream([seed, step]);
    const gradient: Gradient =
      rows === undefined || rows.noise === 0
        ? given
        : addGaussianNoise(given, { scale: rows.noise / indices.length }, stream);
    if (!(gradientNorm(gradient) <= longest))
      throw new DivergenceError(`the gradient is longer than ${longest} at step ${step}`, {
        step,
        learningRate: Number.NaN,
      });
    return (await applyDefences(gradient, rest, { stream })) as NamedArrays;
  };
  return { ...(rows !== undefined && { rowClipNorm: rows.norm }), transformGradient };
}
