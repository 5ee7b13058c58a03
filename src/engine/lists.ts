/**
 * The item at a place that is known to be there.
 *
 * @throws RangeError when it is not: a fault of the engine, not of its user
 */
export function itemAt<T>(list: readonly (T | undefined)[], place: number): T {
  const item = list[place];
  if (item === undefined) throw new RangeError(`no item ${place} in a list of ${list.length}`);
  return item;
}
