/** Trainings that tell what was predicted, in whichever process they are done: see verification.ts. */

import { type RandomStreamState, resumeRandomStream } from "../../numeric/random.ts";
import type { Work } from "../../runs/workers/protocol.ts";
import type { Examples } from "../../training/problem.ts";
import { replay } from "../../training/replay.ts";
import { retrainWithout } from "../../training/retrain.ts";
import { meanLosses } from "./mean-losses.ts";
import { type TrainingSetup, trainingOptions, trainRecorded } from "./training-setup.ts";

export interface EffectsCommon {
  readonly setup: TrainingSetup;
  readonly train: Examples;
  /** Whose mean loss is looked at. */
  readonly judged: Examples;
  /** Of the training whose rows are judged. */
  readonly stream: RandomStreamState;
}

export interface EffectsTask {
  /** The rows that each retraining lacks. */
  readonly removals: readonly (readonly number[])[];
  /** Draws the order of the batches instead of the common stream, where that is what is to be told apart. */
  readonly order?: RandomStreamState;
}

/** The mean loss over the judged examples of each retraining. */
const work: Work<EffectsTask, readonly number[], EffectsCommon | undefined> = async (
  { removals, order },
  { common, signal },
) => {
  if (common === undefined) throw new TypeError("effects-work: the trainings share no data");
  const stream = resumeRandomStream(common.stream);
  const options = await trainingOptions(common.setup, common.train, {
    stream,
    order: order && resumeRandomStream(order),
    signal,
  });
  const { record } = await trainRecorded(options, { states: "none" });
  try {
    const ends =
      order === undefined
        ? await retrainWithout(record, removals, { signal })
        : [(await replay(record, record.lastStep)).parameters];
    return await meanLosses(record, ends, common.judged);
  } finally {
    await record.dispose();
  }
};

export default work;
