/** Rows divided at random: disjoint parts, stratified on request, as plain JSON that a run records. */
import type { RandomStream, RandomStreamState } from "../numeric/random.ts";

export interface SplitOptions {
  /** How many rows there are. */
  readonly rows: number;
  /** The share of each part, above 0; together at most 1 (rows beyond are in no part). */
  readonly fractions: { readonly [part: string]: number };
  /** A class of each row: every part gets each class in the same proportion, to within one row. */
  readonly stratify?: ArrayLike<number | bigint | string>;
  readonly stream: RandomStream;
}

/** Which rows (from 0, ascending) are in which part. */
export interface RowSplit {
  readonly rows: number;
  readonly fractions: { readonly [part: string]: number };
  readonly isStratified: boolean;
  /** The stream's place before the split: with it the split can be made again. */
  readonly stream: RandomStreamState;
  readonly parts: { readonly [part: string]: readonly number[] };
}

/**
 * Divides rows into parts of given shares.
 *
 * @throws RangeError when there are no rows, shares are not above 0 or exceed 1 together, a part would be empty, or
 *   there are not as many classes as rows
 * @example splitRows({ rows: 100, fractions: { train: 0.8, test: 0.2 }, stream: randomStream(0) }).parts.test // 20 rows
 */
export function splitRows({ rows, fractions, stratify, stream }: SplitOptions): RowSplit {
  const names = Object.keys(fractions);
  const shares = Object.values(fractions);
  const total = shares.reduce((sum, share) => sum + share, 0);
  if (names.length === 0 || shares.some((share) => !(share > 0)) || !(total <= 1 + 1e-9))
    throw new RangeError(
      `splitRows: fractions ${JSON.stringify(fractions)}; expected shares above 0 that add up to at most 1`,
    );
  const state = stream.state();
  // Rows of no part are one more part, so that it too takes evenly of every class.
  const isPartial = total < 1 - 1e-9;
  const allShares = isPartial ? [...shares, 1 - total] : shares;
  const parts: number[][] = allShares.map(() => []);
  let seen = 0;
  for (const stratum of shuffledStrata(rows, stratify, stream, "splitRows")) {
    seen += stratum.length;
    let at = 0;
    for (const [i, count] of allotments(stratum.length, seen, allShares, parts).entries()) {
      for (const row of stratum.slice(at, at + count)) parts[i]?.push(row);
      at += count;
    }
  }
  for (const [i, part] of parts.slice(0, names.length).entries())
    if (part.length === 0)
      throw new RangeError(`splitRows: ${rows} rows leave none for ${names[i]}, a share of ${shares[i]}`);
  return {
    rows,
    fractions,
    isStratified: stratify !== undefined,
    stream: state,
    parts: Object.fromEntries(names.map((name, i) => [name, (parts[i] ?? []).sort((a, b) => a - b)])),
  };
}

export interface Fold {
  readonly train: readonly number[];
  readonly test: readonly number[];
}

/**
 * k folds for cross-validation: every row is tested once; the folds' sizes differ by at most one row.
 *
 * @throws RangeError when there are fewer rows than folds, or not as many classes as rows
 */
export function kFold(options: {
  readonly rows: number;
  /** At least 2. */
  readonly folds: number;
  readonly stratify?: ArrayLike<number | bigint | string>;
  readonly stream: RandomStream;
}): Fold[] {
  const { rows, folds, stratify, stream } = options;
  if (!Number.isInteger(folds) || folds < 2 || folds > rows)
    throw new RangeError(`kFold: ${folds} folds of ${rows} rows; expected 2 to ${rows}`);
  const foldOf = new Int32Array(rows);
  let next = 0;
  for (const stratum of shuffledStrata(rows, stratify, stream, "kFold"))
    for (const row of stratum) foldOf[row] = next++ % folds;
  return Array.from({ length: folds }, (_, fold) => {
    const [train, test]: [number[], number[]] = [[], []];
    for (let row = 0; row < rows; row++) (foldOf[row] === fold ? test : train).push(row);
    return { train, test };
  });
}

/** The rows of each class in random order, the classes in the order in which they are first seen. */
function shuffledStrata(
  rows: number,
  stratify: ArrayLike<number | bigint | string> | undefined,
  stream: RandomStream,
  caller: string,
): number[][] {
  if (!Number.isSafeInteger(rows) || rows < 1)
    throw new RangeError(`${caller}: rows ${rows} is not a whole number from 1`);
  if (stratify === undefined) return [Array.from(stream.permutation(rows))];
  if (stratify.length !== rows)
    throw new RangeError(`${caller}: ${stratify.length} classes for ${rows} rows`);
  const strata = new Map<number | bigint | string, number[]>();
  for (let row = 0; row < rows; row++) {
    const key = stratify[row] ?? "";
    const stratum = strata.get(key);
    if (stratum === undefined) strata.set(key, [row]);
    else stratum.push(row);
  }
  return [...strata.values()].map((members) =>
    Array.from(stream.permutation(members.length), (i) => members[i] ?? 0),
  );
}

/**
 * How many of a stratum's rows each part gets: its share rounded down, and one more for the parts furthest behind their
 * share of all rows seen so far until the stratum is used up, so that the totals are right as well.
 */
function allotments(
  size: number,
  seen: number,
  shares: readonly number[],
  parts: readonly (readonly number[])[],
): number[] {
  const counts = shares.map((share) => Math.floor(share * size + 1e-9));
  const left = size - counts.reduce((a, b) => a + b, 0);
  const behind = shares.map((share, i) => share * seen - (parts[i]?.length ?? 0) - (counts[i] ?? 0));
  const furthest = shares.map((_, i) => i).sort((a, b) => (behind[b] ?? 0) - (behind[a] ?? 0) || a - b);
  for (const i of furthest.slice(0, left)) counts[i] = (counts[i] ?? 0) + 1;
  return counts;
}
