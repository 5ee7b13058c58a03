import { describe, expect, it } from "vitest";
import { keptResults } from "./kept-results.ts";

interface Lists {
  readonly squares: number;
  readonly names: string;
}

/** A run of which only the checkpoints matter. */
function runWith(due: () => boolean, write: (state: object) => Promise<void>, resumed?: object) {
  return {
    resume: <State extends object>() => resumed as State | undefined,
    checkpointDue: due,
    checkpoint: write,
  };
}

describe("keptResults", () => {
  it("keeps what is finished when a checkpoint is due, and gives it back to the run that goes on", async () => {
    const written: object[] = [];
    let due = false;
    const write = async (state: object) => void written.push(structuredClone(state));
    const kept = keptResults<Lists>(runWith(() => due, write));
    const [squares, names] = [kept.of("squares"), kept.of("names")];
    expect(squares.finished.size).toBe(0);
    squares.keep(3, 9);
    names.keep(0, "zero");
    expect(written).toEqual([]);
    due = true;
    squares.keep(1, 1);
    expect(written).toHaveLength(1);

    const again = keptResults<Lists>(runWith(() => true, write, written[0]));
    expect(again.of("names").finished).toEqual(new Map([[0, "zero"]]));
    const more = again.of("squares");
    expect(more.finished).toEqual(
      new Map([
        [3, 9],
        [1, 1],
      ]),
    );
    more.keep(2, 4);
    expect(keptResults<Lists>(runWith(() => true, write, written[1])).of("squares").finished.size).toBe(3);
  });

  it("tells of a checkpoint that could not be written", async () => {
    const kept = keptResults<Lists>(
      runWith(
        () => true,
        async () => {
          throw new Error("no room");
        },
      ),
    ).of("squares");
    kept.keep(0, 0);
    await Promise.resolve();
    expect(() => kept.keep(1, 1)).toThrow("no room");
  });
});
