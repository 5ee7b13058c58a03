/**
 * Trainings of logistic regression that share their batches and lack some rows each, four at a time in WebAssembly
 * (assembly/logistic-runs.ts): the steps of one are too small for a call of the runtime, and for SIMD.
 */
import { instantiate } from "../numeric/web-assembly.ts";
import type { LinearTraining } from "./linear-training.ts";
import { logisticRunsModule } from "./logistic-runs.wasm.ts";

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
 * @returns one at a time, each parameters [width]
 */
export function* logisticRuns(
  training: LinearTraining,
  removed: readonly ReadonlySet<number>[],
  { renormalizes }: { readonly renormalizes: boolean },
): Generator<Float64Array> {
  const { x, y, width: own, batches, learningRates, rowPenalty, weightDecay, trajectory } = training;
  // The loops take two columns at a time; a column of zeros changes nothing.
  const width = own + (own % 2);
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
    scratch: 8 * Math.max(...filled) * lanes,
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
  let place = 0;
  for (const [step, batch] of batches.entries()) {
    order.set(batch, place);
    for (let k = 0; k < batch.length; k++) weights[place + k] = training.weights[step]?.[k] ?? 1;
    place += filled[step] ?? 0;
  }
  const [theta, mask] = [floats("theta"), floats("mask")];
  for (let first = 0; first < removed.length; first += lanes) {
    mask.fill(1, 0, rows * lanes);
    for (let lane = 0; lane < lanes; lane++) {
      for (const row of removed[first + lane] ?? []) mask[row * lanes + lane] = 0;
      for (let i = 0; i < own; i++) theta[i * lanes + lane] = trajectory[i] as number;
    }
    loops.train(
      at.theta,
      width,
      at.x,
      at.y,
      at.mask,
      at.order,
      at.weights,
      at.sizes,
      at.rates,
      at.scratch,
      batches.length,
      rowPenalty,
      weightDecay,
      Number(renormalizes),
    );
    for (let lane = 0; lane < Math.min(lanes, removed.length - first); lane++) yield laneOf(theta, lane, own);
  }
}

function laneOf(theta: Float64Array, lane: number, width: number): Float64Array {
  const out = new Float64Array(width);
  for (let i = 0; i < width; i++) out[i] = theta[i * lanes + lane] as number;
  return out;
}
