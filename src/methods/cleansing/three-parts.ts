/** Which rows are used, and which of them train, judge and test. */
import { InputError } from "../../data/input-error.ts";
import { splitRows } from "../../data/split.ts";
import type { RandomStream, RandomStreamState } from "../../numeric/random.ts";
import type { DataPart, DataRequest, PartName } from "./data-parts.ts";

/** Rows (from 0, ascending) in disjoint parts. */
export interface ThreeParts {
  readonly fractions: Readonly<Record<PartName, number>>;
  readonly stream: RandomStreamState;
  readonly parts: Readonly<Record<PartName, readonly number[]>>;
  readonly notices: readonly string[];
}

/** Classes with fewer rows are divided together: by themselves they would leave parts without one anyway. */
const FEWEST_STRATIFIED = 5;

/**
 * The rows to use, ascending: all, or `count` of them drawn at random.
 *
 * @param available rows there are, numbered from 0
 */
export function drawRows(available: number, count: number | undefined, stream: RandomStream): Int32Array {
  return count === undefined || count >= available
    ? Int32Array.from({ length: available }, (_, i) => i)
    : stream.choice(count, available).sort();
}

/**
 * Divides rows.
 *
 * @param rows which rows, ascending
 * @param labels the class of each
 * @throws InputError when there are too few for three parts or for a batch, or one class only to train on
 */
export function divideRows(
  { data, validation = 0.2, test = 0.2, batch = 1 }: DataRequest,
  rows: ArrayLike<number>,
  labels: BigInt64Array,
  classNames: readonly string[],
  stream: RandomStream,
): ThreeParts {
  const fractions = { train: 1 - validation - test, validation, test };
  const counts = classNames.map(() => 0);
  for (const label of labels) counts[Number(label)] = (counts[Number(label)] ?? 0) + 1;
  const stratify = Array.from(labels, (label) =>
    (counts[Number(label)] ?? 0) < FEWEST_STRATIFIED ? -1n : label,
  );
  const tooFew = `${data}: ${rows.length} row${rows.length === 1 ? " is" : "s are"} too few for three parts (train ${short(fractions.train)}, validation ${validation}, test ${test})`;
  const least = Math.ceil(1 / Math.min(...Object.values(fractions)));
  if (rows.length < least) throw new InputError(`${tooFew}; expected ${least} or more`);
  const state = stream.state();
  const { parts } = splitRows({ rows: rows.length, fractions, stratify, stream });
  const { train = [], validation: judging = [], test: testing = [] } = parts;
  if (train.length < batch)
    throw new InputError(
      `--batch ${batch}: ${data} has ${train.length} rows to train on; expected a batch of at most as many`,
    );
  const trained = new Set(train.map((i) => labels[i]));
  if (trained.size < 2)
    throw new InputError(`${data}: the rows to train on are all of one class; expected two or more`);
  const untrained = classNames.filter((_, i) => (counts[i] ?? 0) > 0 && !trained.has(BigInt(i)));
  const rowsOf = (positions: readonly number[]): number[] => positions.map((i) => rows[i] ?? 0);
  return {
    fractions,
    stream: state,
    parts: { train: rowsOf(train), validation: rowsOf(judging), test: rowsOf(testing) },
    notices: untrained.length === 0 ? [] : [`no row to train on is of class ${untrained.join(", ")}`],
  };
}

function short(share: number): number {
  return Number(share.toPrecision(6));
}

/** The rows of each part, as a manifest lists them. */
export function rowsOfParts(
  parts: Readonly<Record<PartName, DataPart>>,
): Readonly<Record<PartName, readonly number[]>> {
  const { train, validation, test } = parts;
  return { train: train.rows, validation: validation.rows, test: test.rows };
}

/** What is said where more rows were asked for than there are. */
export function fewerNotice(
  data: string,
  asked: number | undefined,
  available: number,
  noun: "rows" | "images",
): string[] {
  return asked !== undefined && asked > available
    ? [`${data}: --rows ${asked}: it holds ${available} ${noun}; all are used`]
    : [];
}
