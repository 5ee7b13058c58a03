import { expect, it } from "vitest";

type Cleansing = typeof import("../src/methods/cleansing/index.ts");
type Verification = typeof import("../src/methods/cleansing/verification.ts");
type Engine = typeof import("../src/engine/index.ts");

// The built package: from TypeScript sources trainings run in this process.
const built = async <T>(path: string): Promise<T> =>
  (await import(new URL(`../dist/${path}`, import.meta.url).href)) as T;

it("trains in processes of their own to the same bits as in one", async () => {
  const { removalCurve, randomStream } = await built<Cleansing>("methods/cleansing/index.js");
  const { verify } = await built<Verification>("methods/cleansing/verification.js");
  const { ndarray } = await built<Engine>("engine/index.js");
  const examples = (rows: number, seed: number) => {
    const x = randomStream(seed).normal(rows * 2);
    const y = Array.from({ length: rows }, (_, i) => Number((x[2 * i] ?? 0) > 0.5));
    return { x: ndarray(x, [rows, 2], "float64"), y: ndarray(y, [rows], "int64") };
  };
  const parts = { train: examples(40, 1), validation: examples(12, 2), test: examples(12, 3) };
  const setup = {
    ...({ model: "mlp:3", inputShape: [2], classNames: ["a", "b"], dtype: "float64" } as const),
    ...({ epochs: 2, batch: 7, learningRate: 0.3, optimizer: "momentum", momentum: 0.9 } as const),
    rowPenalty: 0.01,
  };
  const curve = (threads: number) =>
    removalCurve({
      ...{ setup, parts, remove: [3], repeats: 2, rounds: 2, threads },
      rankings: ["influence", "random"],
      stream: randomStream(8),
    });
  expect(await curve(2)).toEqual(await curve(1));

  // More rows than share a call.
  const removals = Array.from({ length: 23 }, (_, i) => [i]);
  const proof = (threads: number) =>
    verify({
      common: { setup, train: parts.train, judged: parts.validation, stream: randomStream(4).state() },
      ...{ usualLoss: 0.5, removals, orders: randomStream(5).spawn(3), threads },
    });
  const [one, two] = [await proof(1), await proof(2)];
  expect(two).toEqual(one);
  expect(new Set(one.effects).size).toBe(23);
  expect(one.orderNoise).toBeGreaterThan(0);
});
