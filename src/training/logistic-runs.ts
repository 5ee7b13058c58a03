/**
 * Trainings of logistic regression that share their batches and lack some rows each, four at a time in WebAssembly
 * (assembly/logistic-runs.ts): the steps of one are too small for a call of the runtime, and for SIMD.
 */
import { instantiate } from "../numeric/web-assembly.ts";
import { logisticRunsModule } from "./logistic-runs.wasm.ts";
import type { LogisticTraining } from "./logistic-training.ts";

interface Loops {
  train(
    theta: number,
    width: number,
    x: number,
    y: number,
    mask: number,
    order: number,
    weights: number,
    sizes: number,
    rates: number,
    scratch: number,
    steps: number,
    rowPenalty: number,
    weightDecay: number,
    renormalizes: number,
  ): void;
}

/** How many trainings go side by side, and to a multiple of how many rows a batch is filled up. */
const lanes = 4;
const group = 5;
/** The module's own tables lie below. */
const firstByte = 65536;

/**
 * The ends of the training without some rows, in the order of the removals.
 *
 * @param removed the rows that each training lacks
 * @param options.renormalizes whether a batch that lacks rows is divided by what is left
 * @param options.from the first step in which they are missing; default 0
 * @param options.onEnds called with how many have ended, every few; may wait
 * @returns parameters [width] of each
 */
export async function logisticRuns(
  training: LogisticTraining,
  removed: readonly ReadonlySet<number>[],
  {
    renormalizes,
    from = 0,
    onEnds,
  }: {
    readonly renormalizes: boolean;
    readonly from?: number;
    readonly onEnds?: (count: number) => Promise<void>;
  },
): Promise<Float64Array[]> {
  const { x, y, width: own, batches, learningRates, rowPenalty, weightDecay, trajectory } = training;
  // The loops take four columns at a time; columns of zeros change nothing.
  const width = Math.ceil(own / 4) * 4;
  const filled = batches.map(({ length }) => Math.ceil(length / group) * group);
  const entries = filled.reduce((sum, count) => sum + count, 0);
  const rows = y.length;
  const sizes = {
    theta: 8 * width * lanes,
    x: 8 * (rows + 1) * width,
    y: 8 * (rows + 1),
    mask: 8 * (rows + 1) * lanes,
    weights: 8 * entries,
    rates: 8 * batches.length,
    scratch: 8 * filled.reduce((most, count) => Math.max(most, count), 0) * lanes,
    order: 4 * entries,
    sizes: 4 * batches.length,
  };
  let end = firstByte;
  const at = Object.fromEntries(
    Object.entries(sizes).map(([name, bytes]) => {
      end += bytes;
      return [name, end - bytes];
    }),
  ) as Record<keyof typeof sizes, number>;
  const { exports: loops, buffer } = instantiate<Loops>(logisticRunsModule, end);
  const floats = (name: keyof typeof sizes): Float64Array =>
    new Float64Array(buffer, at[name], sizes[name] / 8);
  const integers = (name: "order" | "sizes"): Int32Array => new Int32Array(buffer, at[name], sizes[name] / 4);

  const table = floats("x");
  for (let row = 0; row < rows; row++) table.set(x.subarray(row * own, (row + 1) * own), row * width);
  floats("y").set(y);
  floats("rates").set(learningRates);
  integers("sizes").set(batches.map(({ length }) => length));
  const order = integers("order").fill(rows);
  const weights = floats("weights");
  /** Where each step's entries begin. */
  const placeOf = new Int32Array(batches.length + 1);
  let place = 0;
  for (const [step, batch] of batches.entries()) {
    order.set(batch, place);
    for (let k = 0; k < batch.length; k++) weights[place + k] = training.weights[step]?.[k] ?? 1;
    place += filled[step] ?? 0;
    placeOf[step + 1] = place;
  }
  const [theta, mask] = [floats("theta"), floats("mask")];
  const starts = firstTouched(batches, removed, from);
  // Those that part from the common course at about the same step go together, from there on.
  const places = removed.map((_, i) => i).sort((a, b) => (starts[a] ?? 0) - (starts[b] ?? 0));
  const ends: Float64Array[] = [];
  for (let first = 0; first < places.length; first += lanes) {
    const together = places.slice(first, first + lanes);
    const begin = starts[together[0] ?? 0] ?? 0;
    mask.fill(1, 0, rows * lanes);
    for (let lane = 0; lane < lanes; lane++) {
      for (const row of removed[together[lane] ?? -1] ?? []) mask[row * lanes + lane] = 0;
      for (let i = 0; i < own; i++) theta[i * lanes + lane] = trajectory[begin * own + i] as number;
    }
    const skipped = placeOf[begin] ?? 0;
    loops.train(
      at.theta,
      width,
      at.x,
      at.y,
      at.mask,
      at.order + 4 * skipped,
      at.weights + 8 * skipped,
      at.sizes + 4 * begin,
      at.rates + 8 * begin,
      at.scratch,
      batches.length - begin,
      rowPenalty,
      weightDecay,
      Number(renormalizes),
    );
    for (const [lane, i] of together.entries()) ends[i] = laneOf(theta, lane, own);
    await onEnds?.(Math.min(first + lanes, places.length));
  }
  return ends;
}

/** For each removal the first step from `from` on whose batch lacks a row; the number of steps where none does. */
function firstTouched(
  batches: readonly Int32Array[],
  removed: readonly ReadonlySet<number>[],
  from: number,
): readonly number[] {
  const first = new Map<number, number>();
  for (const [step, batch] of batches.entries())
    for (const row of batch) if (step >= from && !first.has(row)) first.set(row, step);
  return removed.map((rows) =>
    [...rows].reduce((least, row) => Math.min(least, first.get(row) ?? least), batches.length),
  );
}

function laneOf(theta: Float64Array, lane: number, width: number): Float64Array {
  const out = new Float64Array(width);
  for (let i = 0; i < width; i++) out[i] = theta[i * lanes + lane] as number;
  return out;
}
