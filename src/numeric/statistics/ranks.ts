/** Ranks of a sample, from 1 up; equal values share the mean of their ranks. */
export interface Ranks {
  readonly ranks: Float64Array;
  /** How many values each group of two or more equal ones has. */
  readonly tieSizes: readonly number[];
}

/** The ranks of finite values, in O(n log n). */
export function rank(values: ArrayLike<number>): Ranks {
  const order = sortedOrder(values.length, (i) => values[i] as number);
  const ranks = new Float64Array(values.length);
  const tieSizes: number[] = [];
  for (let start = 0; start < order.length; ) {
    let end = start + 1;
    while (end < order.length && values[order[end] as number] === values[order[start] as number]) end++;
    for (let k = start; k < end; k++) ranks[order[k] as number] = (start + end + 1) / 2;
    if (end - start > 1) tieSizes.push(end - start);
    start = end;
  }
  return { ranks, tieSizes };
}

/** 0 ... size - 1 in rising order of a key, then of a second one. */
export function sortedOrder(
  size: number,
  key: (i: number) => number,
  second: (i: number) => number = () => 0,
): Int32Array {
  return Int32Array.from({ length: size }, (_, i) => i).sort(
    (p, q) => key(p) - key(q) || second(p) - second(q) || p - q,
  );
}
