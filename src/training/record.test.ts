import { mkdtemp, readdir, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { randomStream } from "../numeric/random.ts";
import { adam } from "./adam.ts";
import { replay, replayBackward } from "./replay.ts";
import { sgd } from "./sgd.ts";
import { smallMlp, twoClasses } from "./train.testing.ts";
import { openRecord, recordSize, train } from "./train.ts";
import type { TrainModelOptions } from "./train-options.ts";
import { copyArrays, type NamedArrays } from "./trees.ts";

const options: TrainModelOptions = {
  model: smallMlp(4),
  data: twoClasses(50, 4, 2, "float32"),
  batchSize: 8,
  epochs: 4,
  seed: 9,
  optimizer: adam(),
  schedule: (step) => 0.1 / Math.sqrt(step + 1),
};

/** A training that keeps every state itself, beside the record. */
async function trainAndKeep(change: Partial<TrainModelOptions>) {
  const kept: NamedArrays[] = [];
  const result = await train({
    ...options,
    ...change,
    hooks: [{ at: "all", run: ({ parameters }) => void kept.push(copyArrays(parameters)) }],
  });
  const { record } = result;
  if (record === undefined) throw new Error("there is no record");
  return { ...result, record, kept };
}

it("is measured without a draw", async () => {
  const train1 = async (looks: boolean) => {
    const { seed: _, ...others } = options;
    const all = { ...others, stream: randomStream(5), record: { states: "all" as const } };
    if (looks) recordSize(all);
    return (await train(all)).parameters;
  };
  expect(await train1(true)).toEqual(await train1(false));
});

describe("a record", () => {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "fallline-record-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it.each(["all", "sqrt", "log", "none", { every: 9 }, { lastEpochs: 1 }, [3, 20]] as const)(
    "gives every state bit for bit, with states %o stored",
    async (states) => {
      const { record, kept, state } = await trainAndKeep({ record: { states } });
      expect([record.firstStep, record.lastStep]).toEqual([0, 28]);
      expect(record.stored[0]).toBe(0);
      expect(record.stored.at(-1)).toBe(28);
      for (const step of [0, 1, 5, 13, 27, 28]) {
        const found = await replay(record, step);
        expect(found.parameters).toEqual(kept[step]);
      }
      const together = await Promise.all([7, 26, 12].map((step) => replay(record, step)));
      expect(together.map(({ parameters }) => parameters)).toEqual([kept[7], kept[26], kept[12]]);
      expect((await replay(record, 28)).optimizer).toEqual(state.optimizer);
      let expected = 27;
      for await (const { step, parameters, batch, learningRate } of replayBackward(record, { from: 2 })) {
        expect(step).toBe(expected--);
        expect(parameters).toEqual(kept[step]);
        expect(batch.indices).toHaveLength(step % 7 === 6 ? 2 : 8);
        expect(learningRate).toBe(0.1 / Math.sqrt(step + 1));
      }
      expect(expected).toBe(1);
      await record.dispose();
    },
  );

  it("outlives its process in a folder", async () => {
    const place = join(folder, "a");
    const weights = Float64Array.from({ length: 50 }, (_, i) => 0.5 + i / 50);
    const change = { weights, optimizer: sgd({ momentum: 0.9 }) };
    const { record, kept } = await trainAndKeep({ ...change, record: { folder: place, budget: 0 } });
    await record.dispose();
    const opened = await openRecord(place, { ...options, ...change });
    expect(opened.stored).toEqual(record.stored);
    expect(opened.losses).toEqual(record.losses);
    for (const step of [0, 11, 28]) expect((await replay(opened, step)).parameters).toEqual(kept[step]);
    await opened.dispose();
    expect((await readdir(place)).filter((name) => name.endsWith(".part"))).toEqual([]);

    await expect(train({ ...options, record: { folder: place } })).rejects.toThrow(
      /already holds state-000000000.bin; a new or empty folder is expected/,
    );
    await expect(openRecord(place, { ...options, optimizer: adam() })).rejects.toThrow(
      /of other parameters or another optimiser/,
    );
    await truncate(join(place, "state-000000028.bin"), 12);
    const cut = await openRecord(place, { ...options, ...change });
    await expect(replay(cut, 28)).rejects.toThrow(/state-000000028.bin: 12 bytes; expected \d+/);
    await cut.dispose();
    await writeFile(join(place, "losses.bin"), new Uint8Array(3));
    await expect(openRecord(place, { ...options, ...change })).rejects.toThrow(/losses.bin: 3 bytes/);
    await expect(openRecord(join(folder, "b"), options)).rejects.toThrow(/expected the folder of a finished/);
  });

  it("says how large it will be", async () => {
    const state = 4 * (4 * 7 + 7 + 7 * 2 + 2);
    const sizeOf = (change: Partial<TrainModelOptions>) => recordSize({ ...options, ...change });
    expect(sizeOf({ optimizer: sgd(), record: { states: "all" } })).toEqual({
      states: 29,
      bytes: 29 * state,
    });
    expect(sizeOf({ record: { states: [3] } })).toEqual({ states: 3, bytes: 3 * (3 * state + 8) });
    expect(sizeOf({})).toEqual({ states: 0, bytes: 0 });
    const { record } = await trainAndKeep({ record: { states: { every: 10 }, budget: 5 * (3 * state + 8) } });
    expect(record.stored).toEqual([0, 10, 20, 28]);
    await record.dispose();
  });

  it("has no steps that were not taken", async () => {
    const { record } = await trainAndKeep({ record: {} });
    await expect(replay(record, 29)).rejects.toThrow(/29 is not a step of 0 to 28/);
    await expect(replayBackward(record, { from: -1 }).next()).rejects.toThrow(/-1 is not a step/);
    await record.dispose();
  });
});
