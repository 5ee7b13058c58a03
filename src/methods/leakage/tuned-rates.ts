import type { TrainingOutcome, TrainingTask } from "./accuracy-work.ts";

/** The learning rate of each defence: a defence is to be judged by the best training under it. */

/** Where the best rate is the smallest or largest tried, one beyond it is tried, by this factor, in so many further rounds. */
const rateStep = 3;
const furtherRounds = 2;

export interface TuningRequest {
  readonly defences: readonly string[];
  /** The first to be tried. */
  readonly rates: readonly number[];
  taskOf(defence: string, learningRate: number): TrainingTask;
  /** Does these trainings, but for those that are finished, by their place. */
  train(
    trials: readonly TrainingTask[],
    finished: ReadonlyMap<number, TrainingOutcome>,
  ): Promise<TrainingOutcome[]>;
  /** Outcomes of a tuning that was interrupted. */
  readonly finished?: ReadonlyMap<number, TrainingOutcome>;
}

/** For each defence the rate of the best accuracy; where that is at the edge of those tried, rates beyond are tried too. */
export async function tunedRates({
  defences,
  rates,
  taskOf,
  train,
  finished,
}: TuningRequest): Promise<number[]> {
  /** Every trial so far, in an order that follows from the outcomes alone, so that a run that goes on finds its own again. */
  const trials: TrainingTask[] = [];
  const outcomes = new Map(finished);
  const triedUnder = (defence: string): RatedTrial[] => ratedTrials(trials, outcomes, defence);
  let next = defences.map((defence) => ({ defence, candidates: [...rates].sort((a, b) => a - b) }));
  for (let round = 0; next.length > 0; round++) {
    for (const { defence, candidates } of next)
      trials.push(...candidates.map((learningRate) => taskOf(defence, learningRate)));
    for (const [place, outcome] of (await train(trials, outcomes)).entries()) outcomes.set(place, outcome);
    if (round === furtherRounds) break;
    next = defences.flatMap((defence) => {
      const further = rateBeyond(triedUnder(defence));
      return further === undefined ? [] : [{ defence, candidates: [further] }];
    });
  }
  return defences.map((defence) => bestOf(triedUnder(defence)).learningRate);
}

interface RatedTrial {
  readonly learningRate: number;
  readonly accuracy: number;
}

/** The trials of a defence, by rising learning rate. */
function ratedTrials(
  trials: readonly TrainingTask[],
  outcomes: ReadonlyMap<number, TrainingOutcome>,
  defence: string,
): RatedTrial[] {
  return trials
    .map(({ learningRate, defence: own }, i) => ({
      learningRate,
      own,
      accuracy: outcomes.get(i)?.accuracy ?? 0,
    }))
    .filter(({ own }) => own === defence)
    .sort((a, b) => a.learningRate - b.learningRate);
}

function bestOf(trials: readonly RatedTrial[]): RatedTrial {
  const [first, ...others] = trials;
  if (first === undefined) throw new Error("cost: a defence without trials");
  return others.reduce((best, trial) => (trial.accuracy > best.accuracy ? trial : best), first);
}

/** A rate beyond the best, where that is the smallest or the largest of several. */
function rateBeyond(trials: readonly RatedTrial[]): number | undefined {
  if (trials.length < 2) return undefined;
  const best = bestOf(trials);
  if (best === trials[0]) return best.learningRate / rateStep;
  return best === trials.at(-1) ? best.learningRate * rateStep : undefined;
}
