import { expect, it } from "vitest";
import { itemAt } from "../engine/lists.ts";
import { adam } from "./adam.ts";
import type { RecordedStep } from "./record.ts";
import { replay, replayBackward, replayForward } from "./replay.ts";
import { smallMlp, twoClasses } from "./train.testing.ts";
import { train } from "./train.ts";
import { copyArrays, type NamedArrays } from "./trees.ts";

/** A training of so many steps that spans between stored states are halved, in float32. */
async function trained(states: "log" | "none" | "sqrt" | { readonly every: number }, steps: number) {
  const kept: NamedArrays[] = [];
  const { record } = await train({
    ...{ model: smallMlp(2, 3), data: twoClasses(9, 2, 4, "float32"), optimizer: adam(), schedule: 0.02 },
    ...{ batchSize: 4, steps, seed: 7 },
    record: { states },
    hooks: [{ at: "all", run: ({ parameters }) => void kept.push(copyArrays(parameters)) }],
  });
  return { record: itemAt([record], 0), kept };
}

async function collected(steps: AsyncIterable<RecordedStep>) {
  const found: { step: number; parameters: NamedArrays; indices: number[] }[] = [];
  // What is given stays what it is when the walk goes on.
  for await (const { step, parameters, batch } of steps)
    found.push({ step, parameters, indices: Array.from(batch.indices, Number) });
  return found;
}

it.each([
  ["log", 200],
  ["none", 100],
  ["sqrt", 50],
  [{ every: 70 }, 90],
] as const)(
  "walks forwards and backwards to the same bits, with states %o of %i steps",
  async (states, steps) => {
    const { record, kept } = await trained(states, steps);
    const forwards = await collected(replayForward(record));
    expect(forwards.map(({ step }) => step)).toEqual(Array.from({ length: steps }, (_, step) => step));
    for (const { step, parameters, indices } of forwards) {
      expect(parameters).toEqual(kept[step]);
      expect(indices).toHaveLength(step % 3 === 2 ? 1 : 4);
    }
    expect(await collected(replayBackward(record))).toEqual(forwards.toReversed());
    for (const from of [Math.floor(steps / 4), steps]) {
      const found = await collected(replayBackward(record, { from }));
      expect(found.map(({ step }) => step)).toEqual(
        Array.from({ length: steps - from }, (_, i) => steps - 1 - i),
      );
      for (const { step, parameters } of found) expect(parameters).toEqual(kept[step]);
    }
    expect((await replay(record, steps)).parameters).toEqual(kept[steps]);
    await record.dispose();
  },
);
