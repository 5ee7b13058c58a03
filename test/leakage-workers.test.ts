import { describe, expect, it } from "vitest";

type Leakage = typeof import("../src/methods/leakage/index.ts");
type Engine = typeof import("../src/engine/index.ts");

// The built package: from TypeScript sources attempts run in this process.
const built = async <T>(path: string): Promise<T> =>
  (await import(new URL(`../dist/${path}`, import.meta.url).href)) as T;

describe("attempts in processes of their own", () => {
  it("give the same bits as one after the other, stop at a match and when told to", async () => {
    const { lenet, randomStream, recover, sharedGradient } = await built<Leakage>("methods/leakage/index.js");
    const { ndarray } = await built<Engine>("engine/index.js");
    const model = lenet({ channels: 1 });
    const [weights, pixels] = randomStream(3).spawn(2);
    if (weights === undefined || pixels === undefined) throw new Error("two streams");
    const parameters = model.init(weights, "float64");
    const x = ndarray(pixels.uniform(784), [1, 1, 28, 28], "float64");
    const gradient = await sharedGradient({ model, parameters, x, labels: [3], dtype: "float64" });
    const attack = { model, parameters, gradient, labels: [3], evaluations: 60, restarts: 3 };
    const run = (workers: number, tolerance = 0) =>
      recover({ ...attack, workers, tolerance, stream: randomStream(9), evaluations: tolerance ? 400 : 60 });

    const [inTurn, atOnce] = [await run(1), await run(3)];
    expect(atOnce).toEqual(inTurn);
    expect(atOnce.attempts).toHaveLength(3);

    const [matchedInTurn, matchedAtOnce] = [await run(1, 1e-8), await run(2, 1e-8)];
    expect(matchedAtOnce).toEqual(matchedInTurn);
    expect(matchedAtOnce.status).toBe("matched");
    expect(matchedAtOnce.attempts).toHaveLength(matchedAtOnce.chosen + 1);

    const controller = new AbortController();
    const seen = new Set<number>();
    const endless = recover({
      ...attack,
      evaluations: 1_000_000,
      patience: 1_000_000,
      workers: 2,
      stream: randomStream(9),
      signal: controller.signal,
      onStep: ({ attempt, images }) => {
        seen.add(attempt);
        expect(images).toHaveLength(784);
        if (seen.size === 2) controller.abort(new Error("enough"));
      },
    });
    await expect(endless).rejects.toThrow("enough");
  });
});

describe("an audit in processes of its own", () => {
  it("gives the same bits with one and with two", async () => {
    const { auditDefences, randomStream } = await built<Leakage>("methods/leakage/index.js");
    const { ndarray } = await built<Engine>("engine/index.js");
    const audit = (threads: number) =>
      auditDefences({
        images: ndarray(randomStream(2).uniform(64), [1, 1, 8, 8], "float64"),
        defences: ["none", "noise:gaussian:1e-3"],
        evaluations: 40,
        stream: randomStream(1),
        threads,
      });
    expect(await audit(2)).toEqual(await audit(1));
  });
});
