import { describe, expect, it } from "vitest";
import { readCifar10 } from "../../data/cifar.ts";
import { readIdxImages } from "../../data/idx.ts";
import { type NDArray, ndarray } from "../../engine/ndarray.ts";
import { lenet } from "../../models/lenet.ts";
import { type Model, parameterAt } from "../../models/model.ts";
import { type RandomStream, randomStream } from "../../numeric/random.ts";
import type { LbfgsCheckpoint } from "../../training/lbfgs.ts";
import { sharedGradient } from "./gradient-matching.ts";
import { meanSquaredError } from "./image-metrics.ts";
import { inferLabel } from "./infer-labels.ts";
import { type RecoverOptions, recover } from "./recover.ts";
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
    const checkpoints: LbfgsCheckpoint[] = [];
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
