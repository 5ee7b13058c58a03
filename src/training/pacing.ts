import type { Batch } from "./sampler.ts";
import type { Carry, StepLosses, Stepper } from "./stepper.ts";

/** How many steps go into one call: long calls save the cost of a call, and each length is a graph to be compiled. */
export interface Pacing {
  /** The most steps that the next call may take, where so many are left in all. */
  longest(remaining: number): number;
  /** The length of the next call where `available` steps are there to be taken. */
  pick(available: number, remaining: number): number;
  measured(length: number, seconds: number): void;
}

const lengths = [64, 8, 1];
/** A call is not made longer than this, so that progress shows and an abort is heard. */
const secondsPerCall = 0.25;
/** Steps that take longer gain nothing from sharing a call. */
const slowStep = 0.01;
/** What a call costs beside its steps: measured, about a tenth of a millisecond. */
const secondsOfCall = 1e-4;

/**
 * @param stepsPerCall a fixed length; by default it grows with how fast the steps turn out to be and how many are left
 * @throws RangeError when it is neither a positive integer nor infinity
 */
export function createPacing(stepsPerCall?: number): Pacing {
  if (stepsPerCall !== undefined) {
    if (stepsPerCall !== Number.POSITIVE_INFINITY && (!Number.isInteger(stepsPerCall) || stepsPerCall < 1))
      throw new RangeError(`train: stepsPerCall ${stepsPerCall} is not a positive integer`);
    const fixed = [stepsPerCall, ...lengths.filter((length) => length < stepsPerCall)];
    return {
      longest: () => stepsPerCall,
      pick: (available) =>
        stepsPerCall === Number.POSITIVE_INFINITY ? available : longestWithin(fixed, available),
      measured: () => {},
    };
  }
  let calls = 0;
  let first = 0;
  let shortest = Number.POSITIVE_INFINITY;
  let hasGrown = false;
  const longest = (remaining: number): number => {
    if (calls < 2 || shortest > slowStep) return 1;
    // The first call holds a compilation: two more must be worth their while.
    if (!hasGrown && remaining * secondsOfCall < 2 * first) return 1;
    hasGrown = true;
    return longestWithin(lengths, secondsPerCall / shortest);
  };
  return {
    longest,
    pick: (available, remaining) => longestWithin(lengths, Math.min(available, longest(remaining))),
    measured(length, seconds) {
      if (calls === 0) first = seconds;
      calls++;
      shortest = Math.min(shortest, seconds / length);
    },
  };
}

function longestWithin(descending: readonly number[], bound: number): number {
  return descending.find((length) => length <= bound) ?? 1;
}

/** The state that steps move along: two sets of arrays that take turns, so that a warm loop allocates none. */
export interface Walker {
  carry: Carry;
  spare: Carry;
}

/** One call's worth of steps, as {@link walk} reports them. */
export interface Stretch extends StepLosses {
  readonly firstStep: number;
  readonly batches: readonly Batch[];
}

/**
 * Takes the given steps in as few calls as their shapes and the pacing allow, and yields after each call, when
 * `walker.carry` is the state after it.
 */
export async function* walk(
  stepper: Stepper,
  walker: Walker,
  pacing: Pacing,
  {
    firstStep,
    batches,
    learningRateOf,
    total,
  }: {
    readonly firstStep: number;
    readonly batches: readonly Batch[];
    readonly learningRateOf: (step: number) => number;
    /** The step at which all ends, of which these may be the next few. */
    readonly total: number;
  },
): AsyncGenerator<Stretch> {
  for (let place = 0; place < batches.length; ) {
    let alike = 1;
    while (place + alike < batches.length && haveOneShape(batches[place], batches[place + alike])) alike++;
    const length = pacing.pick(alike, total - firstStep - place);
    const taken = batches.slice(place, place + length);
    const step = firstStep + place;
    const start = performance.now();
    const losses = await stepper.run(walker.carry, walker.spare, {
      firstStep: step,
      batches: taken,
      learningRates: taken.map((_, i) => learningRateOf(step + i)),
    });
    pacing.measured(length, (performance.now() - start) / 1000);
    const { carry, spare } = walker;
    walker.carry = spare;
    walker.spare = carry;
    place += length;
    yield { firstStep: step, batches: taken, ...losses };
  }
}

function haveOneShape(a: Batch | undefined, b: Batch | undefined): boolean {
  return a?.indices.length === b?.indices.length && (a?.weights === undefined) === (b?.weights === undefined);
}
