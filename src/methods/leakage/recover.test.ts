import { describe, expect, it } from "vitest";
import { readCifar10 } from "../../data/cifar.ts";
import { readIdxImages } from "../../data/idx.ts";
import { type NDArray, ndarray } from "../../engine/ndarray.ts";
import * as tree from "../../engine/tree.ts";
import { lenet } from "../../models/lenet.ts";
import { type Model, parameterAt } from "../../models/model.ts";
import { type RandomStream, randomStream } from "../../numeric/random.ts";

import { clipNorm } from "./defences/clip.ts";
import { pruneSmallest } from "./defences/prune.ts";
import { meanSquaredError } from "./image-metrics.ts";
import { inferLabel } from "./infer-labels.ts";
import { matchImages } from "./match-images.ts";
import { type RecoverOptions, type RecoveryCheckpoint, recover } from "./recover.ts";
import { sharedGradient } from "./shared-gradient.ts";
import { tinyNetwork } from "./tiny-network.testing.ts";
import { sharedPath } from "./vectors.testing.ts";

function streams(seed: number): readonly [RandomStream, RandomStream] {
  const [weights, start] = randomStream(seed).spawn(2);
  if (weights === undefined || start === undefined) throw new Error("spawn(2) gives two streams");
  return [weights, start];
}

/** A client with a random network and one image; what it shares. */
async function client(model: Model, pixels: Float64Array, label: number, seed: number) {
  const [weights, stream] = streams(seed);
  const parameters = model.init(weights, "float64");
  const x = ndarray(pixels, [1, ...model.inputShape], "float64");
  const gradient = await sharedGradient({ model, parameters, x, labels: [label], dtype: "float64" });
  return { model, parameters, gradient, stream, x };
}

function unitPixels(images: NDArray<"uint8">, place: number): Float64Array {
  const size = images.data.length / (images.shape[0] ?? 1);
  return Float64Array.from(images.data.subarray(place * size, (place + 1) * size), (value) => value / 255);
}

const mnist = {
  images: sharedPath("data/mnist/t10k-images-idx3-ubyte.gz"),
  labels: sharedPath("data/mnist/t10k-labels-idx1-ubyte.gz"),
};
const cifar = sharedPath("data/cifar10/test_batch.bin.gz");

describe("recovering digits from their gradients", () => {
  if (mnist.images === undefined || mnist.labels === undefined) {
    it.skip("works (skipped: shared/data/mnist is absent)", () => {});
    return;
  }
  const files = { images: mnist.images, labels: mnist.labels };

  it("works for image and label together", async () => {
    const { images, labels } = await readIdxImages(files, { count: 1 });
    const label = Number(labels.data[0]);
    const { x, ...shared } = await client(lenet({ channels: 1 }), unitPixels(images, 0), label, 1234);
    const recovery = await recover({ ...shared, evaluations: 1000, tolerance: 1e-10 });
    expect(recovery.status).toBe("matched");
    expect(recovery.labels).toEqual([label]);
    expect(meanSquaredError(recovery.images, x)).toBeLessThan(1e-6);
  });

  it("gives the same bits for the same seed, and does not look at the original", async () => {
    const { images, labels } = await readIdxImages(files, { start: 3, count: 1 });
    const label = Number(labels.data[0]);
    const run = async (watch: boolean) => {
      const { x, ...shared } = await client(lenet({ channels: 1 }), unitPixels(images, 0), label, 7);
      const known = inferLabel(parameterAt(shared.gradient, "fc.bias"));
      expect(known).toBe(label);
      let last = Number.POSITIVE_INFINITY;
      return recover({
        ...shared,
        labels: [known],
        evaluations: 120,
        ...(watch && {
          onStep: ({ images: pixels }) =>
            (last = Math.min(last, meanSquaredError(ndarray(pixels, x.shape, "float64"), x))),
        }),
      });
    };
    const [watched, blind] = [await run(true), await run(false)];
    expect(watched.images.data).toEqual(blind.images.data);
    expect(watched.status).toBe("max-evaluations");
  });

  it("goes on from a checkpoint with the same bits, the last before a match included", async () => {
    const { images, labels } = await readIdxImages(files, { count: 1 });
    const label = Number(labels.data[0]);
    const run = async (options: Partial<RecoverOptions> = {}) => {
      const { x: _, ...shared } = await client(lenet({ channels: 1 }), unitPixels(images, 0), label, 1234);
      return recover({ ...shared, evaluations: 1000, tolerance: 1e-4, ...options });
    };
    const checkpoints: RecoveryCheckpoint[] = [];
    const whole = await run({ onCheckpoint: async (state) => void checkpoints.push(structuredClone(state)) });
    expect(whole.status).toBe("matched");
    for (const from of [checkpoints[20], checkpoints.at(-1)])
      expect(await run(from && { from })).toEqual(whole);
  });

  it("stops when it is told to", async () => {
    const { images } = await readIdxImages(files, { count: 1 });
    const { x: _, ...shared } = await client(lenet({ channels: 1 }), unitPixels(images, 0), 2, 1);
    const controller = new AbortController();
    const attack = recover({
      ...shared,
      signal: controller.signal,
      onStep: ({ evaluation }) => {
        if (evaluation > 20) controller.abort(new Error("enough"));
      },
    });
    await expect(attack).rejects.toThrow("enough");
  });
});

describe("recovering a photograph from its gradient", () => {
  if (cifar === undefined) {
    it.skip("works (skipped: shared/data/cifar10 is absent)", () => {});
    return;
  }
  it("works", async () => {
    const { images, labels } = await readCifar10(cifar, { start: 1, count: 1 });
    const label = Number(labels.data[0]);
    const { x, ...shared } = await client(lenet(), unitPixels(images, 0), label, 1235);
    const known = inferLabel(parameterAt(shared.gradient, "fc.bias"));
    expect(known).toBe(label);
    const recovery = await recover({ ...shared, labels: [known], evaluations: 4000, tolerance: 1e-8 });
    expect(meanSquaredError(recovery.images, x)).toBeLessThan(1e-4);
  });
});

describe("recovering from a tiny network", () => {
  const model = tinyNetwork({ inputs: 16, hidden: 24, classes: 5, activation: "sigmoid" });

  /** A batch of a random network; the stream of the attack. */
  async function tinyClient(labels: readonly number[], seed: number) {
    const [weights, images, stream] = randomStream(seed).spawn(3);
    if (weights === undefined || images === undefined || stream === undefined)
      throw new Error("three streams");
    const parameters = model.init(weights, "float64");
    const x = ndarray(images.uniform(16 * labels.length), [labels.length, 16], "float64");
    const gradient = await sharedGradient({ model, parameters, x, labels, dtype: "float64" });
    return { model, parameters, gradient, stream, x };
  }

  it("finds a batch whose order is free, by its best permutation", async () => {
    const labels = [0, 3, 1];
    const { x, ...shared } = await tinyClient(labels, 2);
    const recovery = await recover({ ...shared, examples: 3, labels, evaluations: 3000, tolerance: 1e-14 });
    expect(recovery.status).toBe("matched");
    for (const { meanSquaredError: error } of matchImages(x, recovery.images))
      expect(error).toBeLessThan(1e-6);
  });

  it("tries as many starts as it is told, and lets the matching loss alone choose", async () => {
    const { x: _, ...shared } = await tinyClient([2, 2, 4, 1], 5);
    const run = (restarts: number) =>
      recover({ ...shared, stream: randomStream(77), examples: 4, evaluations: 40, restarts });
    const [one, four] = [await run(1), await run(4)];
    expect(four.attempts).toHaveLength(4);
    // More attempts leave the first as it was.
    expect(four.attempts[0]).toEqual(one.attempts[0]);
    const losses = four.attempts.map(({ matchingLoss }) => matchingLoss);
    expect(four.matchingLoss).toBe(Math.min(...losses));
    expect(four.chosen).toBe(losses.indexOf(four.matchingLoss));
    expect(new Set(losses).size).toBe(4);
  });

  it("ends with the first attempt that matches", async () => {
    const { x: _, ...shared } = await tinyClient([2], 5);
    const recovery = await recover({
      ...shared,
      labels: [2],
      evaluations: 2000,
      tolerance: 1e-10,
      restarts: 5,
    });
    expect(recovery.status).toBe("matched");
    expect(recovery.attempts).toHaveLength(recovery.chosen + 1);
  });

  it("goes on with the attempts that had not ended, to the same result", async () => {
    const { x: _, ...shared } = await tinyClient([2, 2, 4, 1], 5);
    const run = (options: Partial<RecoverOptions> = {}) =>
      recover({ ...shared, stream: randomStream(77), examples: 4, evaluations: 40, restarts: 3, ...options });
    const checkpoints: RecoveryCheckpoint[] = [];
    const whole = await run({ onCheckpoint: async (state) => void checkpoints.push(structuredClone(state)) });
    expect(checkpoints.map((each) => "finished" in each && each.finished.length)).toEqual([1, 2, 3]);
    const steps: number[] = [];
    const from = checkpoints[1];
    const rest = await run({ ...(from && { from }), onStep: ({ attempt }) => steps.push(attempt) });
    expect(rest).toEqual(whole);
    expect(new Set(steps)).toEqual(new Set([2]));
  });

  it("goes on with signed Adam from a checkpoint with the same bits", async () => {
    const { x: _, ...shared } = await tinyClient([3], 7);
    const run = (options: Partial<RecoverOptions> = {}) =>
      recover({
        ...shared,
        stream: randomStream(8),
        labels: [3],
        distance: "cosine",
        optimizer: "signed-adam",
        evaluations: 60,
        ...options,
      });
    const checkpoints: RecoveryCheckpoint[] = [];
    const whole = await run({ onCheckpoint: async (state) => void checkpoints.push(structuredClone(state)) });
    expect(await run(checkpoints[30] && { from: checkpoints[30] })).toEqual(whole);
  });

  it("gives an attempt up that is stuck", async () => {
    const { x: _, ...shared } = await tinyClient([2], 6);
    // No image has this gradient, so the matching loss stays away from 0.
    const random = randomStream(1);
    const gradient = tree.map(
      (array: NDArray) => ndarray(random.normal(array.data.length), array.shape, "float64"),
      shared.gradient,
    ) as typeof shared.gradient;
    const recovery = await recover({ ...shared, gradient, labels: [2], evaluations: 4000, patience: 50 });
    expect(recovery.status).toBe("stuck");
    expect(recovery.reason).toContain("50 evaluations");
    expect(recovery.evaluations).toBeLessThan(2000);
  });

  it("finds an image by signed Adam on the cosine distance, inside the box", async () => {
    const { x, ...shared } = await tinyClient([3], 7);
    const recovery = await recover({
      ...shared,
      labels: [3],
      distance: "cosine",
      optimizer: "signed-adam",
      evaluations: 2000,
    });
    expect(recovery.evaluations).toBe(2000);
    expect(Math.min(...recovery.images.data)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...recovery.images.data)).toBeLessThanOrEqual(1);
    expect(recovery.matchingLoss).toBeLessThan(1e-5);
    expect(meanSquaredError(recovery.images, x)).toBeLessThan(1e-3);
  });

  it("unrolls a client's local steps", async () => {
    const { x, parameters, stream } = await tinyClient([1], 9);
    const localSteps = { count: 4, learningRate: 0.2 };
    const gradient = await sharedGradient({
      model,
      parameters,
      x,
      labels: [1],
      dtype: "float64",
      localSteps,
    });
    const attack = { model, parameters, gradient, labels: [1], evaluations: 2000, tolerance: 1e-12 };
    const recovery = await recover({ ...attack, stream, localSteps });
    expect(meanSquaredError(recovery.images, x)).toBeLessThan(1e-6);
    const naive = await recover({ ...attack, stream: randomStream(3), evaluations: 300 });
    expect(naive.matchingLoss).toBeGreaterThan(100 * recovery.matchingLoss);
  });

  it("refuses options that are out of range", async () => {
    const { x: _, ...shared } = await tinyClient([1], 9);
    await expect(recover({ ...shared, restarts: 0 })).rejects.toThrow("restarts 0");
    await expect(recover({ ...shared, tolerance: -1 })).rejects.toThrow("tolerance -1");
    await expect(recover({ ...shared, box: [1, 0] })).rejects.toThrow("the box [1, 0] is empty");
  });
});

describe("attackers that know the defence", () => {
  if (mnist.images === undefined || mnist.labels === undefined) {
    it.skip("work (skipped: shared/data/mnist is absent)", () => {});
    return;
  }
  const files = { images: mnist.images, labels: mnist.labels };

  async function digit(seed: number) {
    const { images, labels } = await readIdxImages(files, { count: 1 });
    const label = Number(labels.data[0]);
    return { label, ...(await client(lenet({ channels: 1 }), unitPixels(images, 0), label, seed)) };
  }

  it("see through half of the gradient pruned", async () => {
    const { x, label, ...shared } = await digit(1234);
    const gradient = pruneSmallest(shared.gradient, 0.5);
    const attack = { ...shared, gradient, labels: [label], evaluations: 1500, tolerance: 1e-10 };
    const aware = await recover({ ...attack, mask: "sent" });
    expect(meanSquaredError(aware.images, x)).toBeLessThan(1e-5);
    const naive = await recover({ ...attack, stream: randomStream(5), evaluations: 500 });
    expect(meanSquaredError(naive.images, x)).toBeGreaterThan(1e-2);
  });

  it("see through clipping by the cosine", async () => {
    const { x, label, ...shared } = await digit(1235);
    const gradient = clipNorm(shared.gradient, 1);
    expect(inferLabel(parameterAt(gradient, "fc.bias"))).toBe(label);
    const recovery = await recover({
      ...shared,
      gradient,
      labels: [label],
      distance: "cosine",
      evaluations: 1500,
      tolerance: 1e-11,
    });
    expect(meanSquaredError(recovery.images, x)).toBeLessThan(1e-5);
  });
});
