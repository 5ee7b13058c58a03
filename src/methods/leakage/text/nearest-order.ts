/** The order of words whose rows are known with errors only. */
import { assign } from "../../../numeric/assignment.ts";
import { matrix } from "../../../numeric/linear-algebra/matrix.ts";
import { dot } from "../../../numeric/rows.ts";

/**
 * A token for each position so that little is left of the tokens' rows without those of their positions: a small sum of
 * ||W_v - sum of P_t over the positions t of v||^2 over the tokens v. For errors of one size it is the most likely order.
 *
 * The start is the best assignment of one position to each token, then of what is left of the tokens to what is left of
 * the positions; it gets better by moving one position to another token or exchanging the tokens of two, as long as any
 * of that does. That ends in an order that no such step improves, which need not be the best of all.
 *
 * @param wordRows W_v of each token
 * @param places P_t of each position
 * @param known the tokens of positions where they are known
 */
export function nearestOrder(
  wordRows: ReadonlyMap<number, Float64Array>,
  places: readonly Float64Array[],
  known: readonly (number | undefined)[],
): (number | undefined)[] {
  const found = places.map((_, position) => known[position]);
  /** What is left of each token's row. */
  const left = new Map([...wordRows].map(([token, row]) => [token, row.slice()]));
  const add = (token: number | undefined, position: number, sign: 1 | -1): void => {
    const row = left.get(token ?? -1);
    const place = places[position];
    if (row === undefined || place === undefined) return;
    for (let i = 0; i < row.length; i++) row[i] = (row[i] as number) + sign * (place[i] as number);
  };
  for (const [position, token] of found.entries()) add(token, position, -1);
  const free = [...places.keys()].filter((position) => found[position] === undefined);
  const isKnown = new Set(known);
  const open = [...wordRows.keys()].filter((token) => !isKnown.has(token));
  const tokens = open.length > 0 ? open : [...wordRows.keys()];
  if (tokens.length === 0) return found;

  const put = (position: number, token: number): void => {
    add(found[position], position, 1);
    found[position] = token;
    add(token, position, -1);
  };
  /** How much less is left when a position goes from its token to another, times 1/2. */
  const gain = (position: number, from: number | undefined, to: number): number => {
    const place = places[position] ?? new Float64Array();
    const own = from === undefined ? undefined : left.get(from);
    const other = left.get(to) ?? place;
    const square = dot(place, place);
    return dot(other, place) - square / 2 - (own === undefined ? 0 : dot(own, place) + square / 2);
  };

  for (;;) {
    const rest = free.filter((position) => found[position] === undefined);
    if (rest.length === 0) break;
    const costs = rest.flatMap((position) => tokens.map((token) => -gain(position, undefined, token)));
    const { columnOfRow } = assign(matrix(rest.length, tokens.length, Float64Array.from(costs)));
    for (const [i, column] of columnOfRow.entries()) {
      const [position, token] = [rest[i], tokens[column]];
      if (position !== undefined && token !== undefined) put(position, token);
    }
  }
  for (let isBetter = true; isBetter; ) {
    isBetter = false;
    for (const [i, a] of free.entries()) {
      for (const token of tokens)
        if (token !== found[a] && gain(a, found[a], token) > tiny(places[a])) {
          put(a, token);
          isBetter = true;
        }
      for (const b of free.slice(i + 1)) {
        const [first, second] = [found[a], found[b]];
        if (first === undefined || second === undefined || first === second) continue;
        const before = squares(left, first, second);
        put(a, second);
        put(b, first);
        if (squares(left, first, second) < before - tiny(places[a])) isBetter = true;
        else {
          put(a, first);
          put(b, second);
        }
      }
    }
  }
  return found;
}

/** A change that rounding makes. */
function tiny(place: Float64Array | undefined): number {
  return place === undefined ? 0 : 1e-12 * dot(place, place);
}

function squares(left: ReadonlyMap<number, Float64Array>, ...tokens: readonly number[]): number {
  return tokens.reduce((sum, token) => {
    const row = left.get(token) ?? new Float64Array();
    return sum + dot(row, row);
  }, 0);
}
