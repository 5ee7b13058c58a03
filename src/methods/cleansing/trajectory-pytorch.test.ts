import { join } from "node:path";
import { expect, it } from "vitest";
import { readNpy } from "../../data/npy.ts";
import { mlp } from "../../models/mlp.ts";
import { replay } from "../../training/replay.ts";
import { importTrajectory } from "./import-trajectory.ts";
import { linearInfluence } from "./influence.ts";
import { lossQuery } from "./query.ts";
import { distance, flattened } from "./vectors.testing.ts";

// Made by bench/peers/make_recorded_training.py.
const vectors = join(import.meta.dirname, "../../../test/vectors/recorded-training");
const model = mlp({ inputShape: [4], classes: 3, widths: [5], activation: "tanh" });

it("scores a training by PyTorch as its own derivative through the training does", async () => {
  const folder = join(vectors, "momentum-float64");
  const read = (name: string) => readNpy(join(folder, `${name}.npy`));
  const record = await importTrajectory(folder, { model });
  const query = await lossQuery(record, { x: await read("held-out-x"), y: await read("held-out-y") });
  const [influence] = await linearInfluence(record, [query]);
  const slopes = Array.from((await read("row-derivatives")).data, Number);
  const expected = slopes.map((slope) => -slope);
  expect(Math.max(...expected)).toBeGreaterThan(1e-3);
  expect(distance(influence?.scores ?? [], expected)).toBeLessThan(1e-12);
});

it("takes over one in float32, with the given states to the bit", async () => {
  const folder = join(vectors, "adamw-float32");
  const record = await importTrajectory(folder, { model });
  const states = await readNpy(join(folder, "states.npy"));
  const size = states.shape[1] ?? 0;
  for (const step of [0, 7, 20]) {
    const given = Array.from(states.data.slice(step * size, (step + 1) * size), Number);
    expect(flattened((await replay(record, step)).parameters)).toEqual(given);
  }
  expect(record.stepsPerEpoch).toBe(5);
});
