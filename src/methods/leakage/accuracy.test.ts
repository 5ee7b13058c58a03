import { describe, expect, it } from "vitest";
import { ndarray } from "../../engine/ndarray.ts";
import { randomStream } from "../../numeric/random.ts";
import type { Kept } from "../../runs/workers/kept-results.ts";
import { type CostRequest, costOfDefences, fewestImages } from "./accuracy.ts";
import type { TrainingOutcome } from "./accuracy-work.ts";
import { halves } from "./halves.testing.ts";

const rows = fewestImages;
const { images, labels } = halves(rows);
const base: Omit<CostRequest, "stream"> = {
  images,
  labels,
  classes: 2,
  defences: ["none", "noise:gaussian:30"],
  seeds: 2,
  steps: 30,
  rates: [1e-2, 3e-2],
};
const costOf = (request: Partial<CostRequest> = {}) =>
  costOfDefences({ ...base, ...request, stream: randomStream(3) });

describe("costOfDefences", () => {
  it("finds what noise costs, on images that took no part", async () => {
    const seen: number[] = [];
    const { defences, images: used } = await costOf({ onProgress: (done) => seen.push(done) });
    const [bare, noisy] = defences;
    expect(used).toEqual({ train: 375, validation: 50, test: 75 });
    expect(bare?.accuracy.estimate).toBeGreaterThan(0.9);
    expect(noisy?.accuracy.estimate).toBeLessThan(0.8);
    expect(bare?.cost).toEqual({ estimate: 0, low: 0, high: 0 });
    const lost = (bare?.accuracy.estimate ?? 0) - (noisy?.accuracy.estimate ?? 0);
    expect(noisy?.cost?.estimate).toBeCloseTo(lost, 12);
    // Student's t of two: half the difference times 12.706.
    const [first = Number.NaN, second = Number.NaN] = (noisy?.outcomes ?? []).map(
      ({ accuracy }, i) => (bare?.outcomes[i]?.accuracy ?? Number.NaN) - accuracy,
    );
    expect(noisy?.cost?.high).toBeCloseTo(lost + 12.7062 * (Math.abs(first - second) / 2), 4);
    // Two rates, up to two beyond them, two seeds; of two defences.
    expect(seen).toEqual(Array.from({ length: seen.length }, (_, i) => i + 1));
    expect(seen.length).toBeGreaterThanOrEqual(8);
    expect(seen.length).toBeLessThanOrEqual(12);
  });

  it("does no training again that is kept, with the same end", async () => {
    const keeping = (finished: Map<number, TrainingOutcome>, into: Map<number, TrainingOutcome>) => {
      const kept: Kept<TrainingOutcome> = { finished, keep: (place, result) => void into.set(place, result) };
      return kept;
    };
    const [tuning, trainings] = [new Map<number, TrainingOutcome>(), new Map<number, TrainingOutcome>()];
    const short = { steps: 4, rates: [1e-2], defences: ["none", "dp:1:0.1"] };
    const whole = await costOf({
      ...short,
      kept: { tuning: keeping(new Map(), tuning), trainings: keeping(new Map(), trainings) },
    });
    expect([tuning.size, trainings.size]).toEqual([2, 4]);
    const more = new Map<number, TrainingOutcome>();
    const part = new Map([...trainings].slice(0, 2));
    const again = await costOf({
      ...short,
      kept: { tuning: keeping(tuning, more), trainings: keeping(part, more) },
    });
    expect(again).toEqual(whole);
    expect([...more.keys()]).toEqual([2, 3]);
  });

  it("tries up to two rates beyond the given ones where the best is at their edge", async () => {
    const totals: number[] = [];
    const { defences } = await costOf({
      seeds: 1,
      steps: 5,
      defences: ["none"],
      rates: [1e-6, 3e-6],
      onProgress: (_, total) => totals.push(total),
    });
    expect(totals.at(-1)).toBe(5);
    expect([1e-6 / 9, 1e-6 / 3, 1e-6, 3e-6, 9e-6, 27e-6].map((rate) => rate.toPrecision(4))).toContain(
      defences[0]?.learningRate.toPrecision(4),
    );
  });

  it("gives the interval of the test images for one seed, and of clipping no more than of the same without", async () => {
    const { defences } = await costOf({ seeds: 1, defences: ["none", "clip:1e6"], rates: [1e-2] });
    const [bare, clipped] = defences;
    expect(clipped?.accuracy.estimate).toBe(bare?.accuracy.estimate);
    expect(clipped?.cost?.estimate).toBe(0);
    expect(clipped?.cost?.high).toBeGreaterThan(0);
    expect(bare?.accuracy.low).toBeLessThan(bare?.accuracy.estimate ?? 0);
  });

  it.each([
    [{ labels: [0, 1] }, `2 labels for ${rows} images`],
    [
      { images: ndarray(new Float32Array(64), [1, 1, 8, 8], "float32"), labels: [0] },
      "1 images; at least 500",
    ],
    [{ defences: ["soteria:0.5"] }, '"soteria:0.5" looks at each image by a Jacobian'],
    [{ defences: ["batch:2"] }, "batch and local-steps mix several"],
    [{ steps: 0 }, "steps 0 is not a positive integer"],
    [{ rates: [] }, "rates 0 is not a positive integer"],
  ])("refuses %o", async (wrong, message) => {
    await expect(costOf(wrong)).rejects.toThrow(message);
  });
});
