import { InputError } from "./input-error.ts";

/** Which items of a file to read: `count` of them from item `start` on. */
export interface Selection {
  /** The first item, counted from 0. Default 0. */
  readonly start?: number;
  /** How many. Default: all from `start` on. */
  readonly count?: number;
}

/**
 * A selection with its defaults filled in, checked against the number of items there are.
 *
 * @param available the number of items, where it is known
 * @throws InputError when the selection is not of whole numbers or reaches beyond the items
 */
export function checkedSelection(
  path: string,
  selection: Selection,
  available: number,
): { start: number; count: number } {
  const { start = 0, count = Math.max(0, available - start) } = selection;
  if (!Number.isSafeInteger(start) || start < 0)
    throw new InputError(`${path}: start ${start} is not a whole number from 0 up`);
  if (!(Number.isSafeInteger(count) || count === Infinity) || count < 1)
    throw new InputError(
      selection.count === undefined
        ? `${path}: start ${start} is beyond its ${available} items`
        : `${path}: count ${count} is not a whole number from 1 up`,
    );
  if (start + count > available)
    throw new InputError(
      `${path}: items ${start} to ${start + count - 1} were asked for, it holds ${available}`,
    );
  return { start, count };
}
