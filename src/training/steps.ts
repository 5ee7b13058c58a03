/**
 * Which steps something happens at: all, every k-th, given ones, those a rounded square root apart (so that
 * recomputing what lies between needs as much memory again), those that halve what is left (`log`: T/2, 3T/4, ..., the
 * fewest from which a walk backwards takes O(T log T) steps), or the last epochs.
 */
export type StepSelection =
  | "all"
  | "none"
  | "sqrt"
  | "log"
  | { readonly every: number }
  | { readonly lastEpochs: number }
  | readonly number[];

export interface SelectedSteps {
  has(step: number): boolean;
  /** The first selected step after `step`, or infinity. */
  after(step: number): number;
  /** How many there are up to and including the last one. */
  readonly count: number;
}

/**
 * The steps of a selection in a training of `total` steps; step t is the moment before the t-th update, counted from 0,
 * and `total` the end.
 *
 * @throws RangeError when the selection asks for what does not exist
 */
export function selectSteps(
  selection: StepSelection,
  { total, stepsPerEpoch }: { readonly total: number; readonly stepsPerEpoch?: number | undefined },
): SelectedSteps {
  if (selection === "none") return { has: () => false, after: () => Number.POSITIVE_INFINITY, count: 0 };
  if (selection === "all") return everyFrom(0, 1, total);
  if (selection === "sqrt") return everyFrom(0, Math.max(1, Math.round(Math.sqrt(total))), total);
  if (selection === "log") return givenSteps(halvings(total), total);
  if (isList(selection)) return givenSteps(selection, total);
  if ("every" in selection) {
    if (!Number.isInteger(selection.every) || selection.every < 1)
      throw new RangeError(`steps: every ${selection.every} is not a positive integer`);
    return everyFrom(0, selection.every, total);
  }
  if (stepsPerEpoch === undefined) throw new RangeError("steps: lastEpochs needs a sampler with epochs");
  if (!(selection.lastEpochs >= 1))
    throw new RangeError(`steps: lastEpochs ${selection.lastEpochs} is not a number from 1 up`);
  return everyFrom(Math.max(0, total - selection.lastEpochs * stepsPerEpoch), 1, total);
}

function halvings(total: number): number[] {
  const steps = [0];
  for (let left = total; left > 1; left = Math.floor(left / 2)) steps.push(total - Math.floor(left / 2));
  return steps;
}

function isList(selection: StepSelection): selection is readonly number[] {
  return Array.isArray(selection);
}

function givenSteps(selection: readonly number[], total: number): SelectedSteps {
  const sorted = [...new Set(selection)].sort((a, b) => a - b);
  const bad = sorted.find((step) => !Number.isInteger(step) || step < 0 || step > total);
  if (bad !== undefined) throw new RangeError(`steps: ${bad} is not a step of 0 to ${total}`);
  const set = new Set(sorted);
  return {
    has: (step) => set.has(step),
    after: (step) => sorted.find((selected) => selected > step) ?? Number.POSITIVE_INFINITY,
    count: sorted.length,
  };
}

function everyFrom(first: number, every: number, total: number): SelectedSteps {
  return {
    has: (step) => step >= first && step <= total && (step - first) % every === 0,
    after: (step) => {
      const next = step < first ? first : first + (Math.floor((step - first) / every) + 1) * every;
      return next <= total ? next : Number.POSITIVE_INFINITY;
    },
    count: total < first ? 0 : Math.floor((total - first) / every) + 1,
  };
}
