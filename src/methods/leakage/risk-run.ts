import { readImage } from "../../data/image.ts";
import { type NDArray, ndarray } from "../../engine/ndarray.ts";
import * as tree from "../../engine/tree.ts";
import type { Named } from "../../models/model.ts";
import { type RandomStream, randomStream } from "../../numeric/random.ts";
import { momentsOf, standardErrorOf } from "../../numeric/statistics/moments.ts";
import { formatNumber } from "../../runs/format.ts";
import type { CommandResult } from "../../runs/method.ts";
import type { Run } from "../../runs/run.ts";
import { mapTasks, workModule } from "../../runs/workers/map-tasks.ts";
import { checkClasses, imageShapeOf, type ModelChoice, openAttackedModel } from "./attacked-model.ts";
import { addGaussianNoise } from "./defences/noise.ts";
import { type LeakageRisk, leakageRisk } from "./risk.ts";
import type { RiskParameters } from "./risk-command.ts";
import { reportRisk } from "./risk-report.ts";
import type { RiskDraw, RiskTask } from "./risk-work.ts";
import { sharedGradient } from "./shared-gradient.ts";

/** One noise: the attack on it beside the linear prediction for the very same noise. */
export interface MeasuredDraw extends RiskDraw {
  /** Whether the attack explains the gradient down to its noise; an attacker sees that too. */
  readonly reachedNoise: boolean;
  /** The linearised attacker's mean squared error; absent where that takes too long or nothing is unique. */
  readonly linear?: number;
}

export interface RiskOutcome {
  readonly noise: number;
  readonly label: number;
  readonly risk: LeakageRisk;
  readonly draws: readonly MeasuredDraw[];
  /** Over the draws that reached the noise; `standardError` is absent for fewer than two. */
  readonly measured?: { readonly count: number; readonly mean: number; readonly standardError?: number };
  readonly model: { readonly description: string; readonly classes: number };
}

/** Unknowns up to which the linear system of one draw is factored: seconds beyond. */
const mostUnknownsSolved = 1000;

/**
 * The command `leakage risk`: the spectrum of JᵀJ at the image, its prediction, and attacks on gradients with that noise.
 *
 * Streams spawned from the run's draw the network's parameters and the label, then the noise and the start of each draw.
 *
 * @throws InputError when the file is not an image that can be read or the label is no class of the model
 */
export async function runRisk(parameters: RiskParameters, run: Run): Promise<CommandResult> {
  const { noise, draws: count, evaluations } = parameters;
  const attacked = await openAttackedModel(parameters);
  const { model } = attacked;
  checkClasses(parameters.label === undefined ? [] : [parameters.label], model);
  const { image, notices } = await readImage(parameters.image, imageShapeOf(model));
  for (const notice of notices) run.note(`${notice}.`);
  run.signal.throwIfAborted();

  const [weights, labels, ...streams] = run.rng.spawn(2 + 2 * count);
  if (weights === undefined || labels === undefined) throw new Error("spawn gives as many streams as asked");
  const values = attacked.parameters(weights, "float64");
  const label = parameters.label ?? labels.integers(1, 0, model.classes)[0] ?? 0;
  const x = ndarray(image.data, [1, ...image.shape], "float64");
  const total = 1 + count;
  const risk = await leakageRisk({
    model,
    parameters: values,
    x,
    labels: [label],
    signal: run.signal,
    onProgress: (part) =>
      run.progress(part, total, `spectrum of ${image.data.length} x ${image.data.length}`),
  });
  try {
    const exact = await sharedGradient({ model, parameters: values, x, labels: [label], dtype: "float64" });
    const noises = streams.slice(0, count).map((stream) => gaussianLike(exact, noise, stream));
    const tasks = noises.map(
      (added, draw): RiskTask => ({
        network: networkOf(parameters),
        parameters: values,
        gradient: tree.map(sum, exact, added) as Named<NDArray>,
        label,
        start: (streams[count + draw] ?? randomStream(draw)).state(),
        evaluations,
        image,
      }),
    );
    const parts = new Float64Array(count);
    const results = await mapTasks<RiskTask, RiskDraw>(workModule(import.meta.url, "risk-work"), tasks, {
      threads: run.threads,
      signal: run.signal,
      onProgress: (draw, evaluation) => {
        parts[draw] = Math.min(1, Number(evaluation) / evaluations);
        const done = parts.reduce((sum, part) => sum + part, 0);
        run.progress(1 + done, total, "attacks on noised gradients");
      },
      onResult: (draw, { meanSquaredError }) => {
        parts[draw] = 1;
        run.metric("mean-squared-error", draw, meanSquaredError);
      },
    });
    const solves = risk.undetermined === 0 && risk.unknowns <= mostUnknownsSolved;
    const draws: MeasuredDraw[] = [];
    for (const [draw, result] of results.entries()) {
      run.signal.throwIfAborted();
      const added = noises[draw];
      const error = solves && added !== undefined ? await risk.linearError(added) : undefined;
      draws.push({
        ...result,
        reachedNoise: result.matchingLoss <= noiseFloor(risk, noise),
        ...(error && { linear: error.reduce((sum, value) => sum + value * value, 0) / error.length }),
      });
    }
    const reached = momentsOf(draws.filter((draw) => draw.reachedNoise).map((draw) => draw.meanSquaredError));
    run.progress(total, total, `predicted error ${formatNumber(risk.predictedMse(noise), { digits: 2 })}`);
    return await reportRisk(run, {
      noise,
      label,
      risk,
      draws,
      ...(reached.count > 0 && {
        measured: {
          count: reached.count,
          mean: reached.mean,
          ...(reached.count > 1 && { standardError: standardErrorOf(reached) }),
        },
      }),
      model: { description: model.description, classes: model.classes },
    });
  } finally {
    await risk.dispose();
  }
}

function networkOf({ model, activation, mean, deviation }: RiskParameters): ModelChoice {
  return { model, activation, mean, deviation };
}

/**
 * The matching loss up to which an attack counts as down to the noise. At the best image it is about s² (equations −
 * unknowns), that of the truth s² · equations with a relative spread of √(2 / equations).
 */
function noiseFloor({ equations }: LeakageRisk, noise: number): number {
  return noise ** 2 * equations * (1 + 5 * Math.sqrt(2 / equations));
}

function gaussianLike(gradient: Named<NDArray>, scale: number, stream: RandomStream): Named<NDArray> {
  const zeros = tree.map(
    ({ shape, data }: NDArray) => ndarray(new Float64Array(data.length), shape, "float64"),
    gradient,
  ) as Named<NDArray>;
  return addGaussianNoise(zeros, { scale }, stream);
}

function sum(a: NDArray, b: NDArray): NDArray {
  const more = b.data as Float64Array;
  const data = Float64Array.from(a.data as Float64Array, (value, i) => value + (more[i] ?? 0));
  return ndarray(data, a.shape, "float64");
}
