import { describe, expect, it } from "vitest";
import { InputError } from "../../data/input-error.ts";
import { memoryBytes, recordChoice } from "./record-states.ts";

const small = { bytes: 1000, epochs: 20 };

describe("--record", () => {
  it("chooses states", () => {
    for (const states of ["all", "sqrt", "log"]) expect(recordChoice(states, small)).toEqual({ states });
    expect(recordChoice("every:12", small)).toEqual({ states: { every: 12 } });
    expect(recordChoice("last-epochs:20", small)).toEqual({ states: { lastEpochs: 20 }, lastEpochs: 20 });
    expect(recordChoice("auto", { ...small, bytes: memoryBytes })).toEqual({ states: "all" });
    expect(recordChoice("auto", { ...small, bytes: memoryBytes + 1 })).toEqual({ states: "sqrt" });
  });

  it.each([
    "",
    "none",
    "All",
    "every",
    "every:",
    "every:0",
    "every:1.5",
    "every:-3",
    "every:3:4",
    "all:2",
    "last-epochs:x",
  ])("refuses %j", (text) => {
    expect(() => recordChoice(text, small)).toThrow(InputError);
    expect(() => recordChoice(text, small)).toThrow(
      `--record: expected all, every:K, sqrt, log, last-epochs:K or auto (K a whole number from 1), found ${JSON.stringify(text)}`,
    );
  });

  it("knows how many epochs there are", () => {
    expect(() => recordChoice("last-epochs:21", small)).toThrow(
      "--record last-epochs:21: the training has --epochs 20; expected at most as many",
    );
  });
});
