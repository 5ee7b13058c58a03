import { itemAt } from "../engine/lists.ts";
import type { RandomStream, RandomStreamState } from "../numeric/random.ts";
import { resumeRandomStream } from "../numeric/random.ts";
import type { NamedArrays } from "./trees.ts";

/** The rows of one training step. */
export interface Batch {
  /** Row numbers of the data, from 0. Not changed later by the sampler that gave them. */
  readonly indices: Int32Array | BigInt64Array;
  /** One factor for each row's loss; the sum of the losses is still divided by the number of rows. Absent: all 1. */
  readonly weights?: ArrayLike<number>;
}

/** What an adaptive sampler may look at: read only, and only during the call. */
export interface SamplerView {
  readonly parameters: NamedArrays;
  readonly buffers: NamedArrays;
}

/**
 * Chooses the rows of each step. Steps are asked for in order, each once; many may be asked for before the first of
 * them is taken, unless the sampler is adaptive.
 */
export interface Sampler {
  /** Steps that go through the data once; absent where there are no epochs. */
  readonly stepsPerEpoch?: number;
  /** Where it is true, each step is taken before the next is asked for, and `next` gets the current parameters. */
  readonly adaptive?: boolean;
  next(step: number, view?: SamplerView): Batch | Promise<Batch>;
  /** Called after every step with the loss of each of its rows, if it is there. */
  observe?(step: number, batch: Batch, losses: Float32Array | Float64Array): void;
  /** All that is needed to go on from here, as plain data. */
  state(): unknown;
  /** Goes on from a state; the sampler was made with the same arguments. */
  restore(state: unknown): void;
}

/** What a sampler is made for: the number of rows, the rows of a step, and a stream of its own. */
export interface SamplerContext {
  readonly size: number;
  readonly batchSize: number;
  readonly stream: RandomStream;
}

/**
 * Every row once an epoch, in an order drawn anew for each.
 *
 * @param options.last what becomes of the rows left over at an epoch's end: a `short` batch (default), which takes a step as
 *   long as the others; `drop`; or `spread` over all batches of the epoch, whose sizes then differ by at most one
 * @throws RangeError when the batch is empty or larger than the data
 */
export function epochShuffling(
  { size, batchSize, stream }: SamplerContext,
  { last = "short" }: { readonly last?: "short" | "drop" | "spread" } = {},
): Sampler {
  requireBatchSize("epochShuffling", size, batchSize);
  let own = stream;
  let place = 0;
  let orderState = own.state();
  let order: Int32Array | undefined;
  const rowsOfEpoch = last === "drop" ? size - (size % batchSize) : size;
  const stepsPerEpoch = Math.ceil(rowsOfEpoch / batchSize);
  /** Of the batch that begins there: of spread ones the larger come first, as of NumPy's `array_split`. */
  const endAfter = (begin: number): number => {
    if (last !== "spread") return Math.min(begin + batchSize, rowsOfEpoch);
    const smaller = Math.floor(size / stepsPerEpoch);
    const larger = size % stepsPerEpoch;
    return begin + smaller + Number(begin < larger * (smaller + 1));
  };
  return {
    stepsPerEpoch,
    next() {
      if (place >= rowsOfEpoch) {
        order = undefined;
        place = 0;
      }
      if (order === undefined) {
        orderState = own.state();
        order = own.permutation(size);
      }
      const begin = place;
      place = endAfter(begin);
      return { indices: order.subarray(begin, place) };
    },
    // The order itself is drawn again: a checkpoint holds a few numbers, not one for each row.
    state: () => ({ place, order: orderState }),
    restore(state) {
      const { place: at, order: begun } = state as { place: number; order: RandomStreamState };
      own = resumeRandomStream(begun);
      orderState = begun;
      place = at;
      order = at === 0 ? undefined : own.permutation(size);
    },
  };
}

/**
 * Each row of each batch drawn from all rows, so that a row may come twice.
 *
 * @param options.probabilities of the rows, up to a factor; all the same by default
 * @throws RangeError when the batch or the data are empty, or there is not one probability for each row
 */
export function withReplacement(
  { size, batchSize, stream }: SamplerContext,
  { probabilities }: { readonly probabilities?: ArrayLike<number> } = {},
): Sampler {
  if (!(size >= 1)) throw new RangeError(`withReplacement: there are ${size} rows`);
  requireBatchSize("withReplacement", Number.POSITIVE_INFINITY, batchSize);
  if (probabilities !== undefined && probabilities.length !== size)
    throw new RangeError(`withReplacement: ${probabilities.length} probabilities for ${size} rows`);
  let own = stream;
  return {
    stepsPerEpoch: Math.ceil(size / batchSize),
    next: () => ({
      indices:
        probabilities === undefined
          ? own.integers(batchSize, 0, size)
          : own.weightedChoice(batchSize, probabilities),
    }),
    state: () => own.state(),
    restore: (state) => {
      own = resumeRandomStream(state as RandomStreamState);
    },
  };
}

/**
 * Batches written down before, one after the other; an epoch is the whole list.
 *
 * @param batches row numbers of each step, or batches with weights
 * @throws RangeError when there are none
 */
export function givenBatches(batches: readonly (readonly number[] | Int32Array | Batch)[]): Sampler {
  const list = batches.map(
    (batch): Batch => ("indices" in batch ? batch : { indices: Int32Array.from(batch) }),
  );
  if (list.length === 0) throw new RangeError("givenBatches: there are no batches");
  return {
    stepsPerEpoch: list.length,
    next: (step) => itemAt(list, step % list.length),
    state: () => null,
    restore: () => {},
  };
}

function requireBatchSize(owner: string, size: number, batchSize: number): void {
  if (!Number.isInteger(batchSize) || batchSize < 1 || batchSize > size)
    throw new RangeError(`${owner}: batchSize ${batchSize} is not a whole number from 1 to the ${size} rows`);
}
