/** One attack on a noised gradient, as a task of its own. */
import { type NDArray, ndarray } from "../../engine/ndarray.ts";
import type { Named } from "../../models/model.ts";
import { type RandomStreamState, resumeRandomStream } from "../../numeric/random.ts";
import type { Work } from "../../runs/workers/protocol.ts";
import { type ModelChoice, openAttackedModel } from "./attacked-model.ts";
import { meanSquaredError } from "./image-metrics.ts";
import { recover } from "./recover.ts";

export interface RiskTask {
  readonly network: ModelChoice;
  readonly parameters: Named<NDArray>;
  /** As the client sent it, with its noise. */
  readonly gradient: Named<NDArray>;
  readonly label: number;
  /** Where the attacker's start comes from. */
  readonly start: RandomStreamState;
  readonly evaluations: number;
  /** For the judge alone: what the attack ended with is compared with it, and nothing before. */
  readonly image: NDArray<"float64">;
}

export interface RiskDraw {
  readonly meanSquaredError: number;
  /** Squared distance of the gradients at the end. */
  readonly matchingLoss: number;
  readonly evaluations: number;
}

const work: Work<RiskTask, RiskDraw> = async (task, { signal, report }) => {
  const { model } = await openAttackedModel(task.network);
  const { images, matchingLoss, evaluations } = await recover({
    model,
    parameters: task.parameters,
    gradient: task.gradient,
    labels: [task.label],
    stream: resumeRandomStream(task.start),
    evaluations: task.evaluations,
    workers: 1,
    signal,
    onStep: ({ evaluation }) => report(evaluation),
  });
  const recovered = ndarray(images.data, task.image.shape, "float64");
  return { meanSquaredError: meanSquaredError(task.image, recovered), matchingLoss, evaluations };
};

export default work;
