/**
 * Sees to it that a sample has at least `least` values, all finite.
 *
 * @throws RangeError when it has not
 */
export function checkSample(values: ArrayLike<number>, least: number, call: string): void {
  if (values.length < least)
    throw new RangeError(`${call}: ${values.length} values are not enough, ${least} are needed`);
  for (let i = 0; i < values.length; i++)
    if (!Number.isFinite(values[i]))
      throw new RangeError(`${call}: value ${i} is ${values[i]}, not a finite number`);
}

/**
 * Sees to it that two samples are pairs: of one length, finite, at least `least` of them.
 *
 * @throws RangeError when they are not
 */
export function checkPairs(a: ArrayLike<number>, b: ArrayLike<number>, least: number, call: string): void {
  if (a.length !== b.length)
    throw new RangeError(`${call}: ${a.length} and ${b.length} values are not pairs`);
  checkSample(a, least, call);
  checkSample(b, least, call);
}

/**
 * Sees to it that a confidence level lies between 0 and 1.
 *
 * @throws RangeError when it does not
 */
export function checkLevel(level: number, call: string): void {
  if (!(level > 0 && level < 1)) throw new RangeError(`${call}: level ${level} is not between 0 and 1`);
}

/** A range that holds an unknown number with the stated confidence. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}
