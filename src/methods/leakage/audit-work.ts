/** One attack of an audit, from end to end, in whichever process it is done: see audit.ts. */
import { castArray, type NDArray, ndarray } from "../../engine/ndarray.ts";
import * as tree from "../../engine/tree.ts";
import { type RandomStreamState, resumeRandomStream } from "../../numeric/random.ts";
import type { WorkContext } from "../../runs/workers/protocol.ts";
import { attackGradient } from "./attack-gradient.ts";
import { type ModelChoice, openAttackedModel } from "./attacked-model.ts";
import { clientGradients } from "./client.ts";
import type { Gradient } from "./defences/defence.ts";
import { parseDefences } from "./defences/parse.ts";
import { meanSquaredError, peakSignalToNoiseRatio } from "./image-metrics.ts";
import type { Float } from "./shared-gradient.ts";

export interface AuditTask {
  /** [channels, height, width] in [0, 1]. */
  readonly image: NDArray;
  readonly label: number;
  readonly network: ModelChoice;
  /** Of a named network. */
  readonly classes: number;
  readonly defence: string;
  readonly evaluations: number;
  readonly dtype: Float;
  /** Draws the network, the start and the defence's noise: the same for each defence, so that they are compared in pairs. */
  readonly stream: RandomStreamState;
}

/** How one attack went. */
export interface AuditedAttack {
  readonly meanSquaredError: number;
  /** In dB, for a peak of 1. */
  readonly psnr: number;
  readonly labelRecovered: boolean;
  /**
   * How far the defence turned the gradient: the sine of the angle between what is shared and the exact one, from 0 to 1.
   * The length does not count, so that clipping by itself is 0.
   */
  readonly distortion: number;
  readonly evaluations: number;
  readonly status: string;
  /** What the attacker did, in words. */
  readonly attacker: string;
}

/** The client's gradient, the defence, the attack and the judgement. */
export default async function auditWork(task: AuditTask, { signal }: WorkContext): Promise<AuditedAttack> {
  const { image, label, network, classes, evaluations, dtype } = task;
  const attacked = await openAttackedModel(network, { inputShape: image.shape, classes });
  const { model } = attacked;
  const [weights, start, noise] = resumeRandomStream(task.stream).spawn(3);
  if (weights === undefined || start === undefined || noise === undefined)
    throw new Error("spawn(3) gives three streams");
  const parameters = attacked.parameters(weights, dtype);
  const x = ndarray(image.data, [1, ...image.shape], image.dtype);
  const plan = parseDefences(task.defence);
  const client = { model, parameters, x, labels: [label], plan, noise, dtype };
  const { exact, shared: gradient } = await clientGradients(client);
  const found = await attackGradient({
    model,
    parameters,
    gradient,
    examples: 1,
    settings: { labels: "infer", method: "auto", evaluations, restarts: 1, dtype, plan },
    stream: start,
    signal,
  });
  const original = castArray(image, "float64");
  const recovered = ndarray(found.recovered.data, image.shape, "float64");
  return {
    meanSquaredError: meanSquaredError(original, recovered),
    psnr: peakSignalToNoiseRatio(original, recovered),
    labelRecovered: found.recoveredLabels[0] === label,
    distortion: sineBetween(exact, gradient),
    evaluations: found.evaluations,
    status: found.attempts[found.chosen]?.status ?? "read off",
    attacker: found.attacker,
  };
}

/** The sine of the angle between two gradients as vectors; 1 where one of them is zero. */
function sineBetween(a: Gradient, b: Gradient): number {
  const theirs = tree.leavesLike(a, b) as NDArray[];
  let [dot, first, second] = [0, 0, 0];
  for (const [i, array] of (tree.leaves(a) as NDArray[]).entries())
    for (let j = 0; j < array.data.length; j++) {
      const [u, v] = [Number(array.data[j]), Number(theirs[i]?.data[j])];
      dot += u * v;
      first += u * u;
      second += v * v;
    }
  if (first === 0 || second === 0) return 1;
  return Math.sqrt(Math.max(0, 1 - (dot * dot) / (first * second)));
}
