import { readImage } from "../../data/image.ts";
import { InputError } from "../../data/input-error.ts";
import { formatNumber } from "../../runs/format.ts";
import type { CommandResult } from "../../runs/method.ts";
import type { Run } from "../../runs/run.ts";
import { type AttackImage, type AttackParameters, type AttackState, modelInputs } from "./attack-outcome.ts";
import { parseDefences } from "./defences/parse.ts";
import { reportAttack } from "./report-attack.ts";

export interface RunAttackRequest {
  /** The file of the image to attack. */
  readonly path: string;
  readonly parameters: AttackParameters;
  readonly run: Run;
  readonly attackImage: AttackImage;
}

/**
 * The command `leakage attack`: reads the image at the model's size, attacks its gradient, writes the result.
 *
 * @throws InputError when the defence cannot be read or the file is not an image that can be read
 */
export async function runAttack({
  path,
  parameters,
  run,
  attackImage,
}: RunAttackRequest): Promise<CommandResult> {
  checkDefence(parameters.defence);
  const { image, notices } = await readImage(path, modelInputs[parameters.model]);
  for (const notice of notices) run.note(`${notice}.`);
  run.signal.throwIfAborted();
  const outcome = await attackImage({
    image,
    parameters,
    stream: run.rng,
    checkpoints: {
      resumed: run.resume<AttackState>(),
      due: run.checkpointDue,
      keep: run.checkpoint,
    },
    signal: run.signal,
    onProgress: ({ evaluation, evaluations, matchingLoss }) =>
      run.progress(evaluation, evaluations, `matching loss ${formatNumber(matchingLoss, { digits: 2 })}`),
  });
  return reportAttack(run, outcome);
}

/** @throws InputError in one line for a list of defences that cannot be read or needs more than one image */
function checkDefence(text: string | undefined): void {
  try {
    const plan = parseDefences(text ?? "none");
    if (plan.batch === undefined && plan.localSteps === undefined) return;
  } catch (error) {
    throw new InputError(`--defence: ${error instanceof Error ? error.message : String(error)}`);
  }
  throw new InputError(
    `--defence: found "${text}"; expected defences of one gradient: one image is attacked, batch and local-steps mix several`,
  );
}
