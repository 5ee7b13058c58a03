import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ndarray } from "../engine/ndarray.ts";
import { decodeCheckpoint, encodeCheckpoint } from "./checkpoint.ts";

const state = {
  step: 17,
  loss: 0.1 + 0.2,
  odd: [
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    -0,
    null,
    true,
    12345678901234567890n,
  ],
  text: "größer ✓",
  x: Float64Array.of(1, Number.NaN, -0),
  bytes: Uint8Array.of(1, 2, 3),
  image: ndarray([1, 2, 3, 4], [2, 2], "float32"),
  labels: BigInt64Array.of(-1n, 7n),
  part: new Float64Array(8).map((_, i) => i).subarray(3, 5),
  empty: { list: [], object: {}, array: new Int32Array(0) },
  $fallline: "array",
};

describe("a checkpoint", () => {
  it("holds numbers, arrays and texts bit for bit", () => {
    const back = decodeCheckpoint(encodeCheckpoint(state))?.state;
    expect(back).toStrictEqual(state);
    expect(Object.is((back as typeof state).odd[3], -0)).toBe(true);
    expect(Object.is((back as typeof state).x[2], -0)).toBe(true);
  });

  it("holds any JSON value", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(decodeCheckpoint(encodeCheckpoint(value))?.state).toStrictEqual(value);
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  it("copies what it is given and gives arrays of their own", () => {
    const x = Float64Array.of(1);
    const bytes = encodeCheckpoint({ x });
    x[0] = 2;
    const read = () => decodeCheckpoint(bytes)?.state as { x: Float64Array };
    read().x[0] = 3;
    expect(read().x[0]).toBe(1);
  });

  it("leaves out what is undefined, as JSON does", () => {
    expect(decodeCheckpoint(encodeCheckpoint({ a: 1, b: undefined }))?.state).toStrictEqual({ a: 1 });
  });

  it.each([
    [{ model: { apply: () => 1 } }, "the state.model.apply is a function"],
    [{ list: [new Map()] }, "the state.list[0] is a Map"],
    [[undefined], "the state[0] is undefined"],
  ])("refuses what it cannot hold, with its place", (value, message) => {
    expect(() => encodeCheckpoint(value)).toThrow(message);
  });

  it("notices any torn, cut or changed file", () => {
    const whole = encodeCheckpoint(state);
    for (let length = 0; length < whole.length; length += 7)
      expect(decodeCheckpoint(whole.subarray(0, length))).toBeUndefined();
    for (let at = 0; at < whole.length; at += 5) {
      const changed = Uint8Array.from(whole);
      changed[at] = (changed[at] ?? 0) ^ 16;
      expect(decodeCheckpoint(changed)).toBeUndefined();
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => decodeCheckpoint(bytes) === undefined),
      { seed: 1 },
    );
  });
});
