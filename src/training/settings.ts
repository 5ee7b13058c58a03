// Checks of options, in one line that names the owner and the setting.

/** @throws RangeError naming the setting that is out of [low, high) */
export function requireInRange(
  owner: string,
  settings: Readonly<Record<string, number>>,
  { low = 0, high = Number.POSITIVE_INFINITY } = {},
): void {
  for (const [name, value] of Object.entries(settings))
    if (!(value >= low && value < high))
      throw new RangeError(
        `${owner}: ${name} ${value} is not a number of [${low}, ${high === Number.POSITIVE_INFINITY ? "infinity" : high})`,
      );
}

/** @throws RangeError naming the setting that is not a whole number from 1 up */
export function requirePositiveInteger(owner: string, settings: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(settings))
    if (!Number.isInteger(value) || value < 1)
      throw new RangeError(`${owner}: ${name} ${value} is not a positive integer`);
}

/** @throws RangeError when there is not one finite weight for each row */
export function requireWeights(owner: string, weights: ArrayLike<number> | undefined, rows: number): void {
  if (weights === undefined) return;
  if (weights.length !== rows) throw new RangeError(`${owner}: ${weights.length} weights for ${rows} rows`);
  for (let i = 0; i < rows; i++)
    if (!Number.isFinite(weights[i])) throw new RangeError(`${owner}: weight ${i} is ${weights[i]}`);
}
