// The states of a recorded training, in whatever order they are asked for, as they were to the last bit: read where they
// are stored, else computed again by the graphs that made them.
import { itemAt } from "../engine/lists.ts";
import { createPacing, walk } from "./pacing.ts";
import { internalsOf, type RecordedStep, type TrainingRecord } from "./record.ts";
import type { Carry } from "./stepper.ts";
import { bytesOf, zerosOf } from "./trees.ts";

/**
 * The state before step `step` (for `lastStep`: at the end).
 *
 * @throws RangeError when the record has no such step
 */
export async function replay(record: TrainingRecord, step: number): Promise<Carry> {
  requireStep(record, step);
  const from = storedBefore(record, step + 1);
  return advance(record, { step: from, state: await internalsOf(record).store.get(from) }, step);
}

/**
 * The recorded steps from the last to the first. What lies between two stored states is computed again: held while it is
 * gone through where that takes little memory, else halved, so that a walk through `states: "log"` holds a logarithm of them.
 * The arrays may be the record's own: they are to be read only.
 *
 * @param options.from the first step to be given, `record.firstStep` by default
 * @throws RangeError when the record has no such step
 */
export async function* replayBackward(
  record: TrainingRecord,
  { from = record.firstStep }: { readonly from?: number } = {},
): AsyncGenerator<RecordedStep> {
  requireStep(record, from);
  const { store } = internalsOf(record);
  for (let end = record.lastStep; end > from; ) {
    const begin = storedBefore(record, end);
    yield* spanBackward(record, { step: begin, state: await store.view(begin) }, { from, end });
    end = begin;
  }
}

/** The recorded steps in their order; the arrays may be the record's own: they are to be read only. */
export async function* replayForward(record: TrainingRecord): AsyncGenerator<RecordedStep> {
  const { store } = internalsOf(record);
  const stored = new Set(record.stored);
  let state = await store.view(record.firstStep);
  for (let step = record.firstStep; step < record.lastStep; step++) {
    yield recordedStep(record, step, state);
    if (step + 1 === record.lastStep) return;
    state = stored.has(step + 1)
      ? await store.view(step + 1)
      : await advance(record, { step, state }, step + 1);
  }
}

interface Place {
  readonly step: number;
  readonly state: Carry;
}

/** States of a span are held together up to so many, or as many as a square root of the record's steps. */
const heldSteps = 64;
const heldBytes = 2 ** 28;

async function* spanBackward(
  record: TrainingRecord,
  begin: Place,
  { from, end }: { readonly from: number; readonly end: number },
): AsyncGenerator<RecordedStep> {
  const length = end - begin.step;
  const root = Math.ceil(Math.sqrt(record.lastStep - record.firstStep)) + 1;
  const isShort = length <= Math.max(heldSteps, root) && length * bytesOf(begin.state) <= heldBytes;
  if (length > 2 && !isShort) {
    const middle = begin.step + Math.floor(length / 2);
    const half = { step: middle, state: await advance(record, begin, middle) };
    yield* spanBackward(record, half, { from, end });
    if (middle > from) yield* spanBackward(record, begin, { from, end: middle });
    return;
  }
  const places = [begin];
  for (let step = begin.step + 1; step < end; step++) {
    const before = itemAt(places, places.length - 1);
    places.push({ step, state: await advance(record, before, step) });
  }
  for (const { step, state } of places.reverse()) if (step >= from) yield recordedStep(record, step, state);
}

/** The state at a later step, in arrays of its own. */
async function advance(record: TrainingRecord, { step, state }: Place, to: number): Promise<Carry> {
  const { firstStep } = record;
  const walker = { carry: state, spare: zerosOf(state) as Carry };
  // The first call takes one step into arrays of its own: the state that was given stays what it is.
  for (const [begin, end] of [
    [step, Math.min(step + 1, to)],
    [step + 1, to],
  ] as const) {
    if (begin >= end) continue;
    const batches = record.batches.slice(begin - firstStep, end - firstStep);
    const learningRateOf = (at: number): number => itemAt(record.learningRates, at - firstStep);
    const span = { firstStep: begin, total: to, batches, learningRateOf };
    for await (const _ of walk(
      internalsOf(record).stepper,
      walker,
      createPacing(end - begin === 1 ? 1 : undefined),
      span,
    ));
    if (walker.spare === state) walker.spare = zerosOf(state) as Carry;
  }
  return walker.carry;
}

function recordedStep(
  { firstStep, batches, learningRates }: TrainingRecord,
  step: number,
  state: Carry,
): RecordedStep {
  const i = step - firstStep;
  return { step, ...state, batch: itemAt(batches, i), learningRate: itemAt(learningRates, i) };
}

/** The last stored step before `step`. */
function storedBefore({ stored, firstStep }: TrainingRecord, step: number): number {
  return stored.findLast((candidate) => candidate < step) ?? firstStep;
}

/** @throws RangeError when the record has no such step */
export function requireStep({ firstStep, lastStep }: TrainingRecord, step: number): void {
  if (!Number.isInteger(step) || step < firstStep || step > lastStep)
    throw new RangeError(`replay: ${step} is not a step of ${firstStep} to ${lastStep}`);
}
