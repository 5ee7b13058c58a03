/** What the commands about one training begin with: the data, the network, the question, and the training's options. */
import type { RandomStream, RandomStreamState } from "../../numeric/random.ts";
import type { Run } from "../../runs/run.ts";
import type { TrainModelOptions } from "../../training/train-options.ts";
import type { DataParameters } from "./data-parameters.ts";
import { type Judged, judgedBy } from "./judged.ts";
import { type Network, openNetwork } from "./network.ts";
import { type DataRequest, type PreparedData, prepareData } from "./prepared-data.ts";
import type { RankParameters } from "./rank-command.ts";
import { type RecordChoice, recordChoice } from "./record-states.ts";
import { recordBytes, setupOf, type TrainingSetup, trainingOptions } from "./training-setup.ts";

export interface OpenedTraining {
  readonly prepared: PreparedData;
  readonly network: Network;
  readonly judged: Judged;
  readonly setup: TrainingSetup;
  readonly options: TrainModelOptions;
  /** Of the stream that draws the parameters and the batches, before it drew. */
  readonly start: RandomStreamState;
  readonly record: RecordChoice;
}

/** What the parameters ask of the data. */
export function dataRequest(
  { header, ...others }: DataParameters,
  context: Pick<DataRequest, "stream" | "signal">,
): DataRequest {
  return { ...others, ...context, header: header === "auto" ? undefined : header === "yes" };
}

/**
 * Reads and checks everything, and trains nothing yet.
 *
 * @param seeds the stream of the run's seed: its first child divides the data, its second draws the training
 * @throws InputError in one line for whatever does not fit
 */
export async function openTraining(
  parameters: RankParameters,
  seeds: RandomStream,
  run: Pick<Run, "signal" | "note" | "progress">,
): Promise<OpenedTraining> {
  const { signal } = run;
  const [splitting, training] = seeds.spawn(2);
  if (splitting === undefined || training === undefined) throw new Error("spawn(2) gives two streams");
  const prepared = await prepareData(dataRequest(parameters, { stream: splitting, signal }));
  const setup = setupOf(parameters, prepared);
  const network = await openNetwork(setup, setup);
  const judged = judgedBy(parameters.query, prepared);
  const start = training.state();
  const options = await trainingOptions(setup, prepared.parts.train.examples, {
    stream: training,
    signal,
    onProgress: ({ step, steps, loss }) => run.progress(step, steps, `training, loss ${loss.toPrecision(3)}`),
  });
  const record = recordChoice(parameters.record, {
    bytes: recordBytes(options, "all"),
    epochs: parameters.epochs,
  });
  for (const notice of [...prepared.notices, ...network.notices]) run.note(`${notice}.`);
  return { prepared, network, judged, setup, options, start, record };
}
