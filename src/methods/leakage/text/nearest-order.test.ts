import { describe, expect, it } from "vitest";
import { randomStream } from "../../../numeric/random.ts";
import { nearestOrder } from "./nearest-order.ts";

const text = [3, 9, 7, 3, 12, 3, 15, 7];

/** Rows of positions about one direction, as gradients of a text's positions are, and of their tokens; with noise. */
function rowsOf({ noise = 0, strangers = [] as readonly number[] } = {}) {
  const [common, own, errors] = randomStream(2).spawn(3);
  if (common === undefined || own === undefined || errors === undefined) throw new Error("three streams");
  const direction = common.normal(32);
  const exact = text.map(() => own.normal(32, 0, 0.5).map((value, i) => value + (direction[i] ?? 0)));
  const noised = (row: Float64Array): Float64Array => {
    const added = errors.normal(32, 0, noise);
    return row.map((value, i) => value + (added[i] ?? 0));
  };
  const sum = (token: number): Float64Array =>
    new Float64Array(32).map((_, i) =>
      text.reduce((total, other, t) => total + (other === token ? (exact[t]?.[i] ?? 0) : 0), 0),
    );
  const tokens = [...new Set(text), ...strangers];
  return {
    wordRows: new Map(tokens.map((token) => [token, noised(sum(token))])),
    places: exact.map(noised),
  };
}

describe("the nearest order", () => {
  it("is the true one without errors, for tokens that occur more than once too", () => {
    const { wordRows, places } = rowsOf();
    expect(nearestOrder(wordRows, places, [])).toEqual(text);
  });

  it("is the true one with errors, and with tokens that are not in the text", () => {
    const { wordRows, places } = rowsOf({ noise: 0.1, strangers: [20, 21] });
    expect(nearestOrder(wordRows, places, [])).toEqual(text);
  });

  it("keeps what is known, and finds nothing where there are no tokens", () => {
    const { wordRows, places } = rowsOf({ noise: 0.1 });
    const known = [undefined, 15];
    expect(nearestOrder(wordRows, places, known).slice(0, 2)).toEqual([3, 15]);
    expect(nearestOrder(new Map(), places, [])).toEqual(text.map(() => undefined));
  });
});
